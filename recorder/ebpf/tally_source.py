"""What sources have in common whose one program counts events in the kernel and sends none."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from formats.errors import TapioError
from formats.loss import LossReason
from recorder.ebpf.kernel_source import KernelSource
from recorder.ebpf.program import LoadedProgram
from recorder.ebpf.tally import KernelTally, Tallies
from recorder.linux.bpf_maps import possible_cpus
from recorder.source import SourceContext


class TallySource(KernelSource):
    """A source of counts. It says by what is counted, and turns counts into batches; option `map_entries` is the room.

    Attributes:
        key: dtype of the program's `struct key`.
    """

    key: ClassVar[np.dtype[Any]]

    @abstractmethod
    def to_batch(self, rows: Tallies) -> pa.RecordBatch:
        """Rows of counts by `key`, at least one."""

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Take over the counts of the program."""
        super().begin(context, results)
        self._cpus = possible_cpus(context.sysfs)
        entries = int(context.options["map_entries"])
        self._tally = KernelTally(self._programs[0], self.key, entries, self._cpus, context.boot_time_ns())

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:  # noqa: ARG002 - interface
        """Counts once a second."""
        tallies = self._tally.take(context.boot_time_ns())
        return self.to_batch(tallies) if len(tallies) else None

    def count_missing(self) -> Mapping[LossReason, int]:
        """What found the map full."""
        return {LossReason.KERNEL_MAP_FULL: self._tally.count_uncounted()}

    def count_rest(self) -> int:
        """Counts of the last, unfinished interval."""
        return len(self._tally.take_rest())
