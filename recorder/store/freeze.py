"""What is asked of a freeze, and what comes of it."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from dataclasses import dataclass

from formats.errors import UnavailableError
from formats.times import format_time


class BusyError(UnavailableError):
    """Too many freezes are in progress: the same request may succeed later."""


@dataclass(frozen=True, slots=True)
class FreezeRequest:
    """What somebody asks for on the control socket, or the cluster by a Capture.

    Attributes:
        name: of the capture, without a path; empty: made from the time.
        reason: for the capture's own description.
        before_ns: how far back; None: as configured.
        after_ns: how much longer; None: as configured.
        window_unix_nano: begin and end of the window, in place of the two before; it may lie in the past.
        is_bounded: refuse it when all captures together have reached their limit, as those of triggers are.
        stays_on_node: never upload it.
    """

    name: str = ""
    reason: str = ""
    before_ns: int | None = None
    after_ns: int | None = None
    window_unix_nano: tuple[int, int] | None = None
    is_bounded: bool = False
    stays_on_node: bool = False


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
        events: rows of all tables.
        losses: events that are known to be missing.
        sha256: of the file, hexadecimal.
    """

    path: str
    size: int
    segments: int
    asked_from_unix_nano: int
    asked_to_unix_nano: int
    achieved_from_unix_nano: int
    achieved_to_unix_nano: int
    reason: str
    events: int = 0
    losses: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class TriggeredFreeze:
    """A freeze that a recorded event has begun on this node.

    Attributes:
        key: of the trigger, such as `oom-kill`.
        reason: what was recorded, in one sentence.
        at_unix_nano: when it was seen.
        before_ns: how far back from then it reaches.
        after_ns: how much longer, unless the trigger fires again.
        reply: is fulfilled when the capture is written, or has failed.
    """

    key: str
    reason: str
    at_unix_nano: int
    before_ns: int
    after_ns: int
    reply: Future[FreezeResult]


def result_to_json(result: FreezeResult) -> dict[str, object]:
    """The result as JSON values, times as integers and as RFC 3339."""
    content: dict[str, object] = dataclasses.asdict(result)
    for key in ("asked_from", "asked_to", "achieved_from", "achieved_to"):
        content[key] = format_time(int(getattr(result, f"{key}_unix_nano")))
    return content
