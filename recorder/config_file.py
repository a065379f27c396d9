"""Reads the recorder's configuration: one YAML file, every key known, every mistake reported with its line."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from formats.catalog import TABLE_BY_NAME
from formats.errors import ConfigurationError, MissingInputError
from formats.limits import YAML_BYTES
from formats.suggestion import suggest
from formats.units import parse_bytes, parse_duration
from formats.yaml_decoding import decode_yaml, place_of
from formats.yaml_reader import (
    YamlMap,
    YamlNode,
    YamlScalar,
    read_yaml_documents,
    refuse_unknown_keys,
    to_plain,
)
from recorder.config import (
    CgroupPath,
    Duration,
    RecorderConfig,
    Size,
    SourceConfig,
    TriggerConfig,
    normalize_cgroup_path,
)
from recorder.destination import parse_destination
from recorder.source import SourceSpec

_MIB = 1 << 20
_GIB = 1 << 30
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND


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
    others = YamlMap(root.where, {**root.entries}, root.key_places)
    sources = others.entries.pop("sources", None)  # what is allowed there is in the sources' specs
    config = decode_yaml(others, RecorderConfig, what="the configuration", error=ConfigurationError, hook=_read_value)
    for index, trigger in enumerate(config.freeze.triggers if "freeze" in root.entries else ()):
        _check_trigger(trigger, root, index)
    config = msgspec.structs.replace(config, sources=_read_sources(sources, specs))
    _check_bounds(config, root)
    _check_destination(config, root)
    return config


def _read_value(kind: type, value: Any) -> Any:
    """Values of our own types, for the decoder; ValueError says what is expected."""
    if kind is Duration:
        return Duration(parse_duration(value))
    if kind is Size:
        return Size(parse_bytes(value))
    if not isinstance(value, str):
        raise ValueError("the value must be a string; put it in quotes")  # noqa: TRY004 - what the decoder expects
    if kind is CgroupPath:
        return normalize_cgroup_path(value)
    path = Path(value)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError(f"`{path}` is not an absolute path; start it with `/`, without `..`")
    return path


def _check_trigger(trigger: TriggerConfig, root: YamlMap, index: int) -> None:
    place: list[str | int] = ["freeze", "triggers", index]
    table = TABLE_BY_NAME.get(trigger.table)
    if table is None:
        raise ConfigurationError(
            f"unknown table `{trigger.table}`",
            where=place_of(root, [*place, "table"]),
            next_step=suggest(trigger.table, TABLE_BY_NAME),
        )
    if trigger.event_name is not None and trigger.event_name not in table.event_names:
        raise ConfigurationError(
            f"the table {table.name} has no event `{trigger.event_name}`",
            where=place_of(root, [*place, "event_name"]),
            next_step=suggest(trigger.event_name, table.event_names),
        )


def _map(node: YamlNode, what: str) -> YamlMap:
    if not isinstance(node, YamlMap):
        raise ConfigurationError(f"{what} must be a mapping of keys to values", where=node.where)
    return node


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
    given = dict(node.entries)
    enabled = _read_option(given.pop("enabled"), True, f"{spec.name}.enabled") if "enabled" in given else None
    options = {key: _read_option(child, spec.options[key], f"{spec.name}.{key}") for key, child in given.items()}
    return SourceConfig(enabled, options)


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
        (
            "upload",
            "bytes_per_second",
            64 << 10 <= config.upload.bytes_per_second <= 64 * _GIB,
            "64KiB to 64GiB",
        ),
        ("upload", "max_age", config.upload.max_age_ns >= 60 * _MINUTE, "at least 1h"),
        ("fleet", "min_interval", 10 * _SECOND <= config.fleet.min_interval_ns <= 86_400 * _SECOND, "10s to 24h"),
        ("fleet", "jitter", config.fleet.jitter_ns <= _MINUTE, "at most 1m"),
    )
    for section, key, holds, allowed in bounds:
        if not holds:
            raise ConfigurationError(
                f"`{section}.{key}` is out of range",
                where=place_of(root, [section, key]),
                next_step=f"allowed: {allowed}",
            )


def _check_destination(config: RecorderConfig, root: YamlMap) -> None:
    """Whether captures may be uploaded there; what is rejected is not repeated, it may contain a password."""
    if not config.upload.destination:
        return
    try:
        parse_destination(config.upload.destination)
    except ValueError as error:
        raise ConfigurationError(
            f"`upload.destination`: {error}",
            where=place_of(root, ["upload", "destination"]),
            next_step="see docs/configuration.md",
        ) from None
