"""What one node does about Captures: freeze its part, say what came of it, and create one when a trigger fires.

It never waits: `step` does what is due. What cannot be done because the API server does not answer is done later; the
recording does not depend on it.

==========================================  ===========================================================================
the Capture is for other nodes, or answered  nothing
a trigger of this node created it            its part is the freeze that the trigger has begun
the file is there already                    the recorder ended before it could say so: say so now
the window is no longer in the ring          the entry says so; nothing is frozen, which would end a segment
too many freezes are in progress             later
it was uploaded                              its entry says where it is
a request fails, or conflicts                later, with growing waits and jitter, until the Capture is no more
==========================================  ===========================================================================
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from formats.capture_kind import FAILED, FREEZING, FROZEN
from formats.clock import Instant
from formats.errors import TapioError, UnavailableError
from formats.rows.kube_json import Json, text
from formats.rows.kube_json import field as inner
from formats.text import escape_text
from formats.times import NANOSECONDS, format_time
from recorder.config import FleetConfig
from recorder.fleet.capture_api import CaptureApi
from recorder.fleet.capture_objects import (
    SeenCapture,
    automatic_prefix,
    is_covered,
    make_capture,
    read_order,
    summarize,
)
from recorder.kube.api_client import Reply, status_message
from recorder.kube.pacing import Pacer, Timing
from recorder.store.captures import capture_path, measure_capture
from recorder.store.freeze import BusyError, FreezeRequest, FreezeResult, TriggeredFreeze

MAX_CAPTURES: Final = 500
"""Captures of the namespace beyond which triggers create no more: nobody seems to delete them."""
_MAX_AT_ONCE = 4
"""Freezes of Captures in progress; the store allows more, for triggers and people of this node."""
_PACE_NS = 2 * NANOSECONDS
"""Least time between the beginnings of two freezes: each ends a segment."""
_LOOK_NS = NANOSECONDS // 2
_BUSY_NS = 30 * NANOSECONDS
_WAITING_TRIGGERS = 8
_TRIGGER_AGE_NS = 900 * NANOSECONDS
"""A trigger's Capture that could not be created for so long is not created: rings move on."""
_SUMMARY_TRIES = 3
_SLACK_NS = NANOSECONDS
_MESSAGE_CHARACTERS = 500


@dataclass(slots=True)
class _Part:
    """This node's part of one Capture: it is read, frozen, and told of."""

    seen: SeenCapture
    due_ns: int
    pacer: Pacer
    reply: Future[FreezeResult] | None = None
    window: tuple[int, int] = (0, 0)
    entry: Json | None = None
    stays_on_node: bool = False


@dataclass(slots=True)
class _Upload:
    """A capture of this node whose entry is to say where it was uploaded to."""

    seen: SeenCapture
    file: str
    due_ns: int
    pacer: Pacer


@dataclass(slots=True)
class _Waiting:
    """A trigger for which a Capture is to be created."""

    begun: TriggeredFreeze
    due_ns: int
    seen_boot_ns: int
    pacer: Pacer


@dataclass(slots=True)
class Figures:
    """What this node has done since the start; `problem` is what is wrong at the moment."""

    frozen: int = 0
    failed: int = 0
    created: int = 0
    problem: str = ""


