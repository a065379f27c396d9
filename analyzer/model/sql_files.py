"""SQL of ours that lives in files: one file, one purpose."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def read_sql(name: str) -> str:
    """The text of an SQL file of this package.

    Args:
        name: `folder/file` without `.sql`, e.g. `relations/owns`.
    """
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
