"""What is asked of a freeze, and what comes of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from formats.times import format_time


@dataclass(frozen=True, slots=True)
class FreezeRequest:
    """What somebody asks for on the control socket.

    Attributes:
        name: of the capture, without a path; empty: made from the time.
        reason: for the capture's own description.
        before_ns: how far back; None: as configured.
        after_ns: how much longer; None: as configured.
    """

    name: str = ""
    reason: str = ""
    before_ns: int | None = None
    after_ns: int | None = None


@dataclass(frozen=True, slots=True)
class FreezeResult:
    """What came of a freeze.

    Attributes:
        path: of the capture.
        size: in bytes.
        segments: that it holds.
        asked_from_unix_nano: begin of the window asked for; `asked_to_unix_nano` is its end.
        achieved_from_unix_nano: begin of what the segments hold; `achieved_to_unix_nano` is its end.
        reason: why it was frozen.
    """

    path: str
    size: int
    segments: int
    asked_from_unix_nano: int
    asked_to_unix_nano: int
    achieved_from_unix_nano: int
    achieved_to_unix_nano: int
    reason: str


def result_to_json(result: FreezeResult) -> dict[str, object]:
    """The result as JSON values, times as integers and as RFC 3339."""
    content: dict[str, object] = dataclasses.asdict(result)
    for key in ("asked_from", "asked_to", "achieved_from", "achieved_to"):
        content[key] = format_time(int(getattr(result, f"{key}_unix_nano")))
    return content
