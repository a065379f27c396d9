"""Stands for election beside the recording: one thread follows the Lease, one takes, renews and releases it.

Nothing here may stop the recorder: what is wrong is told by `describe`, and tried again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from formats.clock import Instant
from formats.errors import UnavailableError
from recorder.config import RecorderConfig
from recorder.fleet.capture_api import choose_namespace
from recorder.fleet.election import Election, ElectionRole
from recorder.fleet.lease_api import LeaseApi
from recorder.fleet.lease_objects import LeaseVersions, SeenLease
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from recorder.kube.pacing import Pacer, Timing
from recorder.kube.watch import Watcher
from recorder.leadership import Leadership
from recorder.linux.clocks import read_boot_time_ns, read_instant
from recorder.row_queue import RowQueue
from recorder.status import ElectionStatus

TIMING = Timing(list_interval=5.0, longest_backoff=10.0, denied_retry=120.0, watch=1_800.0, silence=30.0)
"""Why silence is so short: a leader writes every few seconds, so a watch that tells nothing may be a dead one."""
_QUEUE_BYTES = 1 << 20
_TURN_S = 0.5
_TAKEN = 64
_CLOSE_S = 5.0
_SAYS = {
    ElectionRole.LEADER: "this recorder was elected: it records what is cluster-wide",
    ElectionRole.CANDIDATE: "this recorder records no longer what is cluster-wide",
}


@dataclass(slots=True)
class _Conversation:
    """What there is while the API server is known."""

    watcher: Watcher[SeenLease]
    queue: RowQueue[SeenLease]
    election: Election


class Elector:
    """This node's part in the election.

    Args:
        config: of the recorder.
        leadership: told of the terms of this recorder.
        stop: set when the recorder ends: the Lease is released at once.
        log: takes one sentence for the operator.
        timing: the patience with the API server.
        now: both clocks.
    """

    def __init__(
        self,
        config: RecorderConfig,
        leadership: Leadership,
        stop: threading.Event,
        *,
        log: Callable[[str], None] = lambda _: None,
        timing: Timing = TIMING,
        now: Callable[[], Instant] = read_instant,
    ) -> None:
        self._config = config
        self._leadership = leadership
        self._stop = stop
        self._log = log
        self._timing = timing
        self._now = now
        self._namespace = choose_namespace(config.election.namespace)
        self._problem = ""
        self._logged: tuple[ElectionRole, str] = (ElectionRole.CANDIDATE, "")
        self._conversation: _Conversation | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to stand for election."""
        self._begin_thread("election", self._run)

    def close(self) -> None:
        """End, and release the Lease."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_CLOSE_S)

    def describe(self) -> ElectionStatus:
        """How it goes."""
        conversation = self._conversation
        if conversation is None:
            return ElectionStatus(ElectionRole.CANDIDATE, self._namespace, problem=self._problem)
        election = conversation.election
        return ElectionStatus(
            election.role,
            self._namespace,
            leader=self._leadership.leader,
            problem=election.problem or conversation.watcher.trouble or self._problem,
        )

    def _begin_thread(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        pacer = Pacer(self._timing, random.SystemRandom())
        while not self._stop.is_set():
            waits_s = _TURN_S
            try:
                self._turn(self._conversation or self._connect())
            except UnavailableError as error:
                self._problem, waits_s = error.problem, pacer.backoff()
            except Exception as error:  # noqa: BLE001 - a defect here must not end the thread, let alone the recorder
                self._problem = f"a defect of the recorder ({type(error).__name__}: {error})"
                waits_s = pacer.backoff()
            else:
                pacer.succeeded()
                self._problem = ""
            self._log_changes()
            self._stop.wait(waits_s)
        conversation = self._conversation
        if conversation is not None:
            conversation.queue.close()
            conversation.watcher.stop()
            conversation.election.release()

    def _turn(self, conversation: _Conversation) -> None:
        watcher, election = conversation.watcher, conversation.election
        for _, seen in conversation.queue.take(_TAKEN):
            election.see(seen)
        election.step(is_in_contact=not watcher.trouble, denied=watcher.trouble if watcher.is_denied else "")

    def _log_changes(self) -> None:
        status = self.describe()
        role, problem = ElectionRole(status.role), status.problem
        before, problem_before = self._logged
        if role is ElectionRole.ALONE and (role is not before or problem != problem_before):
            self._log(f"election: every recorder records what is cluster-wide: {problem}")
        elif role is not before:
            self._log(f"election: {_SAYS[role]}")
        elif problem and problem != problem_before:
            self._log(f"election: {problem}")
        self._logged = (role, problem or problem_before)

    def _connect(self) -> _Conversation:
        kubeconfig = self._config.election.kubeconfig
        client = ApiClient(lambda: load_access(kubeconfig))
        api = LeaseApi(client, self._namespace)
        queue: RowQueue[SeenLease] = RowQueue(_QUEUE_BYTES, read_boot_time_ns)
        watcher = Watcher(
            api.target,
            client,
            LeaseVersions(),
            queue,
            timing=self._timing,
            boot_time_ns=read_boot_time_ns,
        )
        election = Election(
            api=api, identity=self._config.resolved_node_name, leadership=self._leadership, now=self._now
        )
        self._conversation = _Conversation(watcher, queue, election)
        self._begin_thread("watch the lease", watcher.run)
        return self._conversation
