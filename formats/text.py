"""Recorded text made safe to show: everything recorded is hostile in a terminal."""

from __future__ import annotations

import unicodedata

CUT_MARK = "…"
"""End of a text that was cut; it replaces the omitted part."""

DIGEST_PREFIX = "digest:"
"""Start of a text that replaces a value which was not recorded (`formats.rows.kube_redaction`)."""

_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS_IN_A_ROW = 4
"""Combining marks on one letter. Why: no language stacks more, and a pile of them paints over other lines."""


def escape_text(text: str, *, limit: int | None = None) -> str:
    r"""Text with control, format (bidi, zero-width), surrogate and unassigned characters as `\xNN` or `\uNNNN`.

    Args:
        text: anything that was recorded.
        limit: longest result in characters; what is cut ends with `…`.

    Returns:
        One line that a terminal shows as it is: no escape sequence, line break or reordering survives.
    """
    shown = text if text.isascii() and text.isprintable() else _escape_characters(text)
    return shown if limit is None else cut_text(shown, limit)


def cut_text(text: str, limit: int) -> str:
    """The text in at most `limit` characters; one that was cut ends with `CUT_MARK`."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + CUT_MARK


def cut_middle(text: str, limit: int) -> str:
    """The text in at most `limit` characters, cut in the middle: errors say at the end what is wrong."""
    if len(text) <= limit:
        return text
    kept = max(limit - len(CUT_MARK), 0)
    tail = kept // 2
    return text[: kept - tail] + CUT_MARK[:limit] + (text[-tail:] if tail else "")


def _escape_characters(text: str) -> str:
    shown = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        shown.append(_escape(character) if category in _ESCAPED_CATEGORIES or marks > _MARKS_IN_A_ROW else character)
    return "".join(shown)


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
