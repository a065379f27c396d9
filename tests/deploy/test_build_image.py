"""Promises of `make image`: it builds what the Containerfile names, from what is locked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy import build_image
from deploy.write_lock import LOCKS

CONTAINERFILE = (Path(__file__).parents[2] / "deploy" / "Containerfile").read_text()


def test_every_target_has_a_stage_and_a_lock_file() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", CONTAINERFILE, re.MULTILINE))
    assert set(build_image.TARGETS) <= stages
    assert {f"{target}.txt" for target in build_image.TARGETS} <= set(LOCKS)


def test_the_program_of_an_image_is_what_it_starts() -> None:
    for name in build_image.TARGETS.values():
        assert f'ENTRYPOINT ["{name}"]' in CONTAINERFILE


def test_the_base_is_one_place_for_both() -> None:
    assert f"ARG BASE={build_image.BASE}\n" in CONTAINERFILE
    assert build_image.RELEASE in build_image.BASE


@pytest.mark.parametrize("wheels", [[], ["tapio-1-py3-none-any.whl", "tapio-2-py3-none-any.whl"]])
def test_without_the_one_wheel_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheels: list[str]
) -> None:
    (tmp_path / "dist").mkdir()
    for name in wheels:
        (tmp_path / "dist" / name).touch()
    monkeypatch.setattr(build_image, "REPOSITORY", tmp_path)
    with pytest.raises(SystemExit, match="make wheel"):
        build_image.find_wheel()
