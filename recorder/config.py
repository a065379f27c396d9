"""The recorder's configuration: one YAML file, every key known, every mistake told with its line.

`docs/configuration.md` explains each key, `deploy/recorder.yaml` shows them all; a test compares the three.
"""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from formats.catalog import TABLE_BY_NAME
from formats.errors import ConfigurationError, MissingInputError
from formats.limits import YAML_BYTES
from formats.suggestion import suggest
from formats.units import parse_bytes, parse_duration
from formats.yaml_reader import (
    YamlList,
    YamlMap,
    YamlNode,
    YamlScalar,
    read_yaml_documents,
    refuse_unknown_keys,
    to_plain,
)
from recorder.source import Profile, SourceSpec

_MIB = 1 << 20
_GIB = 1 << 30
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_DAY = 86_400 * _SECOND


@dataclass(frozen=True, slots=True)
class HostConfig:
    """Where the host's file systems are, as seen by the recorder."""

    proc: Path = Path("/proc")
    sysfs: Path = Path("/sys")


@dataclass(frozen=True, slots=True)
class JournalConfig:
    """When the open journal is synced, and when it is full."""

    sync_interval_ns: int = _SECOND
    max_bytes: int = 32 * _MIB
    max_age_ns: int = 10 * _MINUTE


@dataclass(frozen=True, slots=True)
class RingConfig:
    """How much is kept: the oldest segment goes when any of these is passed."""

    max_bytes: int = 2 * _GIB
    max_age_ns: int = 7 * _DAY
    keep_free_bytes: int = _GIB


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    """What the recorder may use of the node; it sheds sources to stay within."""

    cpu_percent: int = 25
    memory_bytes: int = 256 * _MIB
    queue_bytes: int = 32 * _MIB


@dataclass(frozen=True, slots=True)
class TriggerConfig:
    """An event that freezes by itself.

    Attributes:
        table: where it is recorded.
        event_name: its name; None: any.
        min_severity: its least `severity_number`.
    """

    table: str
    event_name: str | None = None
    min_severity: int = 0


@dataclass(frozen=True, slots=True)
class FreezeConfig:
    """What a freeze collects, and what freezes by itself."""

    before_ns: int = 10 * _MINUTE
    after_ns: int = 30 * _SECOND
    min_interval_ns: int = 5 * _MINUTE
    max_capture_bytes: int = 2 * _GIB
    triggers: tuple[TriggerConfig, ...] = (TriggerConfig("oom", "oom.kill"),)


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One source.

    Attributes:
        enabled: None: as the profile says.
        options: those that are given; checked against the source's spec.
        places: `file:line:column` of each option, for messages.
    """

    enabled: bool | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecorderConfig:
    """The whole configuration; every attribute is the key of the same name, `_ns` for durations."""

    node_name: str = ""
    data_dir: Path = Path("/var/lib/tapio")
    profile: Profile = Profile.DEFAULT
    cgroups: tuple[str, ...] = ()
    control_socket: Path | None = None
    metrics_listen: str = "127.0.0.1:9273"
    host: HostConfig = HostConfig()
    journal: JournalConfig = JournalConfig()
    ring: RingConfig = RingConfig()
    budget: BudgetConfig = BudgetConfig()
    freeze: FreezeConfig = FreezeConfig()
    sources: Mapping[str, SourceConfig] = field(default_factory=dict)

    @property
    def socket_path(self) -> Path:
        """Where the control socket is: `control_socket`, or within `data_dir`."""
        return self.control_socket or self.data_dir / "control.sock"

    @property
    def resolved_node_name(self) -> str:
        """`node_name`, or the environment's NODE_NAME (the downward API's usual place), or the host name."""
        return self.node_name or os.environ.get("NODE_NAME", "") or socket.gethostname()


def read_config(path: Path, specs: Collection[SourceSpec]) -> RecorderConfig:
    """The configuration in a file.

    Args:
        path: of the YAML file.
        specs: of every source that there is.

    Raises:
        MissingInputError: the file cannot be read.
        ConfigurationError: it is wrong, with file:line:column.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(YAML_BYTES + 1)
    except OSError as error:
        raise MissingInputError(
            f"the configuration cannot be read ({os.strerror(error.errno or 0)})",
            where=str(path),
            next_step="give its path with --config, or leave --config out to run with the defaults",
        ) from error
    return parse_config(raw.decode("utf-8", "surrogateescape"), str(path), specs)


