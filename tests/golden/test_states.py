"""The captures of made-up clusters are what their code makes."""

from pathlib import Path

import pytest

from fixtures.states.make import STATES, make_capture

FOLDER = Path(__file__).parents[2] / "fixtures" / "states"


@pytest.mark.parametrize("name", STATES)
def test_the_capture_of_a_state_is_what_its_code_makes(name: str, tmp_path: Path) -> None:
    make_capture(name, tmp_path / "made.tapio")
    assert (tmp_path / "made.tapio").read_bytes() == (FOLDER / f"{name}.tapio").read_bytes()


def test_every_capture_of_a_state_has_its_code() -> None:
    assert {path.stem for path in FOLDER.glob("*.tapio")} == set(STATES)
