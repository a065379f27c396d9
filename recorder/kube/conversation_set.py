"""All list-and-watch conversations of one source: their threads, their queue, and how they fare."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

import pyarrow as pa

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.kube_object import Observation
from formats.rows.kube_redaction import Redaction
from formats.rows.kube_resources import Resource, Served
from formats.rows.kube_versions import Versions
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from recorder.kube.digest_key import load_digest_key
from recorder.kube.discovery import Discovery
from recorder.kube.led_part import Following, LedPart
from recorder.kube.pacing import Timing
from recorder.kube.watch import Gap, Target, Watcher
from recorder.leadership import Term
from recorder.row_queue import RowQueue, RowT
from recorder.source import Pauses, SourceContext, SourceStats

QUEUE_BYTES = 8 << 20
"""Rows of one source that wait to be drained."""

STACK_BYTES = 1 << 20
"""Stack of one thread; only what is touched takes memory. Why not less: JSON nested 1,000 levels must fit."""

WITHOUT_NODE = "spec.nodeName="
"""Field selector of the pods that are not scheduled."""

BATCH_ROWS = 512
CLOSE_TIMEOUT_NS = 1_000_000_000
"""Longest wait for all threads together; one that still waits for a dead server ends with its socket's timeout."""


@dataclass(frozen=True, slots=True)
class WatchScope:
    """Which objects of a resource are followed.

    Attributes:
        namespaces: only these; empty = all.
        pods_of_node: only pods on this node; None = all.
        is_divided: every recorder follows the pods of its node, and the leader everything else.
    """

    namespaces: Sequence[str] = ()
    pods_of_node: str | None = None
    is_divided: bool = False

    def own_targets(self, resource: Resource, served: Served) -> Iterator[Target]:
        """What this recorder follows for as long as it runs."""
        if not self.is_divided or resource.name == "pods":
            is_of_node = resource.name == "pods" and self.pods_of_node
            yield from self._targets(resource, served, f"spec.nodeName={self.pods_of_node}" if is_of_node else "")

    def led_targets(self, resource: Resource, served: Served) -> Iterator[Target]:
        """What it follows while it leads: of the pods those that have no node."""
        if self.is_divided:
            yield from self._targets(resource, served, WITHOUT_NODE if resource.name == "pods" else "")

    def _targets(self, resource: Resource, served: Served, selector: str) -> Iterator[Target]:
        """One target per namespace, or one for all."""
        if resource.name == "namespaces" and self.namespaces:
            for namespace in self.namespaces:
                yield Target(served, field_selector=f"metadata.name={namespace}")
        elif resource.is_namespaced and self.namespaces:
            for namespace in self.namespaces:
                yield Target(served, namespace, selector, resource.label_selector)
        else:
            yield Target(served, field_selector=selector, label_selector=resource.label_selector)