def parse_config(text: str, where: str, specs: Collection[SourceSpec]) -> RecorderConfig:
    """The configuration in a text; an empty text is all defaults.

    Raises:
        ConfigurationError: it is wrong, with file:line:column.
    """
    documents = read_yaml_documents(text, where=where, error=ConfigurationError)
    if len(documents) > 1:
        raise ConfigurationError(
            "a configuration must be a single YAML document", where=where, next_step="remove the second `---`"
        )
    if not documents or documents[0] == YamlScalar(documents[0].where, None):
        return RecorderConfig()
    root = _map(documents[0], "the configuration")
    config: RecorderConfig = _read_section(root, RecorderConfig, "the configuration", _TOP_KEYS)
    config = dataclasses.replace(config, sources=_read_sources(root.entries.get("sources"), specs))
    _check_bounds(config, root)
    return config


def resolve_options(spec: SourceSpec, config: SourceConfig) -> dict[str, Any]:
    """The options of a source, defaults filled in."""
    return {**spec.options, **config.options}


def select_sources(config: RecorderConfig, specs: Sequence[SourceSpec]) -> list[SourceSpec]:
    """The sources that the profile has, with those that are switched on or off by name; in the order of `specs`."""
    order = list(Profile)
    chosen = []
    for spec in specs:
        wanted = config.sources.get(spec.name, SourceConfig()).enabled
        if wanted if wanted is not None else order.index(spec.profile) <= order.index(config.profile):
            chosen.append(spec)
    return chosen


Reader = Callable[[YamlNode], Any]


def _map(node: YamlNode, what: str) -> YamlMap:
    if not isinstance(node, YamlMap):
        raise ConfigurationError(f"{what} must be a mapping of keys to values", where=node.where)
    return node


def _text(node: YamlNode) -> str:
    if not isinstance(node, YamlScalar) or not isinstance(node.value, str):
        raise ConfigurationError("the value must be a string", where=node.where, next_step="put it in quotes")
    return node.value


def _path(node: YamlNode) -> Path:
    path = Path(_text(node))
    if not path.is_absolute() or ".." in path.parts:
        raise ConfigurationError(
            f"`{path}` is not an absolute path", where=node.where, next_step="start it with `/`, without `..`"
        )
    return path


def _boolean(node: YamlNode) -> bool:
    if not isinstance(node, YamlScalar) or not isinstance(node.value, bool):
        raise ConfigurationError("the value must be true or false", where=node.where)
    return node.value


def _integer(node: YamlNode) -> int:
    if not isinstance(node, YamlScalar) or isinstance(node.value, bool) or not isinstance(node.value, int):
        raise ConfigurationError("the value must be a whole number", where=node.where)
    return node.value


def _measured(parse: Callable[[object], int]) -> Callable[[YamlNode], int]:
    def read(node: YamlNode) -> int:
        try:
            return parse(node.value if isinstance(node, YamlScalar) else None)
        except ValueError as error:
            raise ConfigurationError(str(error), where=node.where) from None

    return read


_bytes = _measured(parse_bytes)
_duration = _measured(parse_duration)


def _profile(node: YamlNode) -> Profile:
    try:
        return Profile(_text(node))
    except ValueError:
        raise ConfigurationError(
            f"unknown profile `{to_plain(node)}`", where=node.where, next_step=suggest(_text(node), list(Profile))
        ) from None


def _cgroups(node: YamlNode) -> tuple[str, ...]:
    if not isinstance(node, YamlList):
        raise ConfigurationError("the value must be a list of cgroup paths", where=node.where)
    return tuple(normalize_cgroup_path(_text(item), item.where) for item in node.items)


