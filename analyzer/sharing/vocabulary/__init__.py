"""The words that may stay, because Linux and Kubernetes made them and not the people who recorded."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def load_words(name: str) -> frozenset[str]:
    """The words of one list: one of the files beside this one; `#` begins a comment."""
    text = resources.files(__package__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
