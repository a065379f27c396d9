"""What is asked of the loader, and what it gives back: one kernel program and its file descriptors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

MAX_DESCRIPTORS: Final = 253
"""SCM_MAX_FD of the kernel: what one message can carry."""


class FunctionKind(StrEnum):
    """What an unattached function can be attached to."""

    CGROUP_PACKET = "cgroup_packet"
    """A cgroup of the cgroup2 tree: it sees the packets of its sockets."""
    RAW_TRACEPOINT = "raw_tracepoint"
    """A raw tracepoint of any name."""


@dataclass(frozen=True, slots=True)
class ProgramRequest:
    """One program file to compile, load and attach.

    Attributes:
        file: its name in the folder `bpf/`.
        maps: names in C of the maps whose descriptors are wanted.
        layouts: for each C struct: its size and (offset, size) of each member as user space reads them; the program
            does not compile if C sees it otherwise.
        defines: macros.
        offsets: members of kernel structs that it cannot do without, `task_struct.tgid`; each becomes a macro
            `OFFSET_task_struct_tgid`.
        optional_offsets: the same for members that only some kernels have.
        tracepoint_structs: (tracepoint, struct): its first argument must point to this struct, or the program is
            refused.
        defines_if_tracepoint_has: macro to (tracepoint, number of arguments), defined if the kernel's has at least as
            many.
        unattached: (function, kind) that are loaded and not attached; the source attaches them when it is ready for
            what they tell.
        probes: C text after the file's, for probes that are known only at run time.
    """

    file: str
    maps: tuple[str, ...] = ()
    layouts: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    defines: Mapping[str, str] = field(default_factory=dict)
    offsets: tuple[str, ...] = ()
    optional_offsets: tuple[str, ...] = ()
    tracepoint_structs: tuple[tuple[str, str], ...] = ()
    defines_if_tracepoint_has: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    unattached: tuple[tuple[str, FunctionKind], ...] = ()
    probes: str = ""

    def to_json(self) -> dict[str, Any]:
        """The request as JSON for the standard input of the loader."""
        return asdict(self)


@dataclass(slots=True)
class LoadedProgram:
    """A program that runs in the kernel for as long as these file descriptors are open.

    Attributes:
        file: its name in the folder `bpf/`.
        maps: descriptor of each map by its name in C.
        functions: descriptor of each kernel function (probe) by its name in C.
        links: descriptors that keep the probes attached.
    """

    file: str
    maps: dict[str, int]
    functions: dict[str, int]
    links: tuple[int, ...]

    def hold(self, link: int) -> None:
        """Take over the descriptor of a link that the source has made."""
        self.links = (*self.links, link)

    def release(self, link: int) -> None:
        """Close the descriptor of a link that was taken over: its function does not run any more."""
        self.links = tuple(held for held in self.links if held != link)
        os.close(link)

    def detach(self) -> None:
        """Let no probe run any more; what they wrote stays readable."""
        for descriptor in self.links:
            os.close(descriptor)
        self.links = ()

    def close(self) -> None:
        """Detach and free it; a second call does nothing."""
        self.detach()
        for descriptor in (*self.functions.values(), *self.maps.values()):
            os.close(descriptor)
        self.functions = {}
        self.maps = {}