@dataclass(slots=True, kw_only=True)
class Participation:
    """All Captures that this node is working on. `announce` may be called from any thread, the rest from one.

    Args:
        api: of the Captures.
        node: name of this node.
        config: rate limits and jitter.
        captures: directory of this node's captures.
        freeze: asks the recorder for a freeze.
        reaches_back_to: gives the wall clock at which the ring begins, unix ns.
        known: the Captures that there are.
        find_uploaded: gives the URI of an uploaded capture by the name of its file, None while it is not there yet;
            None: nothing is uploaded.
        randomness: of the jitter.
        timing: the patience with the API server.
    """

    api: CaptureApi
    node: str
    config: FleetConfig
    captures: Path
    freeze: Callable[[FreezeRequest], Future[FreezeResult]]
    reaches_back_to: Callable[[], int]
    known: Callable[[], Iterable[SeenCapture]]
    find_uploaded: Callable[[str], str | None] | None = None
    randomness: random.Random = field(default_factory=random.SystemRandom)
    timing: Timing = field(default_factory=Timing)
    figures: Figures = field(default_factory=Figures)
    _parts: OrderedDict[str, _Part] = field(default_factory=OrderedDict)
    _uploads: OrderedDict[str, _Upload] = field(default_factory=OrderedDict)
    _begun: dict[str, Future[FreezeResult]] = field(default_factory=dict)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _announced: deque[TriggeredFreeze] = field(default_factory=lambda: deque(maxlen=_WAITING_TRIGGERS))
    _next_begin_ns: int = 0

    @property
    def pending(self) -> int:
        """How many Captures it is working on."""
        return len(self._parts)

    def announce(self, begun: TriggeredFreeze) -> None:
        """A trigger of this node has fired."""
        self._announced.append(begun)

    def see(self, seen: SeenCapture, now: Instant) -> None:
        """There is a Capture that was not there before."""
        self._parts[seen.uid] = _Part(seen, now.boot_ns + self._jitter_ns(), Pacer(self.timing, self.randomness))

    def step(self, now: Instant) -> None:
        """Do what is due."""
        while self._announced:
            begun = self._announced.popleft()
            due = now.boot_ns + self._jitter_ns()
            self._waiting.append(_Waiting(begun, due, now.boot_ns, Pacer(self.timing, self.randomness)))
        for waiting in [waiting for waiting in self._waiting if waiting.due_ns <= now.boot_ns]:
            self._try(waiting, now, partial(self._create, waiting, now))
        for part in [part for part in self._parts.values() if part.due_ns <= now.boot_ns]:
            self._try(part, now, partial(self._advance, part, now))
        for upload in [upload for upload in self._uploads.values() if upload.due_ns <= now.boot_ns]:
            self._try(upload, now, partial(self._report_upload, upload, now))

    def _try(self, work: _Part | _Upload | _Waiting, now: Instant, do: Callable[[], None]) -> None:
        try:
            do()
        except UnavailableError as error:
            self._postpone(work, now, error.problem)

    def _postpone(
        self, work: _Part | _Upload | _Waiting, now: Instant, problem: str, retry_after_s: float | None = None
    ) -> None:
        self.figures.problem = problem
        work.due_ns = now.boot_ns + int(work.pacer.backoff(retry_after_s) * NANOSECONDS)

    def _jitter_ns(self) -> int:
        return int(self.config.jitter_ns * self.randomness.random())

    # Triggers.

    def _create(self, waiting: _Waiting, now: Instant) -> None:
        begun, known = waiting.begun, list(self.known())
        interval_ns = self.config.min_interval_ns
        if is_covered(automatic_prefix(begun.key), begun.at_unix_nano, interval_ns, lambda: known):
            self._waiting.remove(waiting)
            return
        if len(known) >= MAX_CAPTURES:
            self._waiting.remove(waiting)
            self.figures.problem = f"the namespace has {len(known)} Captures; triggers create no more, delete some"
            return
        reply = self.api.create(make_capture(begun, self.node, interval_ns))
        if reply.status == 201:
            self._begun[text(inner(reply.content, "metadata"), "uid")] = begun.reply
            self.figures.created += 1
            self.figures.problem = ""
        if reply.status in (201, 409):  # 409: another node was first
            self._waiting.remove(waiting)
        elif reply.status in (400, 403, 404, 405, 422) or now.boot_ns - waiting.seen_boot_ns > _TRIGGER_AGE_NS:
            self._waiting.remove(waiting)
            self.figures.problem = _told(reply, "a Capture cannot be created")
        else:
            self._postpone(waiting, now, _told(reply, "a Capture cannot be created"), reply.retry_after_s)

    # Captures.

    def _advance(self, part: _Part, now: Instant) -> None:
        if part.entry is not None:
            self._report(part, part.entry, now)
        elif part.reply is None:
            self._begin(part, now)
        elif part.reply.done():
            self._take_result(part, part.reply, now)
        else:
            part.due_ns = now.boot_ns + _LOOK_NS

    def _begin(self, part: _Part, now: Instant) -> None:
        at_once = sum(other.reply is not None for other in self._parts.values())
        if at_once >= _MAX_AT_ONCE or now.boot_ns < self._next_begin_ns:
            part.due_ns = now.boot_ns + _LOOK_NS
            return
        reply = self.api.read(part.seen.name)
        if reply.status == 404 or (reply.status == 200 and _uid_of(reply) != part.seen.uid):
            self._drop(part)
            return
        if reply.status != 200 or reply.content is None:
            self._postpone(part, now, _told(reply, "a Capture cannot be read"), reply.retry_after_s)
            return
        try:
            order = read_order(reply.content, part.seen, self.node)
        except TapioError as error:
            part.entry = _failed_entry(error.problem)
            return
        if not order.concerns_node or order.is_done:
            self._drop(part)
            if order.file and not order.stays_on_node and not order.is_uploaded:
                self._await_upload(part, order.file, now)  # the recorder ended before it could say so
            return
        part.window = order.window_unix_nano
        part.stays_on_node = order.stays_on_node
        path = capture_path(self.captures, part.seen.file_stem)
        own = self._begun.pop(part.seen.uid, None)
        if own is not None:
            part.reply = own
        elif path.exists():
            part.entry = self._measure(path, part)
        elif part.window[1] < (begin := self.reaches_back_to()):
            part.entry = _failed_entry(
                f"the recording of this node begins at {format_time(begin)[:19]}Z, after the window"
            )
            return
        else:
            self._next_begin_ns = now.boot_ns + _PACE_NS
            part.reply = self.freeze(
                FreezeRequest(
                    part.seen.file_stem,
                    order.reason,
                    window_unix_nano=part.window,
                    is_bounded=True,
                    stays_on_node=order.stays_on_node,
                )
            )
        part.due_ns = now.boot_ns + _LOOK_NS
        # If this is not written, nothing is lost: the entry that counts comes at the end.
        told = self.api.patch_status(part.seen.name, _entry_patch(self.node, {"state": FREEZING}))
        if told.status == 200 and told.content is not None and not text(inner(told.content, "status"), "state"):
            self._summarize(part, told, ("state",))  # not how many: other nodes are about to begin

    def _measure(self, path: Path, part: _Part) -> Json:
        try:
            figures, size = measure_capture(path), path.stat().st_size
        except (TapioError, OSError) as error:
            return _failed_entry(f"{path.name} exists, but cannot be read: {error}")
        return _frozen_entry(
            FreezeResult(
                path=str(path),
                size=size,
                segments=0,
                asked_from_unix_nano=part.window[0],
                asked_to_unix_nano=part.window[1],
                achieved_from_unix_nano=figures.from_unix_nano,
                achieved_to_unix_nano=figures.to_unix_nano,
                reason="",
                events=figures.events,
                losses=figures.losses,
                sha256=figures.sha256,
            ),
            part.window,
        )

    def _take_result(self, part: _Part, reply: Future[FreezeResult], now: Instant) -> None:
        error = reply.exception()
        if isinstance(error, BusyError):
            part.reply, part.due_ns = None, now.boot_ns + _BUSY_NS + self._jitter_ns()
            return
        if error is None:
            part.entry = _frozen_entry(reply.result(), part.window)
        else:
            part.entry = _failed_entry(error.problem if isinstance(error, TapioError) else str(error))
        part.due_ns = now.boot_ns + self._jitter_ns()

    def _report(self, part: _Part, entry: Json, now: Instant) -> None:
        reply = self.api.patch_status(part.seen.name, _entry_patch(self.node, entry))
        if reply.status == 404:
            self._drop(part)
            return
        if reply.status != 200:
            self._postpone(part, now, _told(reply, "the status of a Capture cannot be written"), reply.retry_after_s)
            return
        self.figures.problem = ""
        self.figures.frozen += entry["state"] == FROZEN
        self.figures.failed += entry["state"] == FAILED
        self._drop(part)
        if entry["state"] == FROZEN and not part.stays_on_node:
            self._await_upload(part, Path(entry["file"]).name, now)
        self._summarize(part, reply)

    def _await_upload(self, part: _Part, file: str, now: Instant) -> None:
        if self.find_uploaded is not None and (self.find_uploaded(file) or (self.captures / file).exists()):
            pacer = Pacer(self.timing, self.randomness)
            self._uploads[part.seen.uid] = _Upload(part.seen, file, now.boot_ns, pacer)

    def _report_upload(self, upload: _Upload, now: Instant) -> None:
        uri = None if self.find_uploaded is None else self.find_uploaded(upload.file)
        if uri is None:
            upload.due_ns = now.boot_ns + _LOOK_NS
            if not (self.captures / upload.file).exists():  # somebody has deleted it
                self._uploads.pop(upload.seen.uid, None)
            return
        reply = self.api.patch_status(upload.seen.name, {"status": {"nodes": {self.node: {"uploaded": uri}}}})
        if reply.status in (200, 404):
            self._uploads.pop(upload.seen.uid, None)
        else:
            told = _told(reply, "the status of a Capture cannot be written")
            self._postpone(upload, now, told, reply.retry_after_s)

    def _summarize(self, part: _Part, reply: Reply, fields: Iterable[str] = ("state", "frozen")) -> None:
        """Write the summary over all nodes; if somebody has written since, make it anew from what there is now.

        Our own entry is safe already; a summary that is not written now is written with the next entry.
        """
        for _ in range(_SUMMARY_TRIES):
            content = reply.content
            if reply.status != 200 or content is None:
                return
            whole, status = summarize(content), inner(content, "status")
            summary = {name: whole[name] for name in fields}
            if all(status.get(name) == value for name, value in summary.items()):
                return
            version = text(inner(content, "metadata"), "resourceVersion")
            patch = {"metadata": {"resourceVersion": version}, "status": summary}
            if self.api.patch_status(part.seen.name, patch).status != 409:
                return
            reply = self.api.read(part.seen.name)

    def _drop(self, part: _Part) -> None:
        self._parts.pop(part.seen.uid, None)


