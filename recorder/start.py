"""How a recorder starts: the store is opened, then the sources, and a loop over both is ready to run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from recorder.config import RecorderConfig
from recorder.daemon import Daemon
from recorder.leadership import Leadership
from recorder.linux.clocks import read_boot_time_ns, read_clocks
from recorder.positions import Positions
from recorder.source import Source
from recorder.source_opening import build_contexts
from recorder.source_set import SourceSet
from recorder.store.freeze import TriggeredFreeze
from recorder.store.store import Store
from recorder.wall_clock import WallClock


def start_recorder(
    config: RecorderConfig,
    sources: Sequence[Source],
    *,
    boot_time_ns: Callable[[], int] = read_boot_time_ns,
    log: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
    on_trigger: Callable[[TriggeredFreeze], None] = lambda _: None,
    leadership: Leadership | None = None,
) -> Daemon:
    """Open the store and the sources, and begin the first segment.

    Args:
        config: what to record and keep.
        sources: instances, not yet open.
        boot_time_ns: reads CLOCK_BOOTTIME; a parameter for tests.
        log: takes one sentence for the operator.
        stop: ends `Daemon.run`; set by a signal handler, whose signal also wakes the loop. None: nothing ends it.
        on_trigger: is told of every freeze that a recorded event has begun; must not wait.
        leadership: whether this recorder records what is cluster-wide. None: there is no election.

    Raises:
        ConfigurationError: the configuration names a cgroup that does not exist, or the boot id cannot be read.
        TapioError: the data directory cannot be used, or another recorder has it.
    """
    wall_clock = WallClock(read_clocks().unix_minus_boot_ns)
    positions = Positions()
    contexts = build_contexts(
        config, sources, boot_time_ns, wall_clock, leadership or Leadership(), positions=positions
    )
    resuming = {source.spec.name: source.spec.position for source in sources if source.spec.position}
    store = Store.open(config, wall_clock, boot_time_ns(), log=log, resuming=resuming)
    positions.fill(store.positions)
    opened = SourceSet.open(sources, contexts, boot_time_ns, log)
    store.note_downtime(
        [table for table in opened.tables if not positions.of(table)], boot_time_ns()
    )  # until now: opening may take seconds, in which nothing is recorded
    stop = stop or threading.Event()
    return Daemon(config, opened, store, boot_time_ns=boot_time_ns, stop=stop, on_trigger=on_trigger)
