"""Records of which only so many are sent per second: the user-space half of `bpf/include/tapio/rate_limit.h`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import layout_of, struct_dtype
from recorder.linux.bpf_maps import read_per_cpu

_LIMIT: Final = struct_dtype(("second_ns", "<u8"), ("sent", "<u8"), ("left_out", "<u8"))


def request_limit(request: ProgramRequest, max_per_second: int) -> ProgramRequest:
    """The request with what `tapio/rate_limit.h` needs.

    Args:
        request: for a program that includes it.
        max_per_second: records per CPU; at least one is sent.
    """
    return replace(
        request,
        maps=(*request.maps, "limits"),
        layouts={**request.layouts, "limit": layout_of(_LIMIT)},
        defines={**request.defines, "MAX_PER_SECOND": str(max(max_per_second, 1))},
    )


def count_left_out(program: LoadedProgram, cpus: int) -> int:
    """How many records were over the limit since the program was loaded.

    Args:
        program: of `request_limit`.
        cpus: from `possible_cpus`.
    """
    return int(read_per_cpu(program.maps["limits"], _LIMIT, cpus)["left_out"].sum())
