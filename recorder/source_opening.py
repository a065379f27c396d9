"""How sources are opened: the recorder and `doctor` do it by this code, with the same context."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from formats.errors import ConfigurationError
from recorder.cgroup_tree import find_hierarchies, read_cgroup_id
from recorder.config import RecorderConfig, SourceConfig, resolve_options
from recorder.leadership import Leadership
from recorder.positions import Positions
from recorder.source import Source, SourceContext
from recorder.store.layout import DataDirectory
from recorder.wall_clock import WallClock


def build_contexts(
    config: RecorderConfig,
    sources: Sequence[Source],
    boot_time_ns: Callable[[], int],
    wall_clock: WallClock,
    leadership: Leadership,
    *,
    positions: Positions | None = None,
) -> list[SourceContext]:
    """What each source is opened with.

    Raises:
        ConfigurationError: a cgroup of the configuration does not exist.
    """
    positions = positions or Positions()
    unified = find_hierarchies(config.host.sysfs).unified
    cgroup_ids = tuple(read_cgroup_id(unified, path) for path in config.cgroups)
    if 0 in cgroup_ids:
        missing = config.cgroups[cgroup_ids.index(0)]
        raise ConfigurationError(
            f"the cgroup {missing} does not exist",
            where=str(unified or config.host.sysfs / "fs/cgroup"),
            next_step="give its path relative to the root of the cgroup2 hierarchy, e.g. /kubepods",
        )
    return [
        SourceContext(
            node_name=config.resolved_node_name,
            options=resolve_options(source.spec, config.sources.get(source.spec.name, SourceConfig()), config.profile),
            boot_time_ns=boot_time_ns,
            proc=config.host.proc,
            sysfs=config.host.sysfs,
            cgroup_ids=cgroup_ids,
            cgroup_paths=config.cgroups,
            state_directory=DataDirectory(config.data_dir).state,
            wall_clock=wall_clock,
            leadership=leadership,
            positions=positions,
        )
        for source in sources
    ]


def open_sources(sources: Sequence[Source], contexts: Sequence[SourceContext]) -> list[Exception | None]:
    """Open them in order, those that open together at the place of the first of them.

    Returns:
        For each source, in order, None if it is open, or why it is not. One that fails does not touch the others.
    """
    problems: dict[int, Exception | None] = {}
    for number, source in enumerate(sources):
        if number in problems:
            continue
        together = source.spec.open_together
        if together is None:
            problems[number] = _open_one(source, contexts[number])
            continue
        members = [other for other, item in enumerate(sources) if item.spec.open_together is together]
        try:
            results = together([sources[member] for member in members], [contexts[member] for member in members])
        except Exception as error:  # noqa: BLE001 - a defect in opening these must not stop the other sources
            results = [error] * len(members)
        problems.update(zip(members, results, strict=True))
    return [problems[number] for number in range(len(sources))]


def _open_one(source: Source, context: SourceContext) -> Exception | None:
    try:
        source.open(context)
    except Exception as error:  # noqa: BLE001 - one failing source never stops the others
        return error
    return None
