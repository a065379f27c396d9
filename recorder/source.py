"""The one interface of every source: what it is (data) and what it can do (six methods).

`recorder/sources/pressure.py` is the living example: copy it to add a source, give it a table in `formats/tables/`,
and add its line to `recorder/registry.py`. `tests/laws/test_source_laws.py` says what is still missing. Most sources
derive from one of three classes that have these methods: `PolledSource`, `KernelSource`, `KubeSource`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from formats.columns import Table
from formats.loss import LossReason
from recorder.leadership import Leadership
from recorder.positions import Positions
from recorder.wall_clock import WallClock


class Profile(StrEnum):
    """How much is recorded. Each profile has everything of the ones before it."""

    LEAN = "lean"
    DEFAULT = "default"
    DEEP = "deep"


class Need(StrEnum):
    """What a source needs from the node; `tapio-recorder doctor` checks each."""

    BPF = "bpf"
    """bcc, the rights to load programs, and tracefs."""
    KERNEL_LOG = "kernel_log"
    """Read access to the kernel log, /dev/kmsg."""
    CGROUPS = "cgroups"
    """A mounted cgroup v1 memory controller or cgroup v2 tree."""
    PRESSURE = "pressure"
    """Pressure stall information, /proc/pressure."""
    PROC = "proc"
    """/proc of the host's pid namespace."""
    CONTAINER_RUNTIME = "container_runtime"
    """The socket of containerd, CRI-O or another runtime with a CRI."""
    KUBELET = "kubelet"
    """The kubelet of the node, and credentials that it accepts."""
    SYSTEM_BUS = "system_bus"
    """The socket of the D-Bus system bus, with systemd on it."""
    JOURNAL = "journal"
    """The files of the systemd journal, and the library that reads them."""
    NETLINK = "netlink"
    """Netlink sockets that hear of changes in the network namespaces of the node and of its pods."""
    KUBERNETES = "kubernetes"
    """A kubeconfig or a service account that may list and watch."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What a source is, and what it needs of the recorder's loop: data, the same for every instance.

    Attributes:
        table: the one table that it records; the source bears the table's name.
        needs: what must be there for it to work fully.
        profile: the leanest profile that has it.
        cost: one sentence: what it costs the node, with the measured figure.
        loss_reasons: every reason its `stats` may name.
        shed_order: lower is shed first when the recorder is over its budget; None is never shed.
        fallback: what it does when a need is not met; None: it does not work then.
        options: its configuration keys with their defaults; a key not in here is refused.
        off_without: the option without which it is off, because it has no default that would suit everybody; empty:
            none.
        deep_options: the defaults that are different in profile `deep`.
        opens_slowly: `open` may wait for a peer; the recorder opens it in a thread and does not wait.
        open_together: opens all sources whose specs name the same function at once; it gives, for each in order, None
            or why it is not open. None: each source is opened by its own `open`.
        position: the column of its table in which a row tells up to where it has read; it goes on from the newest one
            that was recorded, so that nothing that happened while the recorder did not run is missing. Empty: it
            records what happens from when it is opened.
        drains_when_shed: while it is shed it stays open and is drained, so that what is left out is counted exactly.
    """

    table: Table
    needs: tuple[Need, ...]
    profile: Profile
    cost: str
    loss_reasons: tuple[LossReason, ...] = ()
    shed_order: int | None = None
    fallback: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    off_without: str = ""
    deep_options: Mapping[str, Any] = field(default_factory=dict)
    opens_slowly: bool = False
    open_together: Callable[[Sequence[Any], Sequence[SourceContext]], Sequence[Exception | None]] | None = None
    drains_when_shed: bool = False
    position: str = ""

    @property
    def name(self) -> str:
        """Name of the source and of its table."""
        return self.table.name


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source gets from the recorder when it opens: no source reads a clock, the environment or a global.

    Attributes:
        node_name: the Kubernetes name of this node.
        options: the source's options, defaults filled in.
        boot_time_ns: reads CLOCK_BOOTTIME.
        proc: the host's /proc.
        sysfs: the host's /sys.
        cgroup_ids: record only these cgroup2 inodes and what is below them; empty = everything.
        cgroup_paths: the same cgroups as paths below the root of each hierarchy.
        state_directory: where a source may keep a small file over restarts.
        wall_clock: the source that reads the node's clocks keeps it current; every row is dated by it.
        leadership: whether this recorder records what is cluster-wide.
        positions: up to where sources with a `position` had read.
    """

    node_name: str
    options: Mapping[str, Any]
    boot_time_ns: Callable[[], int]
    proc: Path = Path("/proc")
    sysfs: Path = Path("/sys")
    cgroup_ids: tuple[int, ...] = ()
    cgroup_paths: tuple[str, ...] = ()
    state_directory: Path | None = None
    wall_clock: WallClock = field(default_factory=WallClock)
    leadership: Leadership = field(default_factory=Leadership)
    positions: Positions = field(default_factory=Positions)


@dataclass(frozen=True, slots=True)
class Pauses:
    """When a source did not look at what it records, or at a part of it. What happened then was not counted either.

    Attributes:
        ended: the last pauses that are over: from and to in boot ns, in the order of time.
        since_ns: since when it pauses now, boot ns; None if it looks.
        reason: why it pauses.
    """

    ended: tuple[tuple[int, int], ...] = ()
    since_ns: int | None = None
    reason: LossReason = LossReason.IN_TURNS


@dataclass(frozen=True, slots=True)
class SourceStats:
    """Running totals since `open`; the recorder turns their growth into loss rows.

    Attributes:
        produced: events that came to be, recorded or not.
        missing: how many of them were not given by `drain`, by reason.
        unknown_gaps: intervals (from, to in boot ns, reason, detail) in which an unknown number is missing.
        detail: one sentence about its state for `status`; empty if all is well.
        pauses: when it did not look, by design.
    """

    produced: int = 0
    missing: Mapping[LossReason, int] = field(default_factory=dict)
    unknown_gaps: tuple[tuple[int, int, LossReason, str], ...] = ()
    detail: str = ""
    pauses: Pauses = Pauses()


class Source(Protocol):
    """One producer of one table.

    No two methods run at once. All are called by the thread of the recorder's loop, except `open` of a source that
    `opens_slowly`: it is called by a thread of its own, and nothing else is called until it has returned.
    """

    spec: SourceSpec

    def open(self, context: SourceContext) -> None:
        """Attach or connect.

        Raises:
            UnavailableError: says exactly what is missing and what to do.
        """

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """What has happened since the last call, as batches of `Table.drained_schema`, in the order of time.

        Stops early when `budget_ns` of work is used up; the rest stays for the next call. Never blocks.
        """

    def snapshot(self) -> list[pa.RecordBatch]:
        """The state that a segment needs at its start so that it can be read alone; an empty list if it has none."""

    def stats(self) -> SourceStats:
        """Running totals of rows and losses since `open`."""

    def wake_fds(self) -> tuple[int, ...]:
        """File descriptors that become readable when draining should not wait for the timer."""

    def close(self) -> None:
        """Detach and free everything. Calling it twice, or without `open`, does nothing."""