def _uid_of(reply: Reply) -> str:
    return text(inner(reply.content, "metadata"), "uid")


def _told(reply: Reply, what: str) -> str:
    message = status_message(reply.content)
    return f"{what}: the API server returned {reply.status}{f' ({message})' if message else ''}"


def _entry_patch(node: str, entry: Json) -> Json:
    """A merge patch of this node's entry: what it does not name is taken away from the entry, other entries stay."""
    empty = dict.fromkeys(("state", "message", "file", "bytes", "sha256", "events", "losses", "from", "to", "uploaded"))
    return {"status": {"nodes": {node: {**empty, **entry}}}}


def _failed_entry(why: str) -> Json:
    return {"state": FAILED, "message": escape_text(why, limit=_MESSAGE_CHARACTERS)}


def _frozen_entry(result: FreezeResult, window: tuple[int, int]) -> Json:
    entry = {
        "state": FROZEN,
        "file": result.path,
        "bytes": result.size,
        "sha256": result.sha256,
        "events": result.events,
        "losses": result.losses,
        "from": format_time(result.achieved_from_unix_nano),
        "to": format_time(result.achieved_to_unix_nano),
    }
    if result.achieved_from_unix_nano > window[0] + _SLACK_NS:
        entry["message"] = (
            f"the window begins at {format_time(window[0])[:19]}Z; the recording of this node begins later"
        )
    return entry
