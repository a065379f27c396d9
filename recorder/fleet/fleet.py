"""Takes part in Captures beside the recording: one thread follows them, one does what they ask for.

Nothing here may stop the recorder: what is wrong is told by `describe`, and tried again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from formats.clock import Instant
from formats.errors import UnavailableError
from recorder.config import RecorderConfig
from recorder.fleet.capture_api import CaptureApi, choose_namespace
from recorder.fleet.capture_objects import CaptureVersions, SeenCapture
from recorder.fleet.participation import Participation
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from recorder.kube.pacing import Pacer, Timing
from recorder.kube.watch import Watcher
from recorder.linux.clocks import read_boot_time_ns, read_instant
from recorder.row_queue import RowQueue
from recorder.status import FleetStatus
from recorder.store.freeze import FreezeRequest, FreezeResult, TriggeredFreeze
from recorder.store.layout import DataDirectory

TIMING = Timing(watch=1_800.0)
"""Why a longer watch than for what is recorded: hardly ever anything happens in it, and all nodes have one."""
_QUEUE_BYTES = 1 << 20
_TURN_S = 1.0
_BUSY_TURN_S = 0.25
_TAKEN = 64
_CLOSE_S = 1.0


@dataclass(slots=True)
class _Conversation:
    """What there is while the API server is known."""

    watcher: Watcher[SeenCapture]
    versions: CaptureVersions
    queue: RowQueue[SeenCapture]
    participation: Participation


@dataclass(frozen=True, slots=True)
class _Recorder:
    """What it asks of the recorder beside which it runs; see `Fleet.start`."""

    freeze: Callable[[FreezeRequest], Future[FreezeResult]]
    reaches_back_to: Callable[[], int]
    find_uploaded: Callable[[str], str | None] | None


class Fleet:
    """This node's part in the Captures of its cluster.

    Args:
        config: of the recorder.
        stop: set when the recorder ends.
        log: takes one sentence for the operator.
        timing: the patience with the API server.
        now: both clocks.
    """

    def __init__(
        self,
        config: RecorderConfig,
        stop: threading.Event,
        *,
        log: Callable[[str], None] = lambda _: None,
        timing: Timing = TIMING,
        now: Callable[[], Instant] = read_instant,
    ) -> None:
        self._config = config
        self._stop = stop
        self._log = log
        self._timing = timing
        self._now = now
        self._namespace = choose_namespace(config.fleet.namespace)
        self._problem = ""
        self._early: list[TriggeredFreeze] = []
        self._conversation: _Conversation | None = None
        self._threads: list[threading.Thread] = []

    def announce(self, begun: TriggeredFreeze) -> None:
        """A trigger of this node has begun a freeze; may be called from any thread, and never waits."""
        if self._conversation is not None:
            self._conversation.participation.announce(begun)
        else:
            self._early = [*self._early, begun][-4:]

    def start(
        self,
        freeze: Callable[[FreezeRequest], Future[FreezeResult]],
        reaches_back_to: Callable[[], int],
        find_uploaded: Callable[[str], str | None] | None = None,
    ) -> None:
        """Begin to take part.

        Args:
            freeze: asks the recorder for a freeze, from any thread.
            reaches_back_to: gives the wall clock at which the ring begins, unix ns; from any thread.
            find_uploaded: gives the URI of an uploaded capture by the name of its file, from any thread; None: nothing
                is uploaded.
        """
        self._begin_thread("captures", lambda: self._run(_Recorder(freeze, reaches_back_to, find_uploaded)))

    def close(self) -> None:
        """End. What this node is working on is done anew by the next recorder."""
        self._stop.set()
        if self._conversation is not None:
            self._conversation.queue.close()
            self._conversation.watcher.stop()
        for thread in self._threads:
            thread.join(_CLOSE_S)

    def describe(self) -> FleetStatus:
        """How it goes."""
        conversation = self._conversation
        if conversation is None:
            return FleetStatus(self._namespace, self._problem)
        figures, trouble = conversation.participation.figures, conversation.watcher.trouble
        return FleetStatus(
            namespace=self._namespace,
            problem=trouble or figures.problem or self._problem,
            known=conversation.versions.known,
            pending=conversation.participation.pending,
            frozen=figures.frozen,
            failed=figures.failed,
            created=figures.created,
        )

    def _begin_thread(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, recorder: _Recorder) -> None:
        pacer = Pacer(self._timing, random.SystemRandom())
        while not self._stop.is_set():
            try:
                conversation = self._conversation or self._connect(recorder)
                self._turn(conversation)
            except UnavailableError as error:
                self._note_problem(error.problem)
                self._stop.wait(pacer.backoff())
            except Exception as error:  # noqa: BLE001 - a defect here must not end the thread, let alone the recorder
                self._note_problem(f"a defect of the recorder ({type(error).__name__}: {error})")
                self._stop.wait(pacer.backoff())
            else:
                pacer.succeeded()
                self._problem = ""
                self._stop.wait(_BUSY_TURN_S if conversation.participation.pending else _TURN_S)

    def _turn(self, conversation: _Conversation) -> None:
        for _, seen in conversation.queue.take(_TAKEN):
            conversation.participation.see(seen, self._now())
        conversation.participation.step(self._now())

    def _connect(self, recorder: _Recorder) -> _Conversation:
        kubeconfig = self._config.fleet.kubeconfig
        client = ApiClient(lambda: load_access(kubeconfig))
        api, versions = CaptureApi(client, self._namespace), CaptureVersions()
        queue: RowQueue[SeenCapture] = RowQueue(_QUEUE_BYTES, read_boot_time_ns)
        watcher = Watcher(
            api.target,
            client,
            versions,
            queue,
            timing=self._timing,
            boot_time_ns=read_boot_time_ns,
        )
        participation = Participation(
            api=api,
            node=self._config.resolved_node_name,
            config=self._config.fleet,
            captures=DataDirectory(self._config.data_dir).captures,
            freeze=recorder.freeze,
            reaches_back_to=recorder.reaches_back_to,
            find_uploaded=recorder.find_uploaded,
            known=versions.snapshot,
            timing=self._timing,
        )
        for begun in self._early:
            participation.announce(begun)
        self._conversation = _Conversation(watcher, versions, queue, participation)
        self._begin_thread("watch captures", watcher.run)
        return self._conversation

    def _note_problem(self, problem: str) -> None:
        if problem != self._problem:
            self._log(f"captures: {problem}")
        self._problem = problem
