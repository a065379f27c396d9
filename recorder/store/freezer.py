"""Freezing: the segments around a moment are linked at once, and become one capture while recording goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from formats.clock import Instant
from formats.errors import OutputError, TapioError, UnavailableError, UsageError
from formats.text import escape_text
from formats.times import NANOSECONDS, format_time
from recorder import VERSION
from recorder.child import start_child
from recorder.config import FreezeConfig
from recorder.store.captures import AUTOMATIC, capture_path, check_capture_name, make_room
from recorder.store.freeze import BusyError, FreezeRequest, FreezeResult, TriggeredFreeze
from recorder.store.layout import DataDirectory, SegmentName

_REASON_CHARACTERS = 500
_MAX_PENDING = 8
_MAX_EXTENSIONS = 10
"""A trigger that fires on and on extends its freeze to at most this many times `after`."""


@dataclass(slots=True)
class _Freeze:
    """One freeze on its way: first its window must pass, then its journals must be sealed, then it is written."""

    name: str
    reason: str
    trigger: str | None
    boot: str
    from_boot_ns: int
    to_boot_ns: int
    limit_boot_ns: int
    unix_minus_boot_ns: int
    reply: Future[FreezeResult]
    linked: dict[str, SegmentName] = field(default_factory=dict)
    awaited: set[str] | None = None
    child: subprocess.Popen[bytes] | None = None

    def overlaps(self, name: SegmentName) -> bool:
        """Whether a segment has anything of the window; segments of an earlier boot are compared by the wall clock."""
        if name.boot == self.boot:
            return name.begin_boot_ns <= self.to_boot_ns and name.end_boot_ns >= self.from_boot_ns
        return (
            name.begin_unix_nano <= self.to_boot_ns + self.unix_minus_boot_ns
            and name.end_unix_nano >= self.from_boot_ns + self.unix_minus_boot_ns
        )


class Freezer:
    """All freezes in progress.

    Args:
        directory: of the recorder.
        config: windows, rate limits and the bound on captures.
        boot: first 8 digits of this boot's id.
        may_delete: whether an automatic capture need not stay until it is uploaded.
    """

    def __init__(
        self,
        directory: DataDirectory,
        config: FreezeConfig,
        boot: str,
        may_delete: Callable[[Path], bool] = lambda _: True,
    ) -> None:
        self._may_delete = may_delete
        self._directory = directory
        self._config = config
        self._boot = boot
        self._freezes: list[_Freeze] = []
        self._last_trigger_ns: dict[str, int] = {}
        self.last: FreezeResult | None = None
        """The newest capture since the start."""
        self.suppressed = 0
        """Triggers ignored because they came too soon after the previous one."""
        self.failed = 0
        """Freezes that failed."""
        self.problem = ""
        """Why the last one failed; empty if it did not."""

    @property
    def pending(self) -> int:
        """How many are on their way."""
        return len(self._freezes)

    def request(self, now: Instant, segments: Iterable[SegmentName], request: FreezeRequest) -> Future[FreezeResult]:
        """Freeze [now - before, now + after] for somebody, or the window that the request names.

        Args:
            now: the moment.
            segments: of the ring.
            request: what is asked for.

        Returns:
            What is fulfilled when the capture is written, or has failed.

        Raises:
            UsageError: the name is not allowed, or the window is.
            OutputError: there is such a capture.
            BusyError: too many freezes are in progress.
            UnavailableError: the request is bounded, and there is no room for more captures.
        """
        before = self._config.before_ns if request.before_ns is None else request.before_ns
        after = self._config.after_ns if request.after_ns is None else request.after_ns
        if request.window_unix_nano is not None:
            begin, end = request.window_unix_nano
            before, after = now.unix_nano - begin, end - now.unix_nano
            is_possible = begin <= end
        else:
            is_possible = before >= 0 and after >= 0
        if not is_possible or after > 3600 * NANOSECONDS:
            raise UsageError(
                "the window must not be negative or end more than an hour from now", next_step="choose another"
            )
        if request.is_bounded and not self._make_room():
            raise UnavailableError(self._explain_no_room(), next_step="fetch and delete some, or raise the limit")
        chosen = self._check_name(request.name or f"freeze-{_compact(now.unix_nano)}")
        because = escape_text(request.reason, limit=_REASON_CHARACTERS) or "requested on the command line"
        return self._begin(now, segments, chosen, because, before, after, None).reply

    def trigger(
        self, now: Instant, segments: Iterable[SegmentName], *, key: str, reason: str
    ) -> TriggeredFreeze | None:
        """Freeze because an event was recorded: extends the trigger's own freeze, or begins one, or is too soon.

        Args:
            now: the moment.
            segments: of the ring.
            key: what the rate limit is by.
            reason: what happened.

        Returns:
            The freeze that has begun; None if none has.
        """
        for freeze in self._freezes:
            if freeze.trigger == key and freeze.awaited is None:
                freeze.to_boot_ns = min(now.boot_ns + self._config.after_ns, freeze.limit_boot_ns)
                return None
        last = self._last_trigger_ns.get(key)
        if last is not None and now.boot_ns - last < self._config.min_interval_ns:
            self.suppressed += 1
            return None
        self._last_trigger_ns[key] = now.boot_ns
        if not self._make_room():
            self._note_failure(self._explain_no_room())
            return None
        name = f"{AUTOMATIC}{key}-{_compact(now.unix_nano)}"
        try:
            chosen = self._check_name(name)
            begun = self._begin(now, segments, chosen, reason, self._config.before_ns, self._config.after_ns, key)
        except TapioError as error:
            self._note_failure(str(error))
            return None
        return TriggeredFreeze(key, reason, now.unix_nano, self._config.before_ns, self._config.after_ns, begun.reply)

    def is_due(self, now_boot_ns: int) -> bool:
        """Whether a window has passed, so that the open journal must be closed and sealed."""
        return any(freeze.awaited is None and freeze.to_boot_ns <= now_boot_ns for freeze in self._freezes)

    def next_due_boot_ns(self) -> int | None:
        """When the next window ends; None if none is open."""
        return min((freeze.to_boot_ns for freeze in self._freezes if freeze.awaited is None), default=None)

    def await_journals(self, now_boot_ns: int, journals: Sequence[SegmentName]) -> None:
        """The open journal was closed: those whose window has passed wait for these to be sealed."""
        for freeze in self._freezes:
            if freeze.awaited is None and freeze.to_boot_ns <= now_boot_ns:
                freeze.awaited = {name.id for name in journals if freeze.overlaps(name)}

    def note_sealed(self, name: SegmentName, *, is_whole: bool = True) -> None:
        """A journal became a segment, or never will."""
        for freeze in self._freezes:
            if is_whole:
                self._link(freeze, [name])
            if freeze.awaited is not None:
                freeze.awaited.discard(name.id)

    def advance(self) -> None:
        """Start and finish the children that write captures; never waits."""
        for freeze in list(self._freezes):
            if freeze.awaited is None or freeze.awaited:
                continue
            if freeze.child is None:
                self._start(freeze)
            elif freeze.child.poll() is not None:
                self._finish(freeze, freeze.child)

    def stop(self) -> None:
        """End every child; what is on its way fails."""
        for freeze in list(self._freezes):
            if freeze.child is not None:
                freeze.child.kill()
                freeze.child.communicate()
            self._fail(freeze, "the recorder is stopping")

    def _begin(  # noqa: PLR0917 - private; each is named at its two callers
        self,
        now: Instant,
        segments: Iterable[SegmentName],
        name: str,
        reason: str,
        before_ns: int,
        after_ns: int,
        trigger: str | None,
    ) -> _Freeze:
        if len(self._freezes) >= _MAX_PENDING:
            raise BusyError(f"{_MAX_PENDING} freezes are in progress", next_step="try again when one is done")
        freeze = _Freeze(
            name=name,
            reason=reason,
            trigger=trigger,
            boot=self._boot,
            from_boot_ns=now.boot_ns - before_ns,
            to_boot_ns=now.boot_ns + after_ns,
            limit_boot_ns=now.boot_ns + _MAX_EXTENSIONS * after_ns,
            unix_minus_boot_ns=now.unix_nano - now.boot_ns,
            reply=Future(),
        )
        try:
            self._place(freeze).mkdir(mode=0o700)
        except OSError as error:
            raise OutputError(
                f"the segments cannot be linked ({os.strerror(error.errno or 0)})",
                where=str(self._place(freeze)),
                next_step="free space",
            ) from error
        self._freezes.append(freeze)
        # At once, so that the ring may delete its own names meanwhile.
        self._link(freeze, segments)
        return freeze

    def _link(self, freeze: _Freeze, names: Iterable[SegmentName]) -> None:
        for name in names:
            if name.id in freeze.linked or not freeze.overlaps(name):
                continue
            source, target = self._directory.ring / str(name), self._place(freeze) / str(name)
            try:
                target.mkdir(mode=0o700)
                for file in source.iterdir():
                    (target / file.name).hardlink_to(file)
            except OSError as error:
                shutil.rmtree(target, ignore_errors=True)
                self.problem = f"{name} could not be linked ({os.strerror(error.errno or 0)})"
            else:
                freeze.linked[name.id] = name

    def _start(self, freeze: _Freeze) -> None:
        if not freeze.linked:
            self._fail(freeze, "nothing was recorded in the window")
            return
        offset = freeze.unix_minus_boot_ns
        info = {
            "frozen_because": freeze.reason,
            "created_by": f"tapio-recorder {VERSION}",
            "asked_from_unix_nano": freeze.from_boot_ns + offset,
            "asked_to_unix_nano": freeze.to_boot_ns + offset,
        }
        arguments = [
            str(self._place(freeze)),
            str(capture_path(self._directory.captures, freeze.name)),
            json.dumps(info),
        ]
        try:
            freeze.child = start_child("recorder.store.freezing_child", arguments)
        except OSError as error:
            self._fail(freeze, f"cannot start a child process ({error.strerror})")

    def _finish(self, freeze: _Freeze, child: subprocess.Popen[bytes]) -> None:
        output, errors = child.communicate()
        path = capture_path(self._directory.captures, freeze.name)
        if child.returncode != 0 or not path.exists():
            lines = errors.decode("utf-8", "replace").strip().splitlines()
            self._fail(
                freeze,
                lines[-1]
                if lines
                else f"the child process that writes the capture exited with code {child.returncode}",
            )
            return
        names = freeze.linked.values()
        figures = json.loads(output)
        self.last = FreezeResult(
            path=str(path),
            size=path.stat().st_size,
            segments=len(names),
            asked_from_unix_nano=freeze.from_boot_ns + freeze.unix_minus_boot_ns,
            asked_to_unix_nano=freeze.to_boot_ns + freeze.unix_minus_boot_ns,
            achieved_from_unix_nano=min(name.begin_unix_nano for name in names),
            achieved_to_unix_nano=max(name.end_unix_nano for name in names),
            reason=freeze.reason,
            events=figures["events"],
            losses=figures["losses"],
            sha256=figures["sha256"],
        )
        self._remove(freeze)
        freeze.reply.set_result(self.last)

    def _fail(self, freeze: _Freeze, why: str) -> None:
        self._note_failure(why)
        self._remove(freeze)
        freeze.reply.set_exception(UnavailableError(f"the freeze failed: {why}", where=freeze.name))

    def _note_failure(self, why: str) -> None:
        self.failed += 1
        self.problem = why

    def _remove(self, freeze: _Freeze) -> None:
        shutil.rmtree(self._place(freeze), ignore_errors=True)
        self._freezes.remove(freeze)

    def _make_room(self) -> bool:
        return make_room(self._directory.captures, self._config.max_capture_bytes, self._may_delete)

    def _explain_no_room(self) -> str:
        problem = "the captures of this node have reached freeze.max_capture_bytes"
        waiting = sum(not self._may_delete(path) for path in self._directory.captures.glob(f"{AUTOMATIC}*"))
        return f"{problem}; {waiting} that are not uploaded yet are not deleted" if waiting else problem

    def _check_name(self, name: str) -> str:
        return check_capture_name(self._directory.captures, name, {freeze.name for freeze in self._freezes})

    def _place(self, freeze: _Freeze) -> Path:
        return self._directory.frozen / freeze.name


def _compact(unix_nano: int) -> str:
    """`20261121T021143.123Z`: sorts by time, and is allowed in file names everywhere."""
    text = format_time(unix_nano).replace("-", "").replace(":", "")
    return f"{text[:19]}Z"
