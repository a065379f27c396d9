"""What all sources that stand on kernel programs share: loading, draining within a budget, the account of losses."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from formats.errors import TapioError, UnavailableError
from formats.limits import FRAME_ROWS
from formats.loss import LossReason
from recorder.ebpf.loader_process import load_programs
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import layout_of, struct_dtype
from recorder.ebpf.ring_buffer import Records, RingBuffer
from recorder.linux.bpf_maps import possible_cpus, read_per_cpu, recursion_misses
from recorder.source import Pauses, SourceContext, SourceSpec, SourceStats

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_RING_UNIT_BYTES: Final = 4096
"""PAGE_SIZE of `bpf/include/asm/page.h`, in which bcc counts the size of a ring on every machine."""
_RING_COUNTS: Final = struct_dtype(("produced", "<u8"), ("lost", "<u8"))
_CGROUP_OFFSETS: Final = ("cgroup.kn", "kernfs_node.id", "task_struct.cgroups", "css_set.dfl_cgrp", "cgroup.level")


class KernelRing:
    """The records of one loaded program, and its own account of them.

    Args:
        program: the program; its map `ring` is read.
        record: dtype of its `struct record`.
        ring_bytes: size of the ring, as requested.
        cpus: from `possible_cpus`.
    """

    def __init__(self, program: LoadedProgram, record: np.dtype[Any], ring_bytes: int, cpus: int) -> None:
        self._program = program
        self._ring = RingBuffer.map(program.maps["ring"], ring_bytes, record)
        self._cpus = cpus

    @property
    def descriptor(self) -> int:
        """Readable when a quarter of the ring is used, or something urgent is in it."""
        return self._program.maps["ring"]

    def mark(self) -> None:
        """See `RingBuffer.mark`."""
        self._ring.mark()

    def take(self, limit: int) -> Records:
        """See `RingBuffer.take`."""
        return self._ring.take(limit)

    def count(self) -> tuple[int, int]:
        """(produced, lost) since the program was loaded; what still waits in the ring is produced."""
        counts = read_per_cpu(self._program.maps["ring_counts"], _RING_COUNTS, self._cpus)
        return int(counts["produced"].sum()), int(counts["lost"].sum())

    def count_waiting(self) -> int:
        """Number of records that are waiting in the rings."""
        return self._ring.waiting_bytes() // self._ring.slot_bytes

    def close(self) -> None:
        """Unmap; the program itself stays."""
        self._ring.close()


class KernelSource(ABC):
    """A source whose events come from kernel programs. A source says which, and turns records into batches."""

    spec: SourceSpec

    def __init__(self) -> None:
        self._context: SourceContext | None = None
        self._programs: list[LoadedProgram] = []
        self._rings: dict[str, KernelRing] = {}
        self._given = 0
        self._left = 0
        self._last_stats = SourceStats()

    # What a source says.

    @abstractmethod
    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """The programs to load.

        Raises:
            UnavailableError: something that can be checked before loading is missing.
        """

    @abstractmethod
    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:
        """Up to `limit` rows of what has happened, None if nothing has."""

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Take over the programs that were loaded, in the order of `requests`.

        Raises:
            TapioError: one that cannot be done without was refused; all are closed then.
        """
        programs = [result for result in results if isinstance(result, LoadedProgram)]
        for result in results:
            if isinstance(result, TapioError):
                for program in programs:
                    program.close()
                raise result
        self._adopt(context, programs)

    # The interface of `recorder.source.Source`.

    def open(self, context: SourceContext) -> None:
        """Load this source's programs alone; `open_kernel_sources` does it for many with one compiler."""
        (failure,) = open_kernel_sources([self], [context])
        if failure is not None:
            raise failure

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """Batches of the available records, until the budget is used up."""
        batches: list[pa.RecordBatch] = []
        context = self._context
        if context is None:
            return batches
        for ring in self._rings.values():
            ring.mark()
        deadline = context.boot_time_ns() + budget_ns
        while (batch := self.next_batch(context, FRAME_ROWS)) is not None:
            self._given += batch.num_rows
            batches.append(batch)
            if context.boot_time_ns() >= deadline:
                break
        return batches

    def snapshot(self) -> list[pa.RecordBatch]:
        """Nothing: the state tables contain what exists when a segment begins."""
        return []

    def stats(self) -> SourceStats:
        """Totals: rows given and records that the kernel could not keep. What waits in the ring is in neither."""
        if self._context is not None:
            counted = {**self.count_missing(), LossReason.RECORDER_DOWN: self._left}
            missing = {reason: count for reason, count in counted.items() if count}
            self._last_stats = SourceStats(
                produced=self._given + sum(missing.values()),
                missing=missing,
                detail=self.describe_state(),
                pauses=self.list_pauses(),
            )
        return self._last_stats

    def count_missing(self) -> Mapping[LossReason, int]:
        """Events that `drain` will never give, by reason, since the programs were loaded."""
        return {LossReason.KERNEL_RING_FULL: sum(ring.count()[1] for ring in self._rings.values())}

    def list_pauses(self) -> Pauses:
        """When its programs were not attached, by design."""
        return Pauses()

    def count_rest(self) -> int:
        """Rows that were not drained when the programs were detached."""
        return sum(ring.count_waiting() for ring in self._rings.values())

    def describe_state(self) -> str:
        """One sentence; empty if all is well."""
        misses = sum(
            recursion_misses(function) for program in self._programs for function in program.functions.values()
        )
        return f"{misses:,} hits occurred while a probe was running on the same CPU" if misses else ""

    def wake_fds(self) -> tuple[int, ...]:
        """File descriptors of the rings, which become readable when a ring fills up."""
        return tuple(ring.descriptor for ring in self._rings.values())

    def close(self) -> None:
        """Detach the programs. The last totals stay readable; what was not drained any more is missing from now on."""
        if self._context is not None:
            for program in self._programs:
                program.detach()
            self._left = self.count_rest()
            self.stats()
        self.free()

    def free(self) -> None:
        """Detach the programs and free everything, without an account."""
        self._context = None
        for ring in self._rings.values():
            ring.close()
        self._rings = {}
        for program in self._programs:
            program.close()
        self._programs = []

    # What a source uses.

    def ring_request(
        self, context: SourceContext, file: str, record: np.dtype[Any], request: ProgramRequest | None = None
    ) -> ProgramRequest:
        """The request for a program with a ring: its layout, its size, what it leaves out, added to `request`."""
        request = request or ProgramRequest(file)
        ring_bytes = _ring_bytes(context)
        defines = {
            "RING_PAGES": str(ring_bytes // _RING_UNIT_BYTES),
            "RING_BYTES": str(ring_bytes),
            **self.filter_defines(context),
        }
        return replace(
            request,
            file=file,
            maps=("ring", "ring_counts", *request.maps),
            layouts={"record": layout_of(record), **request.layouts},
            defines={**defines, **request.defines},
        )

    def filter_defines(self, context: SourceContext) -> dict[str, str]:
        """Who is recorded: not the recorder, and only what is in or below the cgroups of the context."""
        defines = {"RECORDER_PID": str(os.getpid())}
        if context.cgroup_ids:
            levels = (len([part for part in path.split("/") if part]) for path in context.cgroup_paths)
            filters = zip(levels, context.cgroup_ids, strict=True)
            defines["CGROUP_FILTERS(F)"] = " ".join(f"F({level}, {cgroup_id})" for level, cgroup_id in filters)
        return defines

    def cgroup_request(self, request: ProgramRequest) -> ProgramRequest:
        """The request with the BTF offsets that `tapio/cgroup.h` needs to read cgroups of other tasks."""
        return replace(
            request,
            offsets=(*request.offsets, *_CGROUP_OFFSETS),
            optional_offsets=(*request.optional_offsets, "cgroup.ancestors", "cgroup.ancestor_ids"),
        )

    def _adopt(self, context: SourceContext, programs: list[LoadedProgram]) -> None:
        self._programs = programs
        self._context = context
        self._given = self._left = 0
        self._last_stats = SourceStats()

    def _map_ring(self, context: SourceContext, program: LoadedProgram, record: np.dtype[Any]) -> KernelRing:
        ring = KernelRing(program, record, _ring_bytes(context), possible_cpus(context.sysfs))
        self._rings[program.file] = ring
        return ring


def open_kernel_sources(sources: Sequence[KernelSource], contexts: Sequence[SourceContext]) -> list[TapioError | None]:
    """Open many sources with one loader process, which starts one compiler for all.

    Args:
        sources: not yet open.
        contexts: one for each.

    Returns:
        For each source, in order, None if it is open, or why it is not. One that fails does not touch the others.
    """
    asked: list[tuple[ProgramRequest, ...]] = []
    failures: list[TapioError | None] = []
    for source, context in zip(sources, contexts, strict=True):
        try:
            asked.append(source.requests(context))
            failures.append(None)
        except TapioError as error:
            asked.append(())
            failures.append(error)
    requests = [request for group in asked for request in group]
    btf = contexts[0].sysfs / "kernel/btf/vmlinux" if contexts else None
    results = iter(load_programs(requests, btf) if requests and btf else [])
    for index, (source, context) in enumerate(zip(sources, contexts, strict=True)):
        if failures[index] is not None:
            continue
        own = [next(results) for _ in asked[index]]
        try:
            source.begin(context, own)
        except TapioError as error:
            source.free()
            failures[index] = error
        except OSError as error:
            source.free()
            failures[index] = UnavailableError(
                f"the ring buffer cannot be mapped: {error}", where=source.spec.name, next_step="please report this"
            )
    return failures


def _ring_bytes(context: SourceContext) -> int:
    """The option `ring_bytes`, rounded up to a power of two of at least one page, as the kernel wants it."""
    asked = max(int(context.options["ring_bytes"]), _PAGE_BYTES)
    return 1 << (asked - 1).bit_length()
