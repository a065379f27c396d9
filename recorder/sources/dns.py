"""Source `dns`: queries for names, and how they were answered, from the packets that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from formats.errors import TapioError
from formats.loss import LossReason
from formats.rows.address import address_column
from formats.severity import SeverityNumber
from formats.tables import dns
from recorder.ebpf.dns_question import name_code, parse_question
from recorder.ebpf.kernel_source import open_kernel_sources
from recorder.ebpf.latency_classes import LatencyClasses
from recorder.ebpf.packet_hooks import attach_packet_functions, find_watched_cgroups
from recorder.ebpf.pending_queries import QUERY, QUERY_KEY, PendingQueries, Queries
from recorder.ebpf.program import FunctionKind, LoadedProgram, ProgramRequest
from recorder.ebpf.rate_limit import count_left_out, request_limit
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
from recorder.ebpf.tally import TALLY, TALLY_MAPS, Tallies
from recorder.ebpf.tally_source import TallySource
from recorder.linux.bpf_links import CgroupHook
from recorder.source import Need, Profile, SourceContext, SourceSpec

ANSWER_KEY = struct_dtype(
    ("cgroup_id", "<u8"),
    ("server", "V16"),
    ("transport", "u1"),
    ("code", "u1"),
    ("latency_class", "u1"),
    ("unused", "V5"),
)
"""`struct key` of bpf/dns.c."""
QUERY_RECORD = record_dtype(
    ("duration_ns", "<u8"),
    ("code", "<u4"),
    ("transport", "<u4"),
    ("retries", "<u4"),
    ("question_length", "<u4"),
    ("server", "V16"),
    ("question", "V264"),
)
"""`struct record` of bpf/dns.c."""

_HOOKS: Final = {"look_at_sent": CgroupHook.SENT, "look_at_received": CgroupHook.RECEIVED}
"""The functions of bpf/dns.c that see packets."""
_ANSWERS, _FAILED, _SLOW, _RESOLVED, _UNANSWERED = range(5)
_TRANSPORTS: Final = ("udp", "tcp")
_PORT: Final = 53
_CLASSES: Final = LatencyClasses(first_ns=1_000_000, last=8)
_NAME_ERROR: Final = 3
_NOT_ANSWERED: Final = 0xFFFF
"""Stands for the response code of a query without an answer."""


class DnsSource(TallySource):
    """Counts of all answers, and one row for each query that failed, took long or was not answered."""

    spec = SourceSpec(
        table=dns.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEFAULT,
        cost="0.1 us for each packet of a socket, 1.7 us for a query, 1.3 to 1.9 us for an answer",
        loss_reasons=(
            LossReason.KERNEL_MAP_FULL,
            LossReason.KERNEL_RING_FULL,
            LossReason.SAMPLED,
            LossReason.RECORDER_DOWN,
        ),
        shed_order=7,
        fallback="the source is unavailable; what containers say when they exit for want of a name is still recorded",
        options={
            "ring_bytes": 256 << 10,
            "map_entries": 4_096,
            "query_entries": 4_096,
            "slow_ms": 500,
            "timeout_s": 5,
            "max_per_second": 100,
        },
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )
    key = ANSWER_KEY

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program, whose functions are attached when it is adopted.

        Raises:
            UnavailableError: this node has no cgroup2 tree.
        """
        find_watched_cgroups(context)
        request = ProgramRequest(
            "dns.c",
            maps=(*TALLY_MAPS, "queries"),
            layouts={
                "key": layout_of(ANSWER_KEY),
                "tally": layout_of(TALLY),
                "query": layout_of(QUERY),
                "query_key": layout_of(QUERY_KEY),
            },
            defines={
                "TALLY_ENTRIES": str(int(context.options["map_entries"])),
                "QUERY_ENTRIES": str(int(context.options["query_entries"])),
                "SLOW_NS": f"{int(float(context.options['slow_ms']) * 1e6)}ULL",
                **_CLASSES.to_defines(),
            },
            offsets=("task_struct.tgid", "task_struct.comm"),
            unattached=tuple((function, FunctionKind.CGROUP_PACKET) for function in _HOOKS),
        )
        request = request_limit(self.cgroup_request(request), int(context.options["max_per_second"]))
        return (self.ring_request(context, "dns.c", QUERY_RECORD, request),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Take over counts, ring and the queries that wait, and begin to look at packets.

        Raises:
            UnavailableError: the kernel does not let us see the packets of a cgroup.
        """
        super().begin(context, results)
        program = self._programs[0]
        self._ring = self._map_ring(context, program, QUERY_RECORD)
        entries = int(context.options["query_entries"])
        timeout_ns = int(float(context.options["timeout_s"]) * 1e9)
        self._pending = PendingQueries(program, entries, timeout_ns, context.boot_time_ns())
        attach_packet_functions(program, context, _HOOKS)

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:
        """Single queries as they come; those without an answer and counts once a second."""
        records = self._ring.take(limit)
        if len(records):
            return to_query_batch(sort_by_time(records))
        now_ns = context.boot_time_ns()
        overdue = self._pending.take_overdue(now_ns)
        if len(overdue):
            return to_unanswered_batch(overdue, now_ns)
        return super().next_batch(context, limit)

    def to_batch(self, rows: Tallies) -> pa.RecordBatch:
        """See `to_count_batch`."""
        return to_count_batch(rows)

    def count_missing(self) -> Mapping[LossReason, int]:
        """Queries and answers that found a map full; records beyond the limit, which the counts have all the same."""
        return {
            **super().count_missing(),
            LossReason.KERNEL_RING_FULL: self._ring.count()[1],
            LossReason.SAMPLED: count_left_out(self._programs[0], self._cpus),
        }

    def count_rest(self) -> int:
        """Records and counts that were not drained, and queries that still waited."""
        return super().count_rest() + self._ring.count_waiting() + self._pending.count()


def to_count_batch(rows: Tallies) -> pa.RecordBatch:
    """Rows `dns.answers` of counts by `ANSWER_KEY`."""
    key, tally = rows["key"], rows["tally"]
    code = key["code"].astype(np.int64)
    at_least = _CLASSES.at_least_ns(key["latency_class"])
    is_bad = (code != 0) & (code != _NAME_ERROR)
    nothing = np.zeros(len(rows), np.int64)
    return _to_batch(
        times=tally["last_boot_ns"],
        events=np.full(len(rows), _ANSWERS),
        severity=np.where(is_bad, SeverityNumber.WARN, SeverityNumber.INFO),
        who=key,
        pid=nothing,
        commands=tally["comm"],
        code=code,
        questions=None,
        retries=nothing,
        at_least=at_least,
        counts=tally["count"],
        first_times=tally["first_boot_ns"],
    )


def to_query_batch(records: Records) -> pa.RecordBatch:
    """Rows of `QUERY_RECORD`s."""
    code = records["code"].astype(np.int64)
    kind = records["kind"]
    is_error = (code != 0) & (code != _NAME_ERROR)
    is_good = kind == _RESOLVED
    return _to_batch(
        times=records["boot_time_ns"],
        events=kind,
        severity=np.select([is_error, is_good], [SeverityNumber.ERROR, SeverityNumber.INFO], SeverityNumber.WARN),
        who=records,
        pid=records["pid"],
        commands=records["comm"],
        code=code,
        questions=_cut_questions(records),
        retries=records["retries"],
        at_least=records["duration_ns"],
        counts=np.ones(len(records), np.int64),
        first_times=records["boot_time_ns"] - records["duration_ns"],
    )


def to_unanswered_batch(queries: Queries, now_ns: int) -> pa.RecordBatch:
    """Rows `dns.unanswered` of queries.

    Args:
        queries: that were given up.
        now_ns: boot time of this.
    """
    rows = len(queries)
    times = np.full(rows, now_ns, np.int64)
    return _to_batch(
        times=times,
        events=np.full(rows, _UNANSWERED),
        severity=np.full(rows, SeverityNumber.ERROR),
        who=queries,
        pid=queries["pid"],
        commands=queries["comm"],
        code=np.full(rows, _NOT_ANSWERED),
        questions=_cut_questions(queries),
        retries=queries["retries"],
        at_least=times - queries["since_ns"].astype(np.int64),
        counts=np.ones(rows, np.int64),
        first_times=queries["since_ns"],
    )


def _cut_questions(rows: npt.NDArray[Any]) -> list[bytes]:
    """The questions without what was in their place before. The rows are few: the kernel limits them."""
    lengths = rows["question_length"].tolist()
    return [question[:length] for question, length in zip(rows["question"].tolist(), lengths, strict=True)]


def _to_batch(
    *,
    times: npt.NDArray[Any],
    events: npt.NDArray[Any],
    severity: npt.NDArray[Any],
    who: npt.NDArray[Any],
    pid: npt.NDArray[Any],
    commands: npt.NDArray[np.bytes_],
    code: npt.NDArray[Any],
    questions: list[bytes] | None,
    retries: npt.NDArray[Any],
    at_least: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    first_times: npt.NDArray[Any],
) -> pa.RecordBatch:
    """The columns of the table; `questions` None: these are counts."""
    rows = len(who)
    codes, code_index = np.unique(code, return_inverse=True)
    parsed = {question: parse_question(question) for question in questions or ()}
    asked = [parsed[question] for question in questions] if questions else [None] * rows
    is_count = np.full(rows, questions is None)
    return pa.RecordBatch.from_arrays(
        [
            number_column(times, pa.int64()),
            name_column(events, dns.TABLE.event_names),
            number_column(severity, pa.uint8()),
            number_column(pid, pa.int32(), pid == 0),
            number_column(who["cgroup_id"], pa.uint64()),
            constant_name_column("", rows) if questions is None else fixed_text_column(commands),
            name_column(who["transport"], _TRANSPORTS),
            address_column(who["server"]),
            number_column(np.full(rows, _PORT), pa.uint16()),
            _text_column([one and one[0] for one in asked]),
            _text_column([one and one[1] for one in asked]),
            name_column(code_index, [name_code(int(one)) for one in codes], code == _NOT_ANSWERED),
            number_column(retries, pa.int32(), is_count),
            number_column(at_least, pa.int64()),
            number_column(counts, pa.int64()),
            number_column(first_times, pa.int64()),
        ],
        schema=dns.TABLE.drained_schema,
    )


def _text_column(texts: Sequence[str | None]) -> pa.DictionaryArray:
    return pa.array(texts, pa.utf8()).dictionary_encode()
