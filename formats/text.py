"""Recorded text made safe to show: everything recorded is hostile in a terminal."""

from __future__ import annotations

import unicodedata

_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escape_text(text: str, *, limit: int | None = None) -> str:
    r"""Text with control, format (bidi, zero-width), surrogate and unassigned characters as `\xNN` or `\uNNNN`.

    Args:
        text: anything that was recorded.
        limit: longest result in characters; what is cut ends with `…`.

    Returns:
        One line that a terminal shows as it is: no escape sequence, line break or reordering survives.
    """
    shown = "".join(_escape_character(character) for character in text)
    if limit is not None and len(shown) > limit:
        return shown[: max(limit - 1, 0)] + "…"
    return shown


def _escape_character(character: str) -> str:
    if unicodedata.category(character) not in _ESCAPED_CATEGORIES:
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