def normalize_cgroup_path(path: str, where: str) -> str:
    """A cgroup path below the hierarchies' roots: with one leading slash, without a trailing one.

    Raises:
        ConfigurationError: it has `..` in it.
    """
    parts = [part for part in path.split("/") if part and part != "."]
    if ".." in parts:
        raise ConfigurationError(f"the cgroup path `{path}` contains `..`", where=where)
    return "/" + "/".join(parts)


def _triggers(node: YamlNode) -> tuple[TriggerConfig, ...]:
    if not isinstance(node, YamlList):
        raise ConfigurationError("the value must be a list of triggers", where=node.where)
    return tuple(_trigger(_map(item, "a trigger")) for item in node.items)


def _trigger(node: YamlMap) -> TriggerConfig:
    keys: dict[str, Reader] = {"table": _text, "event_name": _text, "min_severity": _integer}
    refuse_unknown_keys(node, keys, what="a trigger", error=ConfigurationError)
    values = {key: keys[key](child) for key, child in node.entries.items()}
    table = TABLE_BY_NAME.get(values.get("table", ""))
    if table is None:
        raise ConfigurationError(
            f"a trigger requires a table; unknown table `{values.get('table', '')}`",
            where=node.where,
            next_step=suggest(values.get("table", ""), TABLE_BY_NAME),
        )
    name = values.get("event_name")
    if name is not None and name not in table.event_names:
        raise ConfigurationError(
            f"the table {table.name} has no event `{name}`",
            where=node.entries["event_name"].where,
            next_step=suggest(name, table.event_names),
        )
    return TriggerConfig(**values)


_HOST_KEYS: dict[str, tuple[str, Reader]] = {"proc": ("proc", _path), "sysfs": ("sysfs", _path)}
_JOURNAL_KEYS: dict[str, tuple[str, Reader]] = {
    "sync_interval": ("sync_interval_ns", _duration),
    "max_bytes": ("max_bytes", _bytes),
    "max_age": ("max_age_ns", _duration),
}
_RING_KEYS: dict[str, tuple[str, Reader]] = {
    "max_bytes": ("max_bytes", _bytes),
    "max_age": ("max_age_ns", _duration),
    "keep_free_bytes": ("keep_free_bytes", _bytes),
}
_BUDGET_KEYS: dict[str, tuple[str, Reader]] = {
    "cpu_percent": ("cpu_percent", _integer),
    "memory_bytes": ("memory_bytes", _bytes),
    "queue_bytes": ("queue_bytes", _bytes),
}
_FREEZE_KEYS: dict[str, tuple[str, Reader]] = {
    "before": ("before_ns", _duration),
    "after": ("after_ns", _duration),
    "min_interval": ("min_interval_ns", _duration),
    "max_capture_bytes": ("max_capture_bytes", _bytes),
    "triggers": ("triggers", _triggers),
}


def _section(kind: type, what: str, keys: dict[str, tuple[str, Reader]]) -> Reader:
    return lambda node: _read_section(_map(node, what), kind, what, keys)


_TOP_KEYS: dict[str, tuple[str, Reader]] = {
    "node_name": ("node_name", _text),
    "data_dir": ("data_dir", _path),
    "profile": ("profile", _profile),
    "cgroups": ("cgroups", _cgroups),
    "control_socket": ("control_socket", _path),
    "metrics_listen": ("metrics_listen", _text),
    "host": ("host", _section(HostConfig, "`host`", _HOST_KEYS)),
    "journal": ("journal", _section(JournalConfig, "`journal`", _JOURNAL_KEYS)),
    "ring": ("ring", _section(RingConfig, "`ring`", _RING_KEYS)),
    "budget": ("budget", _section(BudgetConfig, "`budget`", _BUDGET_KEYS)),
    "freeze": ("freeze", _section(FreezeConfig, "`freeze`", _FREEZE_KEYS)),
    "sources": ("sources", lambda _: {}),  # read apart: what is allowed there is in the sources' specs
}

