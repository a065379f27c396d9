"""Only a tag that belongs to the version and has its changes written down is released."""

import re
from pathlib import Path

import pytest

from deploy.release_notes import ReleaseError, find_notes

REPOSITORY = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

### Added

- Something new.

## [0.2.0] - 2026-11-30

### Fixed

- A capture is no longer lost.

## [0.1.0] - 2026-11-01

## [0.0.1] - 2026-10-01

### Added

- Everything.
"""


def test_notes_are_the_section_of_the_version_and_nothing_else() -> None:
    assert find_notes("v0.2.0", "0.2.0", CHANGELOG) == "### Fixed\n\n- A capture is no longer lost.\n"
    assert find_notes("v0.0.1", "0.0.1", CHANGELOG) == "### Added\n\n- Everything.\n"


@pytest.mark.parametrize("tag", ["v0.2.1", "0.2.0", "v0.2.0-rc1", "v0.2", ""])
def test_tag_of_another_version_is_rejected(tag: str) -> None:
    with pytest.raises(ReleaseError, match=r"pyproject.toml says 0\.2\.0"):
        find_notes(tag, "0.2.0", CHANGELOG)


@pytest.mark.parametrize("version", ["0.3.0", "0.1.0", "0x2.0"])
def test_version_without_written_changes_is_rejected(version: str) -> None:
    with pytest.raises(ReleaseError, match="has no section"):
        find_notes(f"v{version}", version, CHANGELOG)


def test_changelog_has_the_form_that_releases_need() -> None:
    headings = re.findall(r"^## (.*)$", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
