"""Source `tracepoint`: every hit of the kernel tracepoints that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from formats.errors import ConfigurationError, TapioError
from formats.loss import LossReason
from formats.tables import tracepoint
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import (
    constant_name_column,
    fixed_text_column,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
)
from recorder.ebpf.ring_buffer import Records
from recorder.ebpf.tracefs import TRACEPOINT_NAME, tracepoint_fields
from recorder.source import Need, Profile, SourceContext, SourceSpec

HIT_RECORD = record_dtype()
"""`struct record` of bpf/tracepoint.c: the header alone, 48 bytes."""

_SCHEMA: Final = tracepoint.TABLE.drained_schema
_DEBUG: Final = 5
_MAX_TRACEPOINTS: Final = 100
"""Why: each takes two file descriptors, and one message of the loader can carry 253."""


class TracepointSource(KernelSource):
    """One row per hit. With an empty list of events it records nothing."""

    spec = SourceSpec(
        table=tracepoint.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEEP,
        cost="0.15 us per hit in the kernel; 1,000,000 hits/s take a tenth of a core to drain",
        loss_reasons=(LossReason.KERNEL_RING_FULL, LossReason.RECORDER_DOWN),
        shed_order=0,
        options={"ring_bytes": 8 << 20, "events": []},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program with a probe for each name.

        Raises:
            ConfigurationError: a name is not `group:name`, or there are too many.
            UnavailableError: the kernel has no such tracepoint, or tracefs is not mounted.
        """
        self._names = tuple(dict.fromkeys(str(name) for name in context.options["events"]))
        if len(self._names) > _MAX_TRACEPOINTS:
            raise ConfigurationError(
                f"{len(self._names)} tracepoints are more than {_MAX_TRACEPOINTS}",
                where="sources.tracepoint.events",
                next_step="configure fewer",
            )
        probes = [self._probe(context, index, name) for index, name in enumerate(self._names)]
        request = ProgramRequest("tracepoint.c", probes="\n".join(probes))
        return (self.ring_request(context, "tracepoint.c", HIT_RECORD, request),) if probes else ()

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Map the ring."""
        super().begin(context, results)
        for program in self._programs:
            self._map_ring(context, program, HIT_RECORD)

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:  # noqa: ARG002 - interface
        """What waits in the ring."""
        for ring in self._rings.values():
            records = ring.take(limit)
            if len(records):
                return to_batch(sort_by_time(records), self._names)
        return None

    def describe_state(self) -> str:
        """Whether anything is recorded at all."""
        return super().describe_state() if self._names else "no tracepoint is configured in sources.tracepoint.events"

    def _probe(self, context: SourceContext, index: int, name: str) -> str:
        match = TRACEPOINT_NAME.fullmatch(name)
        if match is None:
            raise ConfigurationError(
                f"{name!r} is not the name of a tracepoint",
                where="sources.tracepoint.events",
                next_step="write it as group:name, as in /sys/kernel/tracing/available_events",
            )
        group, event = match.groups()
        tracepoint_fields(context.sysfs, group, event)
        hook = f"TRACEPOINT_PROBE({group}, {event})" if group == "syscalls" else f"RAW_TRACEPOINT_PROBE({event})"
        return f"{hook} {{ return record_hit({index}); }}"


def to_batch(records: Records, names: Sequence[str]) -> pa.RecordBatch:
    """Rows of `HIT_RECORD`s; `names` are the tracepoints in the order of their kinds."""
    rows = len(records)
    return pa.RecordBatch.from_arrays(
        [
            number_column(records["boot_time_ns"], pa.int64()),
            constant_name_column("tracepoint.hit", rows),
            number_column(np.full(rows, _DEBUG, np.uint8), pa.uint8()),
            number_column(records["pid"], pa.int32()),
            number_column(records["tid"], pa.int32()),
            number_column(records["cgroup_id"], pa.uint64()),
            fixed_text_column(records["comm"]),
            name_column(records["kind"], names),
            number_column(records["cpu"], pa.uint16()),
        ],
        schema=_SCHEMA,
    )
