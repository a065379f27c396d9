"""The wheel has every file of the product, and the check says so when it has not."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from deploy.wheel_check import PACKAGES, CheckError, Installation, find_missing, list_packed, list_tracked

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Paths in a wheel that is built from this checkout, offline."""
    output = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(output)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = output.glob("*.whl")
    return list_packed(wheel)


def test_wheel_has_every_file_of_the_product(packed: list[str]) -> None:
    assert find_missing(list_tracked(), packed) == []


def test_wheel_has_nothing_but_the_product(packed: list[str]) -> None:
    foreign = [path for path in packed if path.split("/")[0] not in PACKAGES]
    strange = [
        path for path in foreign if not re.match(r"tapio-[^/]+(\.dist-info/|\.data/data/share/(man|doc)/)", path)
    ]
    assert not strange, "only tapio-VERSION.dist-info, manual pages and documents beside the packages"
    assert not [path for path in packed if path.endswith((".pyc", ".so"))]


def test_wheel_has_the_pages_that_help_texts_and_errors_name(packed: list[str]) -> None:
    code = [path for package in ("analyzer", "formats", "reports") for path in (REPOSITORY / package).rglob("*.py")]
    texts = [re.sub(r'(?s:""".*?""")|#.*', "", path.read_text(encoding="utf-8")) for path in code]
    named = {page for text in texts for page in re.findall(r"docs/[a-z-]+\.md", text)}
    assert "docs/facts.md" in named
    assert named <= {path.partition("/share/doc/tapio/")[2] for path in packed}


def test_wheel_has_the_manifests_that_are_installed_on_clusters(packed: list[str]) -> None:
    tracked = [
        path.removeprefix("deploy/kubernetes/") for path in list_tracked() if path.startswith("deploy/kubernetes/")
    ]
    assert "base/daemonset.yaml" in tracked
    there = {
        path.removeprefix("analyzer/fleet/kustomize/")
        for path in packed
        if path.startswith("analyzer/fleet/kustomize/")
    }
    assert there == set(tracked)


def test_every_forgotten_kind_of_file_is_reported() -> None:
    # GIVEN the files that git tracks
    tracked = list_tracked()
    kinds = Counter(PurePosixPath(path).suffix for path in tracked if path.split("/")[0] in PACKAGES)
    assert {".py", ".sql", ".yaml", ".c", ".h", ".j2", ".js", ".css", ".txt"} <= set(kinds)
    for kind, count in kinds.items():
        # WHEN a wheel has none of one kind
        packed = [path for path in tracked if PurePosixPath(path).suffix != kind]
        # THEN each of them is reported
        assert len(find_missing(tracked, packed)) == count


def test_files_beside_the_product_are_not_expected_in_the_wheel() -> None:
    assert find_missing(["README.md", "tests/test_x.py", "formats/x.py"], ["formats/x.py"]) == []


def test_program_that_fails_is_a_failed_check(tmp_path: Path) -> None:
    (tmp_path / "tapio").write_text("#!/bin/sh\necho broken >&2\nexit 70\n")
    (tmp_path / "tapio").chmod(0o755)
    with pytest.raises(CheckError, match=r"`tapio analyze` ended with 70: broken"):
        Installation(tmp_path, tmp_path).run("tapio", "analyze")


def test_installed_program_does_not_see_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    assert "PYTHONPATH" in os.environ
    (tmp_path / "show").write_text('#!/bin/sh\necho "$PYTHONPATH $PWD"\n')
    (tmp_path / "show").chmod(0o755)
    assert Installation(tmp_path, tmp_path).run("show").split() == [str(tmp_path)]
