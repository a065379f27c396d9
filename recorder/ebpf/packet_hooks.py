"""Programs that see the packets of sockets: to which cgroups they are attached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from formats.errors import UnavailableError
from recorder.cgroup_tree import find_hierarchies
from recorder.ebpf.program import LoadedProgram
from recorder.linux.bpf_links import CgroupHook, attach_to_cgroup
from recorder.source import SourceContext


def find_watched_cgroups(context: SourceContext) -> tuple[Path, ...]:
    """The directories of the cgroup2 tree whose packets are looked at: of the filter, else the root.

    Those below another one are left out: their packets would be counted twice.

    Raises:
        UnavailableError: this node has no cgroup2 tree.
    """
    unified = find_hierarchies(context.sysfs).unified
    if unified is None:
        raise UnavailableError(
            "this node has no cgroup2 tree, to which the programs that see packets are attached",
            where=str(context.sysfs / "fs/cgroup"),
            next_step="mount it beside the v1 hierarchies: mount -t cgroup2 none /sys/fs/cgroup/unified",
        )
    paths = [Path("/", path) for path in context.cgroup_paths] or [Path("/")]
    outermost = [path for path in dict.fromkeys(paths) if not any(other in path.parents for other in paths)]
    return tuple(unified / path.relative_to("/") for path in outermost)


def attach_packet_functions(
    program: LoadedProgram, context: SourceContext, functions: Mapping[str, CgroupHook]
) -> None:
    """Let functions of a program see packets for as long as it is held.

    Args:
        program: that was loaded with these functions unattached.
        context: says which cgroups.
        functions: names in C and what each sees.

    Raises:
        UnavailableError: the kernel does not let us see the packets of a cgroup.
    """
    for cgroup in find_watched_cgroups(context):
        for function, hook in functions.items():
            try:
                program.hold(attach_to_cgroup(program.functions[function], cgroup, hook))
            except OSError as error:
                raise UnavailableError(
                    f"the packets of a cgroup cannot be seen ({error.strerror})",
                    where=str(cgroup),
                    next_step="run the recorder as root, or with CAP_NET_ADMIN; `bpftool cgroup tree` shows a "
                    "program there that tolerates no other",
                ) from error
