"""What somebody may have meant who wrote a word that is not known."""

from __future__ import annotations

from collections.abc import Collection


def suggest(word: str, known: Collection[str]) -> str:
    """The next step for a word that is not known: the nearest known one, or all of them."""
    import difflib  # noqa: PLC0415 - only needed for a mistake

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(known))}"
