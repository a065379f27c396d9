"""The recorder's configuration: what can be set, and the defaults. `recorder.config_file` reads it.

`docs/configuration.md` explains each key, `deploy/recorder.yaml` shows them all; a test compares the three.
`formats/schemas/recorder.schema.json` is the JSON Schema, which `make docs` writes from the types and docstrings here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from recorder.destination import ENVIRONMENT
from recorder.source import Profile, SourceSpec

_MIB = 1 << 20
_GIB = 1 << 30
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_DAY = 86_400 * _SECOND
DefaultT = TypeVar("DefaultT")


class Duration(int):
    """Nanoseconds, written as `250ms`, `10m`, `7d`."""


class Size(int):
    """Bytes, written as a whole number or as `64MiB`."""


class CgroupPath(str):
    """A cgroup path below the hierarchies' roots: with one leading slash, without a trailing one."""

    __slots__ = ()


def _key(default: DefaultT, name: str | None = None) -> DefaultT:
    # A factory, because the JSON Schema cannot have a default of our own types.
    made: DefaultT = msgspec.field(default_factory=lambda: default, name=name)
    return made


class HostConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the host's file systems are, as seen by the recorder.

    Attributes:
        proc: absolute path of the host's `/proc`.
        sysfs: absolute path of the host's `/sys`.
    """

    proc: Path = _key(Path("/proc"))
    sysfs: Path = _key(Path("/sys"))


class JournalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the open journal is synced, and when it is full.

    Attributes:
        sync_interval_ns: time between two fdatasync: what a power failure may cost, ns.
        max_bytes: the journal is closed and sealed at this size, bytes.
        max_age_ns: or after this time, ns.
    """

    sync_interval_ns: Duration = _key(Duration(_SECOND), "sync_interval")
    max_bytes: Size = _key(Size(32 * _MIB))
    max_age_ns: Duration = _key(Duration(10 * _MINUTE), "max_age")


class RingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is kept: the oldest segment is deleted when any of these is passed.

    Attributes:
        max_bytes: of all segments, bytes.
        max_age_ns: of a segment, ns.
        keep_free_bytes: left free for others on the file system, bytes.
    """

    max_bytes: Size = _key(Size(2 * _GIB))
    max_age_ns: Duration = _key(Duration(7 * _DAY), "max_age")
    keep_free_bytes: Size = _key(Size(_GIB))


class BudgetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the recorder may use of the node; it sheds sources to stay within.

    Attributes:
        cpu_percent: of one core; 100 is one core.
        memory_bytes: resident memory of the recorder, bytes.
        queue_bytes: rows that wait for the disk, bytes.
    """

    cpu_percent: int = 25
    memory_bytes: Size = _key(Size(256 * _MIB))
    queue_bytes: Size = _key(Size(32 * _MIB))


class TriggerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that freezes by itself.

    Attributes:
        table: where it is recorded.
        event_name: its name; None: any.
        min_severity: its least `severity_number`.
    """

    table: str
    event_name: str | None = None
    min_severity: int = 0


class FreezeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a freeze collects, and what freezes by itself.

    Attributes:
        before_ns: time before the freeze that is collected, ns.
        after_ns: time after it, ns.
        min_interval_ns: least time between two freezes by triggers, ns.
        max_capture_bytes: of all captures that triggers have made, bytes.
        triggers: any of these events freezes.
    """

    before_ns: Duration = _key(Duration(10 * _MINUTE), "before")
    after_ns: Duration = _key(Duration(30 * _SECOND), "after")
    min_interval_ns: Duration = _key(Duration(5 * _MINUTE), "min_interval")
    max_capture_bytes: Size = _key(Size(2 * _GIB))
    triggers: tuple[TriggerConfig, ...] = (TriggerConfig("oom", "oom.kill"),)


class UploadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where captures are uploaded to, how fast, and how much is kept there.

    Attributes:
        destination: URI or absolute path; empty: TAPIO_UPLOAD_DESTINATION of the environment, else nothing is uploaded.
        cluster: first part of the names of objects, before the node; empty: none.
        bytes_per_second: sent or read back, on average, bytes.
        max_age_ns: objects that this node uploaded are deleted after this time, ns.
        max_bytes: of all objects that this node uploaded; the oldest are deleted, bytes.
    """

    destination: str = ""
    cluster: str = ""
    bytes_per_second: Size = _key(Size(4 * _MIB))
    max_age_ns: Duration = _key(Duration(90 * _DAY), "max_age")
    max_bytes: Size = _key(Size(100 * _GIB))

    @property
    def resolved_destination(self) -> str:
        """`destination`, or what the environment says; empty: nothing is uploaded."""
        return self.destination or os.environ.get(ENVIRONMENT, "")


class FleetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether this recorder takes part in Captures, by which all nodes of a cluster freeze together.

    Attributes:
        enabled: whether it does.
        kubeconfig: path; empty: the service account of the pod, else what kubectl would take.
        namespace: of the Captures; empty: that of the pod.
        min_interval_ns: least time between two Captures by the same trigger in the whole cluster, ns.
        jitter_ns: longest random wait before each step, so that not all nodes write at once, ns.
    """

    enabled: bool = False
    kubeconfig: str = ""
    namespace: str = ""
    min_interval_ns: Duration = _key(Duration(5 * _MINUTE), "min_interval")
    jitter_ns: Duration = _key(Duration(5 * _SECOND), "jitter")


class ElectionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the recorders of a cluster elect the one that records what is cluster-wide.

    Attributes:
        enabled: whether this recorder stands for election; without it, it records all that its sources are told to.
        kubeconfig: path; empty: the service account of the pod, else what kubectl would take.
        namespace: of the Lease; empty: that of the pod.
    """

    enabled: bool = False
    kubeconfig: str = ""
    namespace: str = ""


class SourceConfig(msgspec.Struct, frozen=True):
    """One source.

    Attributes:
        enabled: None: as the profile says.
        options: those that are given; checked against the source's spec.
    """

    enabled: bool | None = None
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)


class RecorderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The recorder's whole configuration.

    Attributes:
        node_name: name of this node; empty: NODE_NAME of the environment, else the host name.
        data_dir: absolute path of the directory that holds journal, segments and captures.
        profile: how much is recorded.
        cgroups: paths below which is recorded; empty: the whole node.
        control_socket: absolute path; None: `control.sock` in `data_dir`.
        metrics_listen: address and port of `/metrics` and `/healthz`; empty: none.
        host: where the host's file systems are.
        journal: when the open journal is synced, and when it is full.
        ring: how much is kept.
        budget: what the recorder may use of the node.
        freeze: what a freeze collects, and what freezes by itself.
        upload: where captures are uploaded to.
        fleet: whether it takes part in the Captures of a cluster.
        election: whether the recorders of a cluster elect the one that records what is cluster-wide.
        sources: sources by name: switched on or off, with their options.
    """

    node_name: str = ""
    data_dir: Path = _key(Path("/var/lib/tapio"))
    profile: Profile = Profile.DEFAULT
    cgroups: tuple[CgroupPath, ...] = ()
    control_socket: Path | None = None
    metrics_listen: str = "127.0.0.1:9273"
    host: HostConfig = _key(HostConfig())
    journal: JournalConfig = _key(JournalConfig())
    ring: RingConfig = _key(RingConfig())
    budget: BudgetConfig = _key(BudgetConfig())
    freeze: FreezeConfig = _key(FreezeConfig())
    upload: UploadConfig = _key(UploadConfig())
    fleet: FleetConfig = _key(FleetConfig())
    election: ElectionConfig = _key(ElectionConfig())
    sources: Mapping[str, SourceConfig] = msgspec.field(default_factory=dict)

    @property
    def socket_path(self) -> Path:
        """Where the control socket is: `control_socket`, or within `data_dir`."""
        return self.control_socket or self.data_dir / "control.sock"

    @property
    def resolved_node_name(self) -> str:
        """`node_name`, or the environment's NODE_NAME (the downward API's usual place), or the host name."""
        return self.node_name or os.environ.get("NODE_NAME", "") or socket.gethostname()


def _config_keys() -> tuple[str, ...]:
    keys = []
    for field in msgspec.structs.fields(RecorderConfig):
        keys.append(field.encode_name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            keys += [f"{field.encode_name}.{inner.encode_name}" for inner in msgspec.structs.fields(field.type)]
    return tuple(sorted(keys))


CONFIG_KEYS: tuple[str, ...] = _config_keys()
"""Every key outside `sources`, for the test that compares them with `docs/configuration.md`."""


def resolve_options(spec: SourceSpec, config: SourceConfig, profile: Profile = Profile.DEFAULT) -> dict[str, Any]:
    """The options of a source, defaults filled in as the profile has them."""
    defaults = {**spec.options, **spec.deep_options} if profile is Profile.DEEP else spec.options
    return {**defaults, **config.options}


def select_sources(config: RecorderConfig, specs: Sequence[SourceSpec]) -> list[SourceSpec]:
    """The sources that the profile has, with those that are switched on or off by name; in the order of `specs`.

    One that is `off_without` an option is left out as long as that is empty.
    """
    order = list(Profile)
    chosen = []
    for spec in specs:
        configured = config.sources.get(spec.name, SourceConfig())
        if spec.off_without and not configured.options.get(spec.off_without):
            continue
        wanted = configured.enabled
        if wanted if wanted is not None else order.index(spec.profile) <= order.index(config.profile):
            chosen.append(spec)
    return chosen


def normalize_cgroup_path(path: str) -> CgroupPath:
    """A cgroup path below the hierarchies' roots: with one leading slash, without a trailing one.

    Raises:
        ValueError: it contains `..`.
    """
    parts = [part for part in path.split("/") if part and part != "."]
    if ".." in parts:
        raise ValueError(f"the cgroup path `{path}` contains `..`")
    return CgroupPath("/" + "/".join(parts))