class ConversationSet(Generic[RowT]):
    """Follows resources in threads of its own and gives their rows as batches.

    Args:
        context: of the source; its options say where the API server is and what to follow.
        make_versions: the state of a new conversation, from the redaction, the version of the API and the kind; `end`
            is what it means that an object is not there any more.
        to_batch: rows and their boot times in ns as a batch.
        timing: the patience.
    """

    def __init__(
        self,
        context: SourceContext,
        make_versions: Callable[..., Versions[RowT]],
        to_batch: Callable[[Sequence[RowT], Sequence[int]], pa.RecordBatch],
        timing: Timing,
    ) -> None:
        self._context = context
        self._make_versions = make_versions
        self._to_batch = to_batch
        self._timing = timing
        self._queue: RowQueue[RowT] = RowQueue(QUEUE_BYTES, context.boot_time_ns)
        self._own: list[Following[RowT]] = []
        self._led: LedPart[RowT] | None = None
        self._not_served: list[Resource] = []
        self._gaps: list[Gap] = []
        self._page_slot = threading.Lock()
        self._snapshot_rows = 0

    def open(self, resources: Sequence[Resource], scope: WatchScope, *, configmap_values: bool = False) -> None:
        """Find out what the cluster serves and begin to follow it.

        Args:
            resources: what to follow.
            scope: which objects of it.
            configmap_values: whether values of ConfigMaps may be recorded.

        Raises:
            UnavailableError: the API server cannot be reached, does not let us in, or serves none of the resources.
        """
        kubeconfig = str(self._context.options["kubeconfig"] or "")
        client = ApiClient(lambda: load_access(kubeconfig))
        redaction = Redaction(load_digest_key(self._context.state_directory), configmap_values)
        discovery = Discovery(client)
        own: list[Target] = []
        led: list[Target] = []
        for resource in resources:
            served = discovery.find(resource)
            if served is None:
                self._not_served.append(resource)
                continue
            own += scope.own_targets(resource, served)
            led += scope.led_targets(resource, served)
        if not own and not led:
            raise UnavailableError(
                f"the cluster serves none of {', '.join(resource.name for resource in self._not_served)}",
                where=client.address,
                next_step="configure other resources",
            )

        def begin(
            targets: Sequence[Target], term: Term | None, known: Sequence[Versions[RowT]]
        ) -> list[Following[RowT]]:
            states = known or [self._new_state(target, redaction) for target in targets]
            return self._follow(client, list(zip(targets, states, strict=True)), term)

        self._own = begin(own, None, ())
        if led:
            self._led = LedPart(
                self._context.leadership,
                lambda term, known: begin(led, term, known),
                self._context.node_name,
                self._context.boot_time_ns(),
            )

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What was received, in the order of time; what the budget does not suffice for stays."""
        begin = self._context.boot_time_ns()
        if self._led is not None:
            self._led.turn(begin)
        batches = []
        while taken := self._queue.take(BATCH_ROWS):
            batches.append(self._to_batch([row for _, row in taken], [time for time, _ in taken]))
            if self._context.boot_time_ns() - begin > budget_ns:
                break
        return batches

    def snapshot(self) -> list[pa.RecordBatch]:
        """A `state` row per known object."""
        batches = []
        for watcher in self._watchers:
            time, rows = watcher.snapshot()
            self._snapshot_rows += len(rows)
            for start in range(0, len(rows), BATCH_ROWS):
                piece = rows[start : start + BATCH_ROWS]
                batches.append(self._to_batch(piece, [time] * len(piece)))
        return batches

    def stats(self) -> SourceStats:
        """The running totals."""
        led = self._led
        own = [following.watcher for following in self._own]
        rejected = sum(watcher.rejected for watcher in own) + (led.rejected if led else 0)
        overflowed = sum(watcher.overflowed_lines for watcher in own) + (led.overflowed if led else 0)
        troubles = [f"{watcher.target.name}: {watcher.trouble}" for watcher in self._watchers if watcher.trouble]
        lacking = (resource.name for resource in self._not_served if not resource.is_extension)
        return SourceStats(
            produced=self._queue.put_rows + self._snapshot_rows + rejected + overflowed,
            missing={LossReason.REJECTED: rejected, LossReason.QUEUE_FULL: overflowed},
            unknown_gaps=tuple(self._gaps),
            detail="; ".join([*(f"{name}: not served by this cluster" for name in lacking), *troubles]),
            pauses=led.pauses if led else Pauses(),
        )

    def close(self) -> None:
        """End all conversations."""
        self._queue.close()
        threads = [following.thread for following in self._own]
        for following in self._own:
            following.watcher.stop()
        if self._led is not None:
            threads += self._led.stop()
        deadline = self._context.boot_time_ns() + CLOSE_TIMEOUT_NS
        for thread in threads:
            thread.join(max(deadline - self._context.boot_time_ns(), 0) / 1e9)
        self._own, self._led = [], None

    @property
    def _watchers(self) -> list[Watcher[RowT]]:
        return [following.watcher for following in self._own] + (self._led.watchers if self._led else [])

    def _new_state(self, target: Target, redaction: Redaction) -> Versions[RowT]:
        # A pod that gets a node leaves those without one: the watch says DELETED, as if it were deleted.
        end = Observation.LEFT if target.field_selector == WITHOUT_NODE else Observation.DELETED
        return self._make_versions(redaction, target.served.api_version, target.served.kind, end=end)

    def _follow(
        self, client: ApiClient, conversations: Sequence[tuple[Target, Versions[RowT]]], term: Term | None
    ) -> list[Following[RowT]]:
        """Begin conversations, each in a thread; those of a term end with it."""
        now_ns = self._context.boot_time_ns
        may_record = (lambda: True) if term is None else (lambda: term.is_on(now_ns()))
        begun = []
        with _stack_size(STACK_BYTES):
            for target, versions in conversations:
                # Why SystemRandom: recorders that start together must not all come back together.
                watcher = Watcher(
                    target,
                    client,
                    versions,
                    self._queue,
                    timing=self._timing,
                    page_slot=self._page_slot,
                    gaps=self._gaps,
                    boot_time_ns=now_ns,
                    may_record=may_record,
                )
                thread = threading.Thread(target=watcher.run, name=f"watch {target.name}", daemon=True)
                thread.start()
                begun.append(Following(watcher, thread, versions))
        return begun


@contextlib.contextmanager
def _stack_size(size: int) -> Iterator[None]:
    before = threading.stack_size(size)
    try:
        yield
    finally:
        threading.stack_size(before)
