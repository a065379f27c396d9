"""Source `tcp`: connections are made, accepted, refused, reset and closed."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from formats.errors import TapioError
from formats.loss import LossReason
from formats.rows.address import address_column, is_ipv4
from formats.severity import SeverityNumber
from formats.tables import tcp
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.ebpf.program import LoadedProgram, ProgramRequest
from recorder.ebpf.records import (
    fixed_text_column,
    name_column,
    number_column,
    record_dtype,
    sort_by_time,
)
from recorder.ebpf.ring_buffer import Records
from recorder.ebpf.socket_owners import describe_unowned, request_owners
from recorder.linux.bpf_maps import possible_cpus
from recorder.source import Need, Profile, SourceContext, SourceSpec

TCP_RECORD = record_dtype(
    ("socket_id", "<u8"),
    ("duration_ns", "<u8"),
    ("transmit_bytes", "<u8"),
    ("receive_bytes", "<u8"),
    ("local_address", "V16"),
    ("peer_address", "V16"),
    ("local_port", "<u2"),
    ("peer_port", "<u2"),
    ("network_namespace", "<u4"),
    ("error", "<i4"),
    ("is_owned", "<u4"),
)
"""`struct record` of bpf/tcp.c."""

_CONNECT, _ACCEPT, _CLOSE, _REFUSED, _TIMED_OUT, _UNREACHABLE = range(6)
_RESET_RECEIVED, _RESET_SENT, _RETRANSMIT, _LISTEN, _LISTEN_END = range(6, 11)
_FAILED = _REFUSED
"""What the kernel program records for every failed connection; the error tells how it failed."""
_INFO, _WARN, _ERROR = SeverityNumber.INFO, SeverityNumber.WARN, SeverityNumber.ERROR
_SEVERITY = np.array([_INFO] * 3 + [_ERROR] * 3 + [_WARN] * 3 + [_INFO] * 2, np.uint8)
"""By position in the table's event names; a close with an error is a warning."""


class TcpSource(KernelSource):
    """One row per change in the life of a connection or listener, and per reset and retransmission."""

    spec = SourceSpec(
        table=tcp.TABLE,
        needs=(Need.BPF,),
        profile=Profile.LEAN,
        cost="about 1 us for each of the four to seven state changes of a connection; nothing per packet",
        loss_reasons=(LossReason.KERNEL_RING_FULL, LossReason.RECORDER_DOWN),
        shed_order=30,
        options={"ring_bytes": 2 << 20, "map_entries": 32_768},
        open_together=open_kernel_sources,
        drains_when_shed=True,
    )

    def requests(self, context: SourceContext) -> tuple[ProgramRequest, ...]:
        """One program; every field of a socket is found by BTF."""
        request = ProgramRequest(
            "tcp.c",
            defines={
                # A recording may be shared: it must not tell where the kernel keeps its objects.
                "SOCKET_SECRET": f"{secrets.randbits(64)}ULL",
                "SOCKET_FACTOR": f"{secrets.randbits(64) | 1}ULL",
            },
            offsets=(
                "sock.sk_err",
                "sock_common.skc_flags",
                "sock_common.skc_state",
                "sock_common.skc_daddr",
                "sock_common.skc_dport",
                "sock_common.skc_v6_daddr",
                "tcp_sock.bytes_acked",
                "tcp_sock.bytes_received",
                "tcp_sock.bytes_sent",
                "tcp_sock.bytes_retrans",
                "sk_buff.head",
                "sk_buff.network_header",
                "sk_buff.transport_header",
                "sk_buff.dev",
                "net_device.nd_net.net",
            ),
            tracepoint_structs=tuple(
                (name, "sock")
                for name in ("inet_sock_set_state", "tcp_receive_reset", "tcp_send_reset", "tcp_retransmit_skb")
            ),
        )
        request = request_owners(self.cgroup_request(request), int(context.options["map_entries"]))
        return (self.ring_request(context, "tcp.c", TCP_RECORD, request),)

    def begin(self, context: SourceContext, results: Sequence[LoadedProgram | TapioError]) -> None:
        """Map the ring."""
        super().begin(context, results)
        self._ring = self._map_ring(context, self._programs[0], TCP_RECORD)
        self._cpus = possible_cpus(context.sysfs)

    def next_batch(self, context: SourceContext, limit: int) -> pa.RecordBatch | None:  # noqa: ARG002 - interface
        """What waits in the ring."""
        records = self._ring.take(limit)
        return to_batch(sort_by_time(records)) if len(records) else None

    def describe_state(self) -> str:
        """How many sockets are recorded without their process."""
        unowned = describe_unowned(self._programs[0], self._cpus, "map_entries")
        return unowned or super().describe_state()


def to_batch(records: Records) -> pa.RecordBatch:
    """Rows of `TCP_RECORD`s."""
    error = records["error"]
    event = _event_of(records["kind"], error)
    is_close = event == _CLOSE
    is_cancelled = (records["kind"] == _FAILED) & (error == 0)
    # Its own process closed it while it still waited for the answer: most often an application's own time limit.
    error = np.where(is_cancelled, errno.ECANCELED, error)
    codes, error_index = np.unique(error, return_inverse=True)
    error_names = [errno.errorcode.get(int(code), f"errno_{code}") for code in codes]
    is_unowned = records["is_owned"] == 0
    has_duration = np.isin(event, (_CONNECT, _CLOSE, _REFUSED, _TIMED_OUT, _UNREACHABLE)) & ~is_unowned
    has_bytes = is_close & ~is_cancelled
    family = name_column((~is_ipv4(records["local_address"])).astype(np.int32), ("ipv4", "ipv6"))
    return pa.RecordBatch.from_arrays(
        [
            number_column(records["boot_time_ns"], pa.int64()),
            name_column(event, tcp.TABLE.event_names),
            number_column(np.where(is_close & (error != 0), _WARN, _SEVERITY[event]), pa.uint8()),
            number_column(records["pid"], pa.int32(), is_unowned),
            number_column(records["cgroup_id"], pa.uint64()),
            fixed_text_column(records["comm"]),
            number_column(records["socket_id"], pa.uint64()),
            family,
            address_column(records["local_address"]),
            number_column(records["local_port"], pa.uint16()),
            address_column(records["peer_address"]),
            number_column(records["peer_port"], pa.uint16()),
            number_column(records["network_namespace"], pa.uint64()),
            number_column(records["duration_ns"], pa.int64(), ~has_duration),
            number_column(records["transmit_bytes"], pa.int64(), ~has_bytes),
            number_column(records["receive_bytes"], pa.int64(), ~has_bytes),
            name_column(error_index, error_names, error == 0),
        ],
        schema=tcp.TABLE.drained_schema,
    )


def _event_of(kind: npt.NDArray[np.uint16], error: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Position in the table's event names: a failed connection is named by its error."""
    failures = [error == 0, error == errno.ECONNREFUSED, error == errno.ETIMEDOUT]
    named = np.select(failures, [_CLOSE, _REFUSED, _TIMED_OUT], _UNREACHABLE)
    return np.where(kind == _FAILED, named, kind).astype(np.intp)
