"""One list-and-watch conversation: list, watch, resume where it broke, and list again when the server has forgotten.

What may go wrong and what then happens:

=======================================  ==========================================================================
410 as HTTP status or as ERROR event     list again; differences are `inferred`, the time between is an unknown gap
410 while a list is continued            begin the list again with larger pages
connection lost, at any byte             drop the partial line, watch on from the last version: nothing is lost
silence longer than `Timing.silence`     the same
a line that is no JSON                   counted as rejected; list again
401                                      read the credentials again, once; then back off
403, 404                                 say so; try again after `Timing.denied_retry`
429, 503 with Retry-After                wait as told
other errors                             back off exponentially, with jitter
=======================================  ==========================================================================
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.kube_json import field, integer, items, parse_object, text
from formats.rows.kube_resources import Served
from formats.rows.kube_versions import Versions
from recorder.kube.api_client import JSON, ApiClient, Reply, Stream, status_message
from recorder.kube.pacing import Pacer, Timing
from recorder.row_queue import RowQueue, RowT

PAGE_OBJECTS = 50
"""Objects of one page of a list. Why so few: a page is held as parsed JSON, some 60 KB for a pod."""
MAX_PAGE_OBJECTS = 6_400

Gap = tuple[int, int, LossReason, str]
"""Boot times in ns between which an unknown number of events is missing, why, and of what."""


@dataclass(frozen=True, slots=True)
class Target:
    """What one conversation is about.

    Attributes:
        served: the resource.
        namespace: one namespace; None = all of them.
        field_selector: narrows it; empty = all objects.
        label_selector: narrows it, too.
        metadata_only: the objects come as `PartialObjectMetadata`, without spec and status.
    """

    served: Served
    namespace: str | None = None
    field_selector: str = ""
    label_selector: str = ""
    metadata_only: bool = False

    def accept(self, kind: str = "") -> str:
        """Media types of the answers: of a watch, or with `kind` "List" of a list."""
        return f"{JSON};as=PartialObjectMetadata{kind};g=meta.k8s.io;v=v1" if self.metadata_only else JSON

    @property
    def path(self) -> str:
        """Path of the collection."""
        namespace = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{self.served.group_path}{namespace}/{self.served.plural}"

    @property
    def name(self) -> str:
        """Plural name of the resource, with its namespace, for messages."""
        return f"{self.served.plural} of {self.namespace}" if self.namespace else self.served.plural


class Watcher(Generic[RowT]):
    """Follows one target until it is stopped. `run` is the body of a thread; the rest may be called from others.

    Args:
        target: what to follow.
        client: the API server.
        versions: what is known of the objects.
        queue: gets the rows.
        pacer: how long to wait.
        timing: the patience.
        page_slot: held while a page of a list is in memory; shared by all watchers.
        gaps: gets the gaps, and only grows; shared by all watchers.
        boot_time_ns: reads CLOCK_BOOTTIME.
        may_record: whether rows may be taken now; once it says no, the watcher ends.
    """

    def __init__(
        self,
        target: Target,
        client: ApiClient,
        versions: Versions[RowT],
        queue: RowQueue[RowT],
        *,
        timing: Timing,
        page_slot: threading.Lock | None = None,
        gaps: list[Gap] | None = None,
        boot_time_ns: Callable[[], int],
        may_record: Callable[[], bool] = lambda: True,
    ) -> None:
        self.target = target
        self.rejected_lines = 0
        self.overflowed_lines = 0
        self.trouble = ""
        """What is wrong at the moment, in one clause; empty if nothing is."""
        self.is_denied = False
        """Whether the server has refused the last request for good: forbidden, or not served."""
        self._client = client
        self._versions = versions
        self._versions_lock = threading.Lock()
        self._queue = queue
        # Why SystemRandom: recorders that start together must not all come back together.
        self._pacer = Pacer(timing, random.SystemRandom())
        self._timing = timing
        self._page_slot = page_slot or threading.Lock()
        self._gaps: list[Gap] = [] if gaps is None else gaps
        self._boot_time_ns = boot_time_ns
        self._may_record = may_record
        self._stop = threading.Event()
        self._stream: Stream | None = None
        self._version: str | None = None
        self._page_objects = PAGE_OBJECTS
        self._reloaded_for_failure = False
        self._last_seen_ns = boot_time_ns()
        self._gap_reason: tuple[LossReason, str] | None = None

    @property
    def rejected(self) -> int:
        """Messages that were no object."""
        return self.rejected_lines + self._versions.rejected

    @property
    def is_settled(self) -> bool:
        """Whether it has listed everything, or has told what is wrong."""
        return self._version is not None or bool(self.trouble)

    def run(self) -> None:
        """Follow the target until `stop`."""
        while not self._stop.is_set():
            try:
                if self._version is None:
                    self._list()
                else:
                    self._watch(self._version)
            except UnavailableError as error:
                if not self._stop.is_set():
                    self._fail(error.problem, self._pacer.backoff())
            except Exception as error:  # noqa: BLE001 - a thread that dies silently would look like a quiet cluster
                self.rejected_lines += 1
                self._forget(LossReason.WATCH_GAP, f"a defect of the recorder ({type(error).__name__}: {error})")
                self._wait(self._pacer.backoff())

    def stop(self) -> None:
        """Make `run` return soon."""
        self._stop.set()
        stream = self._stream
        if stream is not None:
            stream.abort()

    def snapshot(self) -> tuple[int, list[RowT]]:
        """A `state` row per known object, and the boot time in ns at which this was so."""
        with self._versions_lock:
            return self._boot_time_ns(), list(self._versions.snapshot())

    def _list(self) -> None:
        """One list, page by page, from which the watch then goes on."""
        if not self._wait(self._pacer.before_list(self._now_s())):
            return
        self._pacer.list_began(self._now_s())
        with self._versions_lock:
            self._versions.begin_list()
        query = self._query(limit=str(self._page_objects))
        while True:
            # Pages of all conversations one at a time: parsed JSON of some megabytes is what takes most memory here.
            with self._page_slot:
                if self._stop.is_set():
                    return
                reply = self._client.get(self.target.path, query, accept=self.target.accept("List"))
                taken = reply.status == 200 and self._take_page(items(reply.content, "items"))
            if reply.status == 410 and "continue" in query:
                self._page_objects = min(self._page_objects * 4, MAX_PAGE_OBJECTS)
                self._fail("the list expired before it was read completely", 0.0)
                return
            if reply.status != 200 or reply.content is None:
                self._refused(reply)
                return
            if not taken:
                return
            metadata = field(reply.content, "metadata")
            # A continue token is as long as the server likes: 1,024 characters would cut some.
            continued = text(metadata, "continue", limit=65_536)
            if not continued:
                break
            query["continue"] = continued
        self._end_list(text(metadata, "resourceVersion"))

    def _take_page(self, page: list[Any]) -> bool:
        """False if the watcher was stopped while it waited for room."""
        while not self._queue.wait_for_room(1.0):
            if self._stop.is_set():
                return False
        if not self._is_allowed():
            return False
        with self._versions_lock:
            self._queue.put(self._versions.list_page(page))
        return not self._stop.is_set()

    def _end_list(self, version: str) -> None:
        if not self._is_allowed():
            return
        with self._versions_lock:
            self._queue.put(self._versions.end_list())
            now = self._boot_time_ns()
        if self._gap_reason is not None:
            reason, why = self._gap_reason
            self._gaps.append((self._last_seen_ns, now, reason, f"{self.target.name}: {why}"))
            self._gap_reason = None
        self._version = version or "0"
        self._last_seen_ns = now
        self._healthy()

    def _watch(self, version: str) -> None:
        """One watch, until it ends or breaks."""
        seconds = self._pacer.spread(self._timing.watch)
        query = self._query(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=version,
            timeoutSeconds=str(max(round(seconds), 1)),
        )
        began = self._now_s()
        lines = 0
        accept = self.target.accept()
        with self._client.stream(self.target.path, query, timeout_s=self._timing.silence, accept=accept) as stream:
            if stream.status != 200:
                reply = stream.reply()
                if reply.status == 410:
                    self._forget(LossReason.WATCH_GAP, "the server no longer has the last resource version (410)")
                else:
                    self._refused(reply)
                return
            self._stream = stream
            try:
                if self._stop.is_set():
                    return
                for line in stream.lines(self._timing.silence):
                    lines += 1
                    if not self._take_line(line) or self._stop.is_set():
                        return
            finally:
                self._stream = None
        if lines or self._now_s() - began > self._timing.first_backoff:
            self._healthy()
        else:
            # A server that ends every watch at once must not be asked in a tight loop.
            self._wait(self._pacer.backoff())

    def _take_line(self, line: bytes) -> bool:
        """Record one watch event; False if the watch cannot go on."""
        event = parse_object(line)
        content = event.get("object") if event is not None else None
        if event is None or not isinstance(content, dict):
            self.rejected_lines += 1
            self._forget(LossReason.WATCH_GAP, "a message was not valid JSON")
            return False
        kind = text(event, "type")
        if kind == "ERROR":
            self._error_event(content)
            return False
        if kind != "BOOKMARK":
            if not self._queue.wait_for_room(self._timing.queue):
                self.overflowed_lines += 1
                self._forget(LossReason.QUEUE_FULL, "the queue of rows waiting for the disk was full")
                return False
            if not self._is_allowed():
                return False
            with self._versions_lock:
                row = self._versions.told(kind, content)
                if row is not None:
                    self._queue.put([row])
        self._version = text(field(content, "metadata"), "resourceVersion") or self._version
        self._last_seen_ns = self._boot_time_ns()
        self._healthy()
        return True

    def _error_event(self, status: dict[str, Any]) -> None:
        code = integer(status, "code") or 500
        if code == 410 or text(status, "reason") in ("Expired", "Gone"):
            self._forget(LossReason.WATCH_GAP, "the server no longer has the last resource version (410)")
        else:
            self._refused(Reply(code, status, integer(field(status, "details"), "retryAfterSeconds")))

    def _refused(self, reply: Reply) -> None:
        """An answer that is no success: wait as long as it deserves."""
        told = status_message(reply.content)
        what = f"the API server returned {reply.status}{f' ({told})' if told else ''}"
        if reply.status == 401 and not self._reloaded_for_failure:
            self._reloaded_for_failure = True
            self._client.reload(self._client.generation)
            self.trouble = what
        elif reply.status in (403, 404, 405):
            self.is_denied = True
            self._fail(what, self._pacer.spread(self._timing.denied_retry))
        elif reply.status in (400, 422) and self._version is not None:
            self._forget(LossReason.WATCH_GAP, f"the server rejected the last resource version ({reply.status})")
        else:
            self._fail(what, self._pacer.backoff(reply.retry_after_s))

    def _forget(self, reason: LossReason, why: str) -> None:
        """The thread is lost: list again. What happened since the last message is a gap."""
        self._version = None
        self._gap_reason = self._gap_reason or (reason, why)
        self.trouble = why

    def _fail(self, problem: str, waits_s: float) -> None:
        self.trouble = problem
        if self._version is None and self._gap_reason is None:
            self._gap_reason = (LossReason.WATCH_GAP, problem)
        self._wait(waits_s)

    def _is_allowed(self) -> bool:
        """Whether what was received may be recorded; if not, this is the end."""
        if not self._may_record():
            self._stop.set()
        return not self._stop.is_set()

    def _healthy(self) -> None:
        self.trouble = ""
        self.is_denied = False
        self._reloaded_for_failure = False
        self._pacer.succeeded()

    def _query(self, **parameters: str) -> dict[str, str]:
        if self.target.field_selector:
            parameters["fieldSelector"] = self.target.field_selector
        if self.target.label_selector:
            parameters["labelSelector"] = self.target.label_selector
        return parameters

    def _wait(self, seconds: float) -> bool:
        """Whether to go on after so many seconds."""
        return not self._stop.wait(seconds) if seconds > 0 else not self._stop.is_set()

    def _now_s(self) -> float:
        return self._boot_time_ns() / 1e9
