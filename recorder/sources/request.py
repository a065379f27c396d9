"""Source `request`: HTTP/1 responses by process, side, status code and latency, from the packets that carry them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from formats.errors import TapioError
from formats.loss import LossReason
from formats.severity import SeverityNumber
from formats.tables import request
from recorder.ebpf.kernel_source import open_kernel_sources
from recorder.ebpf.latency_classes import LatencyClasses
from recorder.ebpf.packet_hooks import attach_packet_functions, find_watched_cgroups
from recorder.ebpf.program import FunctionKind, LoadedProgram, ProgramRequest
from recorder.ebpf.records import (
    constant_name_column,
    fixed_text_column,
    layout_of,
    name_column,
    number_column,
    struct_dtype,
)
from recorder.ebpf.socket_owners import (
    ENDPOINT,
    LISTENER,
    OWNER,
    describe_unowned,
    ignore_own_sockets,
    request_owners,
)
from recorder.ebpf.tally import TALLY, TALLY_MAPS, Tallies
from recorder.ebpf.tally_source import TallySource
from recorder.linux.bpf_links import CgroupHook
from recorder.source import Need, Profile, SourceContext, SourceSpec

RESPONSE_KEY = struct_dtype(
    ("cgroup_id", "<u8"), ("pid", "<u4"), ("status", "<u2"), ("side", "u1"), ("latency_class", "u1")
)
"""`struct key` of bpf/request.c."""

_HOOKS: Final = {"look_at_sent": CgroupHook.SENT, "look_at_received": CgroupHook.RECEIVED}
"""The functions of bpf/request.c that see packets."""
_SIDES: Final = ("server", "client")
_CLASSES: Final = LatencyClasses(first_ns=16_000_000, last=6)
_COARSE_CLOCK: Final = 6
"""CLOCK_MONOTONIC_COARSE (linux/time.h): its resolution is a tick of the kernel's, 1 to 10 ms."""


class RequestSource(TallySource):
    """One row per second, process, side, status code and class of latency. Nothing of a body is ever read."""

    spec = SourceSpec(
        table=request.TABLE,
        needs=(Need.BPF,),
        profile=Profile.DEFAULT,
        cost="0.1 us for each packet of a socket, 0.5 to 0.9 us for one with a response; no system call is looked at",
        loss_reasons=(LossReason.KERNEL_MAP_FULL, LossReason.RECORDER_DOWN),
        shed_order=5,
        options={"map_entries": 8_192, "socket_entries": 16_384},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )
    key = RESPONSE_KEY

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program without a ring; the functions that see packets are attached when it is known what is ours.

        Raises:
            UnavailableError: this node has no cgroup2 tree.
        """
        find_watched_cgroups(context)
        request = ProgramRequest(
            "request.c",
            maps=(*TALLY_MAPS, "own_cookies", "listeners"),
            layouts={
                "key": layout_of(RESPONSE_KEY),
                "tally": layout_of(TALLY),
                "owner": layout_of(OWNER),
                "endpoint": layout_of(ENDPOINT),
                "listener": layout_of(LISTENER),
            },
            defines={
                "TALLY_ENTRIES": str(int(context.options["map_entries"])),
                "TICK_NS": f"{round(time.clock_getres(_COARSE_CLOCK) * 1e9)}ULL",
                **_CLASSES.to_defines(),
                **self.filter_defines(context),
            },
            offsets=(
                "tcp_sock.snd_nxt",
                "tcp_sock.rcv_nxt",
                "tcp_sock.lsndtime",
                "inet_connection_sock.icsk_ack.lrcvtime",
            ),
            tracepoint_structs=(("inet_sock_set_state", "sock"),),
            unattached=tuple((function, FunctionKind.CGROUP_PACKET) for function in _HOOKS),
        )
        return (request_owners(self.cgroup_request(request), int(context.options["socket_entries"])),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Take over the counts, leave out the recorder's own sockets, and begin to look at packets.

        Raises:
            UnavailableError: the kernel does not let us see the packets of a cgroup.
        """
        super().begin(context, results)
        program = self._programs[0]
        ignore_own_sockets(program.maps["listeners"], program.maps["own_cookies"])
        attach_packet_functions(program, context, _HOOKS)

    def to_batch(self, rows: Tallies) -> pa.RecordBatch:
        """See `to_batch` of this module."""
        return to_batch(rows)

    def describe_state(self) -> str:
        """How many sockets are recorded without their process."""
        unowned = describe_unowned(self._programs[0], self._cpus, "socket_entries")
        return unowned or super().describe_state()


def to_batch(rows: Tallies) -> pa.RecordBatch:
    """Rows of counts by `RESPONSE_KEY`; the process is null where it is unknown."""
    key, tally = rows["key"], rows["tally"]
    status = key["status"]
    severity = np.select(
        [status >= 500, status >= 400], [SeverityNumber.ERROR, SeverityNumber.WARN], SeverityNumber.INFO
    )
    return pa.RecordBatch.from_arrays(
        [
            number_column(tally["last_boot_ns"], pa.int64()),
            constant_name_column("request.responses", len(rows)),
            number_column(severity, pa.uint8()),
            number_column(key["pid"], pa.int32(), key["pid"] == 0),
            number_column(key["cgroup_id"], pa.uint64()),
            fixed_text_column(tally["comm"]),
            name_column(key["side"], _SIDES),
            number_column(status, pa.int32()),
            number_column(_CLASSES.at_least_ns(key["latency_class"]), pa.int64()),
            number_column(tally["count"], pa.int64()),
            number_column(tally["first_boot_ns"], pa.int64()),
        ],
        schema=request.TABLE.drained_schema,
    )