CONFIG_KEYS: tuple[str, ...] = tuple(
    sorted(
        list(_TOP_KEYS)
        + [f"host.{key}" for key in _HOST_KEYS]
        + [f"journal.{key}" for key in _JOURNAL_KEYS]
        + [f"ring.{key}" for key in _RING_KEYS]
        + [f"budget.{key}" for key in _BUDGET_KEYS]
        + [f"freeze.{key}" for key in _FREEZE_KEYS]
    )
)
"""Every key outside `sources`, for the test that compares them with `docs/configuration.md`."""


def _read_section(node: YamlMap, kind: type, what: str, keys: dict[str, tuple[str, Reader]]) -> Any:
    refuse_unknown_keys(node, keys, what=what, error=ConfigurationError)
    return kind(**{keys[key][0]: keys[key][1](child) for key, child in node.entries.items()})


def _read_sources(node: YamlNode | None, specs: Collection[SourceSpec]) -> dict[str, SourceConfig]:
    if node is None or node == YamlScalar(node.where, None):
        return {}
    by_name = {spec.name: spec for spec in specs}
    sources = _map(node, "`sources`")
    refuse_unknown_keys(sources, by_name, what="`sources`", error=ConfigurationError)
    return {
        name: _read_source(_map(child, f"the source `{name}`"), by_name[name])
        for name, child in sources.entries.items()
    }


def _read_source(node: YamlMap, spec: SourceSpec) -> SourceConfig:
    allowed = {"enabled", *spec.options}
    refuse_unknown_keys(node, allowed, what=f"the source `{spec.name}`", error=ConfigurationError)
    enabled = _boolean(node.entries["enabled"]) if "enabled" in node.entries else None
    given = {key: child for key, child in node.entries.items() if key != "enabled"}
    options = {key: _read_option(child, spec.options[key], f"{spec.name}.{key}") for key, child in given.items()}
    return SourceConfig(enabled, options, {key: child.where for key, child in given.items()})


def _read_option(node: YamlNode, default: object, name: str) -> Any:
    """An option of the same type as its default; a default of None takes anything."""
    value = to_plain(node)
    if isinstance(default, bool):
        fits = isinstance(value, bool)
    elif isinstance(default, int):
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    elif isinstance(default, tuple | list):
        fits = isinstance(value, list)
        value = tuple(value) if fits else value
    elif isinstance(default, str | Mapping):
        fits = isinstance(value, str if isinstance(default, str) else dict)
    else:
        fits = True
    if not fits:
        raise ConfigurationError(
            f"`{name}` must have the same type as its default, {default!r}",
            where=node.where,
            next_step="see docs/configuration.md",
        )
    return value


def _check_bounds(config: RecorderConfig, root: YamlMap) -> None:
    """Figures that each are possible and together are not."""
    bounds = (
        ("journal", "sync_interval", 10_000_000 <= config.journal.sync_interval_ns <= _MINUTE, "10ms to 1m"),
        ("journal", "max_bytes", _MIB <= config.journal.max_bytes <= _GIB, "1MiB to 1GiB"),
        ("journal", "max_age", _SECOND <= config.journal.max_age_ns <= 86_400 * _SECOND, "1s to 24h"),
        (
            "ring",
            "max_bytes",
            config.ring.max_bytes >= 2 * config.journal.max_bytes,
            "at least twice journal.max_bytes",
        ),
        ("ring", "max_age", config.ring.max_age_ns >= config.journal.max_age_ns, "at least journal.max_age"),
        ("budget", "cpu_percent", 1 <= config.budget.cpu_percent <= 10_000, "1 to 10000 (100 is one core)"),
        ("budget", "memory_bytes", config.budget.memory_bytes >= 96 * _MIB, "at least 96MiB"),
        ("budget", "queue_bytes", config.budget.queue_bytes >= _MIB, "at least 1MiB"),
        ("freeze", "after", config.freeze.after_ns <= 3_600 * _SECOND, "at most 1h"),
    )
    for section, key, holds, allowed in bounds:
        if not holds:
            node = root.entries.get(section)
            place = node.entries[key].where if isinstance(node, YamlMap) and key in node.entries else root.where
            raise ConfigurationError(f"`{section}.{key}` is out of range", where=place, next_step=f"allowed: {allowed}")
