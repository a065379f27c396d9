"""The recorder: drains its sources, completes, journals, seals, retains, freezes, and stops for none of them."""

from __future__ import annotations

import functools
import os
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from formats.columns import BOOT_TIME_NS, EVENT_NAME, SEVERITY_NUMBER
from formats.errors import ConfigurationError, TapioError
from formats.loss import LossReason
from recorder import VERSION
from recorder.budget import Advice, Budget, read_own_usage
from recorder.cgroup_tree import find_hierarchies, read_cgroup_id, read_text
from recorder.clocks import read_boot_time_ns, read_clocks
from recorder.config import RecorderConfig, SourceConfig, TriggerConfig, resolve_options
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ledger import LossEntry, LossLedger
from recorder.source import Need, Source, SourceContext, SourceSpec
from recorder.sources.clock import ClockSource
from recorder.status import RecorderStatus, SourceStatus
from recorder.store.freeze import Freezer, FreezeResult, Moment, result_to_json
from recorder.store.journaling import Journaling, Node
from recorder.store.layout import DataDirectory, SegmentName
from recorder.store.recovery import Recovered, recover
from recorder.store.ring import SegmentRing
from recorder.store.sealing import Sealer
from recorder.supervision import SourceState, SupervisedSource
from recorder.wakeup import Wakeup

TICK_NS: Final = 200_000_000
"""Shortest wait for the timer while events come."""
MAX_TICK_NS: Final = 1_000_000_000
"""Longest wait. Why so long: events cost nothing while they wait in the kernel, a turn costs some milliseconds, and a
ring that fills or has something urgent rings its bell. While events come, the timer ends with the sync interval, so
that one turn drains, writes and syncs: what a crash loses is then never older than 1.25 s. What comes first after a
pause is synced in the turn that finds it."""
_QUIET_NS: Final = 5_000_000
"""Shortest time between two turns that bells cause, so that a busy bell cannot make us spin."""
_DRAIN_BUDGET_NS: Final = 50_000_000
_SECOND: Final = 1_000_000_000
_FATAL: Final = 21
_STOP_SECONDS: Final = 4.0


@dataclass(frozen=True, slots=True)
class FreezeRequest:
    """What somebody asks for on the control socket; None means as configured."""

    name: str = ""
    reason: str = ""
    before_ns: int | None = None
    after_ns: int | None = None


