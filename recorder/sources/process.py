"""Source `process`: processes begin, execute programs, and end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from formats.errors import TapioError
from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import process
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import (
    decode_text,
    fixed_text_column,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
)
from recorder.ebpf.ring_buffer import Records
from recorder.source import Need, Profile, SourceContext, SourceSpec

LIFE_RECORD = record_dtype(("start_boot_ns", "<u8"), ("parent_pid", "<u4"), ("exit_status", "<u4"))
"""`struct record` of bpf/process.c."""
EXEC_RECORD = record_dtype(
    ("start_boot_ns", "<u8"), ("parent_pid", "<u4"), ("args_count", "<u4"), ("file_name", "S256")
)
"""`struct record` of bpf/exec.c."""

_FORK, _EXEC, _EXIT = range(3)
_TASK_OFFSETS = ("task_struct.tgid", "task_struct.start_boottime", "task_struct.real_parent")


class ProcessSource(KernelSource):
    """Fork, exec and exit of processes, each at once; a fatal signal wakes the recorder."""

    spec = SourceSpec(
        table=process.TABLE,
        needs=(Need.BPF,),
        profile=Profile.LEAN,
        cost="about 1 us for each fork, exec and exit of a process",
        loss_reasons=(LossReason.KERNEL_RING_FULL, LossReason.RECORDER_DOWN),
        shed_order=None,
        options={"ring_bytes": 1 << 20},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """Two programs: the few and large records of exec have a ring of their own."""
        life = self.cgroup_request(
            ProgramRequest(
                "process.c",
                offsets=(
                    *_TASK_OFFSETS,
                    "task_struct.pid",
                    "task_struct.comm",
                    "task_struct.signal",
                    "task_struct.group_leader",
                    "task_struct.exit_code",
                    "signal_struct.live",
                    "signal_struct.flags",
                    "signal_struct.group_exit_code",
                ),
                tracepoint_structs=(("sched_process_fork", "task_struct"), ("sched_process_exit", "task_struct")),
                defines_if_tracepoint_has={"EXIT_TELLS_GROUP_DEAD": ("sched_process_exit", 2)},
            )
        )
        execution = ProgramRequest(
            "exec.c",
            offsets=(*_TASK_OFFSETS, "linux_binprm.argc", "linux_binprm.filename"),
            tracepoint_structs=(("sched_process_exec", "task_struct"),),
        )
        return (
            self.ring_request(context, "process.c", LIFE_RECORD, life),
            self.ring_request(context, "exec.c", EXEC_RECORD, execution),
        )

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Both programs are needed."""
        super().begin(context, results)
        self._life = self._map_ring(context, self._programs[0], LIFE_RECORD)
        self._execution = self._map_ring(context, self._programs[1], EXEC_RECORD)
        self._late_life = np.empty(0, LIFE_RECORD)
        self._late_execution = np.empty(0, EXEC_RECORD)

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:
        """Both rings merged by time.

        What happened after this call began waits for the next one: else an exec that was read could come before the
        fork that was not.
        """
        now = context.boot_time_ns()
        life, self._late_life = _split_at(self._life.take(limit // 2), self._late_life, now)
        execution, self._late_execution = _split_at(self._execution.take(limit // 2), self._late_execution, now)
        if len(life) + len(execution) == 0:
            return None
        return to_batch(life, execution)


def _split_at(fresh: Records, held: Records, boot_time_ns: int) -> tuple[Records, Records]:
    """(records up to a moment, records after it) of those just read and those held back before."""
    if not len(fresh) and not len(held):
        return fresh, held
    records = np.concatenate([held, fresh])
    is_late = records["boot_time_ns"] > boot_time_ns
    return records[~is_late], records[is_late]


def to_batch(life: Records, execution: Records) -> pa.RecordBatch:
    """Rows of forks and exits (`LIFE_RECORD`) and of execs (`EXEC_RECORD`), in the order of time."""
    rows = np.zeros(len(life) + len(execution), [*LIFE_RECORD.descr, ("args_count", "<i4"), ("name_index", "<i4")])
    for name in LIFE_RECORD.names or ():
        rows[name][: len(life)] = life[name]
        if name != "exit_status":
            rows[name][len(life) :] = execution[name]
    rows["args_count"][len(life) :] = execution["args_count"]
    rows["name_index"][: len(life)] = -1
    rows["name_index"][len(life) :] = np.arange(len(execution))
    rows = sort_by_time(rows)
    kind, status = rows["kind"], rows["exit_status"]
    signal, code = status & 0x7F, status >> 8 & 0xFF
    is_exec, is_exit = kind == _EXEC, kind == _EXIT
    is_signal = is_exit & (signal != 0)
    schema = process.TABLE.drained_schema
    names = [decode_text(name) for name in execution["file_name"].tolist()]
    paths = pa.array(names, pa.utf8()).take(pa.array(rows["name_index"], pa.int32(), mask=~is_exec))
    return pa.RecordBatch.from_arrays(
        [
            number_column(rows["boot_time_ns"], pa.int64()),
            name_column(kind, process.TABLE.event_names),
            number_column(np.where(is_signal, SeverityNumber.WARN, SeverityNumber.INFO), pa.uint8()),
            number_column(rows["pid"], pa.int32()),
            number_column(rows["start_boot_ns"], pa.int64()),
            number_column(rows["parent_pid"], pa.int32()),
            number_column(rows["cgroup_id"], pa.uint64()),
            fixed_text_column(rows["comm"]),
            paths,
            number_column(rows["args_count"], pa.int32(), ~is_exec),
            number_column(code, pa.int32(), ~is_exit | is_signal),
            number_column(signal, pa.int32(), ~is_signal),
            number_column(rows["boot_time_ns"] - rows["start_boot_ns"], pa.int64(), ~is_exit),
        ],
        schema=schema,
    )
