"""Checks that a tag may be released and prints the notes of the release.

usage: deploy/release_notes.py vX.Y.Z

The tag must be `version` of pyproject.toml, and CHANGELOG.md must have a section of that version with something in it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


class ReleaseError(Exception):
    """The tag must not be released; the text says why and what to do."""


def find_notes(tag: str, version: str, changelog: str) -> str:
    """The text of the changelog's section for a tag.

    Raises:
        ReleaseError: the tag is not that of `version`, or the changelog has nothing to say about it.
    """
    if tag != f"v{version}":
        raise ReleaseError(
            f"the tag is {tag}, pyproject.toml says {version}: tag v{version}, or change the version first"
        )
    section = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE
    )
    if section is None or not re.search(r"^- ", section[1], re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD` with changes: rename Unreleased")
    return section[1].strip() + "\n"


def main() -> int:
    """Print the notes of the tag that is named; 1 if it must not be released."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 64
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    try:
        notes = find_notes(sys.argv[1], project["version"], (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"))
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    print(notes, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