class Daemon:
    """The recorder of one node.

    Args:
        config: what to record and keep.
        sources: instances, not yet open.
        boot_time_ns: reads CLOCK_BOOTTIME; a parameter for tests.
        log: takes one sentence for the operator.
    """

    def __init__(
        self,
        config: RecorderConfig,
        sources: Sequence[Source],
        *,
        boot_time_ns: Callable[[], int] = read_boot_time_ns,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._clock = boot_time_ns
        self._log = log
        self._directory = DataDirectory(config.data_dir)
        self._ledger = LossLedger()
        self._budget = Budget(config.budget, read_own_usage)
        self._wakeup = Wakeup()
        self._requests: queue.SimpleQueue[tuple[FreezeRequest, Future[FreezeResult]]] = queue.SimpleQueue()
        self._supervised = _supervise(config, sources, boot_time_ns)
        self._wall_clock = next((source for source in sources if isinstance(source, ClockSource)), None)
        self._stopping = False
        self._is_behind = False
        self._is_idle = False
        self._last_turn_ns = 0
        self._next_second_ns = 0
        self._lock_fd = -1
        self._started_unix_nano = 0
        self._node = Node(config.resolved_node_name, _read_boot_id(config))
        self.status: RecorderStatus | None = None
        """The newest snapshot, replaced as a whole every second: other threads may read it."""

    def start(self) -> None:
        """Recover what is there, open the sources, begin the first journal.

        Raises:
            TapioError: the directory cannot be used.
        """
        self._directory.create()
        self._lock_fd = self._directory.lock()
        recovered = recover(self._directory)
        for note in recovered.notes:
            self._log(note)
        clocks = read_clocks()
        self._started_unix_nano = clocks.time_unix_nano
        self._ring = SegmentRing(self._directory, self._config.ring, recovered.segments)
        self._sealer = Sealer(self._directory.ring)
        self._freezer = Freezer(self._directory, self._config.freeze, self._node.boot_id[:8])
        self._journaling = Journaling(
            self._directory,
            self._config.journal,
            self._node,
            queue_bytes=self._config.budget.queue_bytes,
            ledger=self._ledger,
            next_seq=recovered.next_seq,
        )
        self._journaling.unix_minus_boot_ns = clocks.unix_minus_boot_ns
        for journal in recovered.journals:
            self._sealer.submit(journal)
        now = self._clock()
        self._note_downtime(recovered, now)
        self._open_sources(now)
        self._begin_segment(self._clock())
        self._journaling.flush(self._clock(), at_once=True)
        self._publish_status(self._clock())

    def run(self) -> None:
        """Turn until `stop` is called, then end in order."""
        self._wakeup.catch_signals()
        try:
            while not self._stopping:
                self._wait()
                self.turn()
        finally:
            self.finish()

    def stop(self) -> None:
        """Ask the recorder to end; may be called from a signal handler or any thread."""
        self._stopping = True
        self._wakeup.ring()

    def request_freeze(self, request: FreezeRequest) -> Future[FreezeResult]:
        """Ask for a freeze; may be called from any thread."""
        reply: Future[FreezeResult] = Future()
        self._requests.put((request, reply))
        self._wakeup.ring()
        return reply

    def turn(self) -> None:
        """Everything once: drain, journal, seal, freeze, and once a second what is slow to change."""
        now = self._last_turn_ns = self._clock()
        self._finish_openings(now)
        is_urgent = self._drain(now)
        self._answer_requests()
        self._journaling.flush(self._clock(), at_once=is_urgent)
        if self._journaling.is_full(now) or self._freezer.is_due(now):
            self._next_segment(now)
        self._advance_store(now)
        if now >= self._next_second_ns:
            self._next_second_ns = now + _SECOND
            self._once_a_second(now)

    def finish(self) -> None:
        """Drain and seal what there is, and let go of everything; a seal that takes too long is done at next start."""
        now = self._clock()
        self._drain(now)
        self._tell_absences(now)
        for supervised in self._supervised:
            supervised.close(now)
            self._note_losses(supervised)
        self._freezer.stop()
        self._journaling.close(self._clock())
        self._submit_closed()
        deadline = time.monotonic() + _STOP_SECONDS
        while self._sealer.waiting and time.monotonic() < deadline:
            self._sealer_done(self._clock())
            self._sealer.wait(max(deadline - time.monotonic(), 0))
        self._sealer_done(self._clock())
        self._sealer.stop()
        self._wakeup.close()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    @property
    def acknowledged(self) -> dict[str, int]:
        """Number after the last event that is safe on disk or counted as lost, by table."""
        return dict(self._journaling.acknowledged)

    # Waiting and draining.

    def _wait(self) -> None:
        if self._is_behind:
            return
        now = self._clock()
        quiet_ns = self._last_turn_ns + _QUIET_NS - now
        if quiet_ns > 0:
            time.sleep(quiet_ns / _SECOND)
        until = self._last_turn_ns + MAX_TICK_NS
        if not self._is_idle:
            until = max(min(until, self._journaling.next_sync_boot_ns), self._last_turn_ns + TICK_NS)
        due = self._freezer.next_due_boot_ns()
        if due is not None:
            until = min(until, due)
        self._wakeup.wait(max(until - self._clock(), 0) / _SECOND)

    def _drain(self, now: int) -> bool:
        """Drain every source; True if something is so bad that it must be safe at once."""
        is_urgent = False
        self._is_behind = False
        self._is_idle = True
        for supervised in self._supervised:
            begin = self._clock()
            was_open = supervised.is_open
            batches = supervised.drain(now, _DRAIN_BUDGET_NS)
            if batches:
                self._is_idle = False
                self._is_behind |= self._clock() - begin >= _DRAIN_BUDGET_NS
                self._keep_clock_current(supervised)
                for batch in batches:
                    self._add(supervised.spec, batch)
                    is_urgent |= _is_fatal(batch)
                    self._check_triggers(supervised.spec, batch)
            if was_open and not supervised.is_open:
                self._log(f"source {supervised.spec.name} failed: {supervised.problem}")
                self._watch_sources()
            self._note_losses(supervised)
        return is_urgent

    def _add(self, spec: SourceSpec, batch: pa.RecordBatch) -> None:
        try:
            self._journaling.add(spec.table, batch)
        except TapioError as error:
            now = self._clock()
            self._ledger.add(LossEntry(spec.name, LossReason.REJECTED, batch.num_rows, now, now, str(error)))
            self._log(f"source {spec.name}: {error}")

    def _keep_clock_current(self, supervised: SupervisedSource) -> None:
        if supervised.source is self._wall_clock and self._wall_clock is not None:
            newest = self._wall_clock.newest
            if newest is not None:
                self._journaling.unix_minus_boot_ns = newest.unix_minus_boot_ns

    def _note_losses(self, supervised: SupervisedSource) -> None:
        for entry in supervised.take_losses():
            self._ledger.add(entry)

    # Sources.

    def _open_sources(self, now: int, chosen: Sequence[SupervisedSource] | None = None) -> None:
        """Open them, those that stand on kernel programs together: one compiler for all."""
        waiting = self._supervised if chosen is None else chosen
        in_kernel: list[tuple[SupervisedSource, KernelSource]] = []
        for supervised in waiting:
            if isinstance(supervised.source, KernelSource):
                in_kernel.append((supervised, supervised.source))
            elif Need.KUBERNETES in supervised.spec.needs:
                supervised.open_beside(now)  # an API server may let us wait
            else:
                supervised.open(now)
        if in_kernel:
            try:
                problems: list[Exception | None] = list(
                    open_kernel_sources([source for _, source in in_kernel], [item.context for item, _ in in_kernel])
                )
            except Exception as error:  # noqa: BLE001 - a defect in loading must not stop the other sources
                problems = [error] * len(in_kernel)
            for (supervised, _), problem in zip(in_kernel, problems, strict=True):
                supervised.note_opened(problem, now)
        for supervised in waiting:
            self._note_losses(supervised)
            if supervised.state is not SourceState.RECORDING and Need.KUBERNETES not in supervised.spec.needs:
                self._log(f"source {supervised.spec.name} does not run: {supervised.problem}")
        self._watch_sources()

    def _finish_openings(self, now: int) -> None:
        """Take over the sources that were opened in threads."""
        for supervised in self._supervised:
            if not supervised.finish_opening(now):
                continue
            if supervised.state is SourceState.RECORDING:
                self._log(f"source {supervised.spec.name} runs")
                self._add_snapshot(supervised, now)
                self._watch_sources()
            else:
                self._log(f"source {supervised.spec.name} does not run: {supervised.problem}")
                self._note_losses(supervised)

    def _watch_sources(self) -> None:
        self._wakeup.watch(fd for supervised in self._supervised for fd in supervised.wake_fds())

    def _restart_sources(self, now: int) -> None:
        waiting = [supervised for supervised in self._supervised if supervised.wants_restart(now)]
        if not waiting:
            return
        self._open_sources(now, waiting)
        for supervised in waiting:
            if supervised.state is SourceState.RECORDING:
                self._log(f"source {supervised.spec.name} runs")
                self._add_snapshot(supervised, now)

    def _keep_budget(self, now: int) -> None:
        advice = self._budget.judge(now)
        if advice is Advice.SHED:
            running = [item for item in self._supervised if item.state is SourceState.RECORDING]
            candidates = [item for item in running if item.spec.shed_order is not None]
            if candidates:
                chosen = min(candidates, key=lambda item: item.spec.shed_order or 0)
                chosen.shed(now)
                self._log(f"source {chosen.spec.name} is shed: {self._budget.cpu_percent:.0f} % CPU")
                self._watch_sources()
        elif advice is Advice.RESTORE:
            shed = [item for item in self._supervised if item.state is SourceState.SHED]
            if shed:
                chosen = max(shed, key=lambda item: item.spec.shed_order or 0)
                chosen.restore(now)
                self._add_snapshot(chosen, now)
                self._watch_sources()

    # Journals, segments, freezes.

    def _begin_segment(self, now: int) -> None:
        """Every source tells its state first, so that the segment can be read alone."""
        for supervised in self._supervised:
            supervised.take_stats(now)
            self._note_losses(supervised)
        # The clock first: it is what the other rows' wall clock is by.
        for supervised in sorted(self._supervised, key=lambda item: item.source is not self._wall_clock):
            self._add_snapshot(supervised, now)

    def _add_snapshot(self, supervised: SupervisedSource, now: int) -> None:
        batches = supervised.snapshot(now)
        self._keep_clock_current(supervised)
        for batch in batches:
            self._add(supervised.spec, batch)
        self._note_losses(supervised)

    def _tell_absences(self, now: int) -> None:
        """Every segment says itself what is not in it, even if it is the only one of a capture."""
        for supervised in self._supervised:
            supervised.tell_absence(now)
            self._note_losses(supervised)

    def _next_segment(self, now: int) -> None:
        self._tell_absences(self._clock())
        self._journaling.close(self._clock())
        self._submit_closed()
        self._freezer.await_journals(now, [journal.name for journal in self._sealer.waiting])
        self._begin_segment(self._clock())
        self._journaling.flush(self._clock(), at_once=True)

    def _submit_closed(self) -> None:
        for journal in self._journaling.take_closed():
            self._sealer.submit(journal)

    def _advance_store(self, now: int) -> None:
        self._submit_closed()
        self._sealer_done(now)
        self._freezer.advance()

    def _sealer_done(self, now: int) -> None:
        for sealed in self._sealer.advance(now):
            is_whole = sealed.size is not None
            if sealed.problem:
                self._log(f"{sealed.journal.path.name} is set aside: {sealed.problem}")
            try:
                self._ring.take_over(sealed)
            except OSError as error:
                self._log(f"{sealed.journal.path.name} cannot be removed: {error.strerror}")
            self._freezer.note_sealed(sealed.journal.name, is_whole=is_whole)

    def _check_triggers(self, spec: SourceSpec, batch: pa.RecordBatch) -> None:
        for trigger in self._config.freeze.triggers:
            if trigger.table == spec.name:
                row = _find_trigger(trigger, batch)
                if row is not None:
                    key = (trigger.event_name or trigger.table).replace(".", "-").replace("_", "-")
                    self._freezer.trigger(self._moment(), self._ring.names, key=key, reason=_describe_row(spec, row))

    def _answer_requests(self) -> None:
        while True:
            try:
                request, reply = self._requests.get_nowait()
            except queue.Empty:
                return
            try:
                promise = self._freezer.request(
                    self._moment(),
                    self._ring.names,
                    name=request.name,
                    reason=request.reason,
                    before_ns=request.before_ns,
                    after_ns=request.after_ns,
                )
            except TapioError as error:
                reply.set_exception(error)
            else:
                promise.add_done_callback(functools.partial(_pass_on, reply))

    def _moment(self) -> Moment:
        now = self._clock()
        return Moment(now, now + self._journaling.unix_minus_boot_ns)

    # Once a second.

    def _once_a_second(self, now: int) -> None:
        for supervised in self._supervised:
            if supervised.wants_stats(now):
                supervised.take_stats(now)
                self._note_losses(supervised)
        self._restart_sources(now)
        self._keep_budget(now)
        unsealed = self._journaling.open_bytes + sum(_size(journal.path) for journal in self._sealer.waiting)
        try:
            self._ring.retain(unsealed, now + self._journaling.unix_minus_boot_ns)
        except OSError as error:
            self._log(f"the ring cannot be kept within its limits: {error.strerror}")
        self._publish_status(now)

    def _publish_status(self, now: int) -> None:
        names = self._ring.names
        waiting = [journal.name for journal in self._sealer.waiting]
        known: list[SegmentName] = [*names, *waiting]
        last = self._freezer.last
        self.status = RecorderStatus(
            version=VERSION,
            node_name=self._node.name,
            pid=os.getpid(),
            profile=self._config.profile,
            data_dir=str(self._directory.root),
            started_unix_nano=self._started_unix_nano,
            now_unix_nano=now + self._journaling.unix_minus_boot_ns,
            heartbeat_ns=time.monotonic_ns(),
            sources=tuple(_source_status(supervised) for supervised in self._supervised),
            written=dict(self._journaling.events),
            losses=tuple((table, str(reason), count) for (table, reason), count in self._ledger.totals.items()),
            have_from_unix_nano=min((name.begin_unix_nano for name in known), default=self._started_unix_nano),
            have_to_unix_nano=now + self._journaling.unix_minus_boot_ns,
            segments=len(names),
            ring_bytes=self._ring.size,
            journal_bytes=self._journaling.open_bytes + sum(_size(journal.path) for journal in self._sealer.waiting),
            unsealed_journals=len(waiting),
            queued_bytes=self._journaling.queued_bytes,
            bytes_written=self._journaling.bytes_written,
            storage_problem=self._journaling.problem or self._sealer.problem,
            cpu_percent=round(self._budget.cpu_percent, 3),
            resident_bytes=self._budget.resident_bytes,
            pending_freezes=self._freezer.pending,
            suppressed_freezes=self._freezer.suppressed,
            failed_freezes=self._freezer.failed,
            freeze_problem=self._freezer.problem,
            last_freeze=None if last is None else result_to_json(last),
        )

    def _note_downtime(self, recovered: Recovered, now: int) -> None:
        """Nothing was recorded between the last run's last event and now."""
        last = recovered.last_event
        if last is None:
            return
        same_boot = last.boot == self._node.boot_id[:8]
        detail = "" if same_boot else f"since boot {self._node.boot_id}, the recording before is of boot {last.boot}"
        since = last.boot_time_ns if same_boot else 0
        for supervised in self._supervised:
            self._ledger.add(
                LossEntry(supervised.spec.name, LossReason.RECORDER_DOWN, None, min(since, now), now, detail)
            )


def _supervise(
    config: RecorderConfig, sources: Sequence[Source], boot_time_ns: Callable[[], int]
) -> list[SupervisedSource]:
    unified = find_hierarchies(config.host.sysfs).unified
    cgroup_ids = tuple(read_cgroup_id(unified, path) for path in config.cgroups)
    if 0 in cgroup_ids:
        missing = config.cgroups[cgroup_ids.index(0)]
        raise ConfigurationError(
            f"there is no cgroup {missing}",
            where=str(unified or config.host.sysfs / "fs/cgroup"),
            next_step="give its path below the root of the cgroup2 tree, e.g. /kubepods",
        )
    state = config.data_dir / "state"
    return [
        SupervisedSource(
            source,
            SourceContext(
                node_name=config.resolved_node_name,
                options=resolve_options(source.spec, config.sources.get(source.spec.name, SourceConfig())),
                boot_time_ns=boot_time_ns,
                proc=config.host.proc,
                sysfs=config.host.sysfs,
                cgroup_ids=cgroup_ids,
                cgroup_paths=config.cgroups,
                state_directory=state,
            ),
        )
        for source in sources
    ]


def _read_boot_id(config: RecorderConfig) -> str:
    boot_id = read_text(config.host.proc / "sys/kernel/random/boot_id").strip()
    if not boot_id:
        raise ConfigurationError(
            "the boot id cannot be read",
            where=str(config.host.proc / "sys/kernel/random/boot_id"),
            next_step="set host.proc to where the host's /proc is mounted",
        )
    return boot_id


def _is_fatal(batch: pa.RecordBatch) -> bool:
    highest = pc.max(batch.column(SEVERITY_NUMBER.name)).as_py()
    return highest is not None and highest >= _FATAL


def _find_trigger(trigger: TriggerConfig, batch: pa.RecordBatch) -> dict[str, Any] | None:
    """The first row that the trigger means; None if there is none."""
    mask = pc.greater_equal(batch.column(SEVERITY_NUMBER.name), trigger.min_severity)
    if trigger.event_name is not None:
        mask = pc.and_(mask, pc.equal(batch.column(EVENT_NAME.name).cast(pa.utf8()), trigger.event_name))
    place = pc.index(mask, value=True).as_py()
    if place < 0:
        return None
    row: dict[str, Any] = batch.slice(place, 1).to_pylist()[0]
    return row


def _describe_row(spec: SourceSpec, row: dict[str, Any]) -> str:
    """One sentence for people: what was recorded that made us freeze."""
    shown = {
        key: value
        for key, value in row.items()
        if value is not None and key not in (EVENT_NAME.name, BOOT_TIME_NS.name, SEVERITY_NUMBER.name)
    }
    detail = ", ".join(f"{key} {str(value)[:120]}" for key, value in list(shown.items())[:6])
    return f"{row[EVENT_NAME.name]} in table {spec.name} at boot time {row[BOOT_TIME_NS.name]} ns: {detail}"


def _source_status(supervised: SupervisedSource) -> SourceStatus:
    return SourceStatus(
        name=supervised.spec.name,
        state=supervised.state,
        detail=supervised.detail,
        events=supervised.events,
        bytes=supervised.bytes,
        lost=supervised.lost,
        restarts=supervised.restarts,
    )


def _pass_on(reply: Future[FreezeResult], done: Future[FreezeResult]) -> None:
    error = done.exception()
    if error is not None:
        reply.set_exception(error)
    else:
        reply.set_result(done.result())


def _size(path: os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - any path-like
    except OSError:
        return 0
