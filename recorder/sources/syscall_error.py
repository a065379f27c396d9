"""Source `syscall_error`: failed system calls, counted per process, call and errno, in turns."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from formats.errors import ConfigurationError, TapioError, UnavailableError
from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import syscall_error
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.paths import PATH_MEMBERS, PATH_OFFSETS, list_paths
from recorder.ebpf.program import FunctionKind, LoadedProgram, ProgramRequest
from recorder.ebpf.records import (
    constant_name_column,
    fixed_text_column,
    layout_of,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
    struct_dtype,
)
from recorder.ebpf.ring_buffer import Records
from recorder.ebpf.syscall_names import syscall_name, syscall_names
from recorder.ebpf.tally import TALLY, TALLY_MAPS, KernelTally, Tallies
from recorder.ebpf.turns import Turns
from recorder.linux.bpf_maps import possible_cpus, read_per_cpu
from recorder.source import Need, Pauses, Profile, SourceContext, SourceSpec

SAMPLE_RECORD = record_dtype(("number", "<i4"), ("error", "<u4"), *PATH_MEMBERS)
"""`struct record` of bpf/syscall_error.c."""
ERROR_KEY = struct_dtype(("cgroup_id", "<u8"), ("pid", "<u4"), ("number", "<i4"), ("error", "<u4"), ("unused", "<u4"))
"""`struct key` of bpf/syscall_error.c."""
_SAMPLING = struct_dtype(("second_ns", "<u8"), ("sent", "<u8"), ("left_out", "<u8"))

_SECOND: Final = 1_000_000_000
_STARTING: Final = frozenset({"clone", "clone3", "fork", "vfork"})
"""Calls that start a process or thread; not every architecture has all of them."""
_PATH_CALLS: Final = {
    **dict.fromkeys(("open", "creat", "truncate", "mkdir", "rmdir", "unlink", "rename", "link", "chmod", "chown"), 0),
    **dict.fromkeys(("chdir", "execve", "lchown", "mknod"), 0),
    **dict.fromkeys(("openat", "openat2", "mkdirat", "unlinkat", "renameat", "renameat2", "linkat", "mknodat"), 1),
    **dict.fromkeys(("fchmodat", "fchownat", "execveat"), 1),
}
"""Calls that take a path, and which of their arguments it is."""
_FILE_CALLS: Final = frozenset(
    {"write", "pwrite64", "writev", "pwritev", "pwritev2", "fsync", "fdatasync", "ftruncate", "fallocate"}
    | {"read", "pread64", "readv", "preadv", "preadv2", "getdents64", "sync_file_range"}
)
"""Calls whose first argument is an open file."""
_ERROR_NUMBER: Final = {name: number for number, name in errno.errorcode.items()}


class SyscallErrorSource(KernelSource):
    """One row per second, process, call and errno; and the first failure of each at once, as a sample."""

    spec = SourceSpec(
        table=syscall_error.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEFAULT,
        cost="80 ns for every system call of the node during on_s of every_s (a thirtieth of the time), nothing in "
        "between; 0.3 us for one that fails",
        loss_reasons=(
            LossReason.KERNEL_MAP_FULL,
            LossReason.KERNEL_RING_FULL,
            LossReason.SAMPLED,
            LossReason.IN_TURNS,
            LossReason.RECORDER_DOWN,
        ),
        shed_order=10,
        options={
            "ring_bytes": 128 << 10,
            "map_entries": 8_192,
            "samples_per_second": 20,
            "on_s": 1,
            "every_s": 30,
            # What a working program does all the time: it would block (except where it starts a process or thread),
            # was interrupted, is under way, waited long enough, asks whether a file is a terminal or a child is left.
            "ignore": [
                "EAGAIN",
                "EINTR",
                "connect:EINPROGRESS",
                "futex:ETIMEDOUT",
                "rt_sigtimedwait:ETIMEDOUT",
                "ioctl:ENOTTY",
                "wait4:ECHILD",
            ],
        },
        deep_options={"every_s": 0},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program.

        Raises:
            ConfigurationError: `ignore` names an errno or a call that does not exist.
        """
        errors, calls = _parse_ignored(context.options["ignore"])
        request = ProgramRequest(
            "syscall_error.c",
            maps=(*TALLY_MAPS, "sampling"),
            unattached=(("count_failure", FunctionKind.RAW_TRACEPOINT),),
            layouts={"key": layout_of(ERROR_KEY), "tally": layout_of(TALLY)},
            defines={
                "TALLY_ENTRIES": str(int(context.options["map_entries"])),
                "SAMPLES_PER_SECOND": str(int(context.options["samples_per_second"])),
                "STARTING_CALLS(F)": " ".join(
                    f"F({number})" for number, name in syscall_names().items() if name in _STARTING
                ),
                "PATH_CALLS(F)": " ".join(
                    f"F({number}, {_PATH_CALLS[name]})"
                    for number, name in syscall_names().items()
                    if name in _PATH_CALLS
                ),
                "FILE_CALLS(F)": " ".join(
                    f"F({number})" for number, name in syscall_names().items() if name in _FILE_CALLS
                ),
                "IGNORED_ERRORS(F)": " ".join(f"F({error})" for error in errors),
                "IGNORED_CALLS(F)": " ".join(f"F({number}, {error})" for number, error in calls),
            },
            optional_offsets=(
                "task_struct.files",
                "files_struct.fdt",
                "fdtable.fd",
                "fdtable.max_fds",
                "file.f_path.dentry",
                *PATH_OFFSETS,
            ),
        )
        return (self.ring_request(context, "syscall_error.c", SAMPLE_RECORD, request),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Map the ring of the samples, take over the counts, and look for the first time.

        Raises:
            UnavailableError: the kernel has no system-call tracepoints.
        """
        super().begin(context, results)
        program = self._programs[0]
        self._samples = self._map_ring(context, program, SAMPLE_RECORD)
        self._cpus = possible_cpus(context.sysfs)
        entries = int(context.options["map_entries"])
        self._tally = KernelTally(program, ERROR_KEY, entries, self._cpus, context.boot_time_ns())
        on_ns, every_ns = (int(float(context.options[name]) * _SECOND) for name in ("on_s", "every_s"))
        try:
            self._turns = Turns(program, "count_failure", "sys_exit", on_ns, every_ns, context.boot_time_ns())
        except OSError as error:
            raise UnavailableError(
                f"the kernel refused the tracepoint sys_exit ({error.strerror})",
                where="bpf/syscall_error.c",
                next_step="use a kernel with CONFIG_FTRACE_SYSCALLS",
            ) from error

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:
        """Samples as they come, counts once a second."""
        self._turns.advance(context.boot_time_ns)
        samples = self._samples.take(limit)
        if len(samples):
            return to_sample_batch(sort_by_time(samples))
        tallies = self._tally.take(context.boot_time_ns())
        return to_count_batch(tallies) if len(tallies) else None

    def count_missing(self) -> Mapping[LossReason, int]:
        """Failures that found the map full; samples that were left out, which the counts have all the same."""
        sampling = read_per_cpu(self._programs[0].maps["sampling"], _SAMPLING, self._cpus)
        return {
            **super().count_missing(),
            LossReason.KERNEL_MAP_FULL: self._tally.count_uncounted(),
            LossReason.SAMPLED: int(sampling["left_out"].sum()),
        }

    def list_pauses(self) -> Pauses:
        """When it did not look."""
        return Pauses(self._turns.pauses, self._turns.paused_since_ns)

    def count_rest(self) -> int:
        """Counts of the last, unfinished interval."""
        return super().count_rest() + len(self._tally.take_rest())


def _parse_ignored(names: Sequence[Any]) -> tuple[list[int], list[tuple[int, int]]]:
    """(errors to ignore everywhere, (call, error) to ignore) from `EAGAIN` and `futex:ETIMEDOUT`."""
    numbers = {name: number for number, name in syscall_names().items()}
    errors: list[int] = []
    calls: list[tuple[int, int]] = []
    for name in names:
        call, separator, error = str(name).rpartition(":")
        if error not in _ERROR_NUMBER or (separator and call not in numbers):
            raise ConfigurationError(
                f"{name!r} is neither an errno nor call:errno",
                where="sources.syscall_error.ignore",
                next_step="write it as EAGAIN or as futex:ETIMEDOUT",
            )
        if separator:
            calls.append((numbers[call], _ERROR_NUMBER[error]))
        else:
            errors.append(_ERROR_NUMBER[error])
    return errors, calls


def to_count_batch(rows: Tallies) -> pa.RecordBatch:
    """Rows `syscall.errors` of counts by `ERROR_KEY`."""
    key, tally = rows["key"], rows["tally"]
    return _to_batch(
        "syscall.errors", tally["last_boot_ns"], key, tally["comm"], tally["count"], tally["first_boot_ns"], None
    )


def to_sample_batch(records: Records) -> pa.RecordBatch:
    """Rows `syscall.error_sample` of `SAMPLE_RECORD`s."""
    times = records["boot_time_ns"]
    return _to_batch(
        "syscall.error_sample",
        times,
        records,
        records["comm"],
        np.ones(len(records), np.int64),
        times,
        list_paths(records),
    )


def _to_batch(  # noqa: PLR0917 - the columns of the table in their order
    event_name: str,
    times: npt.NDArray[Any],
    who: npt.NDArray[Any],
    commands: npt.NDArray[np.bytes_],
    counts: npt.NDArray[Any],
    first_times: npt.NDArray[Any],
    paths: list[str | None] | None,
) -> pa.RecordBatch:
    rows = len(who)
    numbers, number_index = np.unique(who["number"], return_inverse=True)
    errors, error_index = np.unique(who["error"], return_inverse=True)
    error_names = [errno.errorcode.get(int(error), f"errno_{error}") for error in errors]
    return pa.RecordBatch.from_arrays(
        [
            number_column(times, pa.int64()),
            constant_name_column(event_name, rows),
            number_column(np.full(rows, SeverityNumber.WARN), pa.uint8()),
            number_column(who["pid"], pa.int32()),
            number_column(who["cgroup_id"], pa.uint64()),
            fixed_text_column(commands),
            number_column(who["number"], pa.int32()),
            name_column(number_index, [syscall_name(int(number)) for number in numbers]),
            name_column(error_index, error_names),
            number_column(counts, pa.int64()),
            number_column(first_times, pa.int64()),
            pa.nulls(rows, pa.utf8()) if paths is None else pa.array(paths, pa.utf8()),
        ],
        schema=syscall_error.TABLE.drained_schema,
    )
