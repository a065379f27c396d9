"""The captures of the made town are what their code makes."""

from pathlib import Path

import pytest

from fixtures.town.make import FOLDER, STATES, make_capture


@pytest.mark.parametrize("name", STATES)
def test_the_capture_of_a_town_is_what_its_code_makes(name: str, tmp_path: Path) -> None:
    make_capture(name, tmp_path / "made.tapio")
    assert (tmp_path / "made.tapio").read_bytes() == (FOLDER / f"{name}.tapio").read_bytes()


def test_every_capture_of_a_town_has_its_code() -> None:
    assert {path.stem for path in FOLDER.glob("*.tapio")} == set(STATES)
