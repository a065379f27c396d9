"""Table `link`: network interfaces, routes, neighbours and tracked connections of the node and of its pods."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table


def _count(name: str, doc: str) -> Column:
    return Column(name, pa.int64(), Sensitivity.PUBLIC, doc, "1", nullable=True)


TABLE = Table(
    name="link",
    doc=(
        "One state or change of one network interface or route, in the network namespace of the node or of one pod; "
        "neighbours that do not answer; counters that grew since the previous look."
    ),
    event_names=(
        "link.state",
        "link.changed",
        "link.removed",
        "link.counters",
        "route.state",
        "route.added",
        "route.removed",
        "address.added",
        "address.removed",
        "neighbour.failed",
        "conntrack.counters",
    ),
    own=(
        Column(
            "k8s.pod.uid",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "Uid of the pod whose network namespace it is; null for the node's.",
            nullable=True,
        ),
        Column(
            "link.network_namespace", pa.uint64(), Sensitivity.PUBLIC, "Inode number of the network namespace.", "1"
        ),
        Column(
            "network.interface.name",
            NAME_TYPE,
            Sensitivity.NAME,
            "Name of the interface, e.g. eth0; null if the row is not about one, or it is not known.",
            nullable=True,
        ),
        Column(
            "network.interface.index",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Index of the interface in its namespace; null as above.",
            "1",
            nullable=True,
        ),
        Column(
            "link.kind",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Kind of a virtual interface, as `ip -d link` shows it: `veth`, `bridge`, `vxlan`, …; null for hardware.",
            nullable=True,
        ),
        Column(
            "link.is_up",
            pa.bool_(),
            Sensitivity.PUBLIC,
            "Whether it is set up (IFF_UP); null if the row is not about its state, or that cannot be read.",
            nullable=True,
        ),
        Column(
            "link.has_carrier",
            pa.bool_(),
            Sensitivity.PUBLIC,
            "Whether it is connected (IFF_LOWER_UP): of a pair of `veth`, whether both ends are up; null as above.",
            nullable=True,
        ),
        Column(
            "link.mtu",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Largest packet that it sends; null as above.",
            "By",
            nullable=True,
        ),
        _count("link.carrier_changes", "How often it was connected or disconnected since it exists; null as above."),
        Column(
            "link.peer_index",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Index of the other end of a `veth`, in its namespace, or of the interface below it; null if it has none.",
            "1",
            nullable=True,
        ),
        _count("link.count", "How many changes or failures the row stands for; null for states and counters."),
        _count(
            "link.received_packets",
            "Packets received since the previous look; null if the row is not counters of an interface.",
        ),
        _count("link.sent_packets", "Packets sent since then; null as above."),
        _count("link.receive_errors", "Packets with errors received since then; null as above."),
        _count("link.receive_drops", "Received packets that the kernel dropped since then; null as above."),
        _count("link.send_errors", "Packets that could not be sent since then; null as above."),
        _count("link.send_drops", "Packets that were dropped before they were sent since then; null as above."),
        Column(
            "network.local.address",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "The address that was added or removed; null for other rows.",
            nullable=True,
        ),
        Column(
            "network.peer.address",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "The neighbour that did not answer (ARP, neighbour discovery); null for other rows.",
            nullable=True,
        ),
        Column(
            "route.destination",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "First address of those that the route is for: `0.0.0.0` or `::` of a default route; null for other rows.",
            nullable=True,
        ),
        Column(
            "route.prefix_length",
            pa.int32(),
            Sensitivity.PUBLIC,
            "How many bits of it count: 0 for a default route; null for other rows.",
            "1",
            nullable=True,
        ),
        Column(
            "route.gateway",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "Router that packets are sent to; null if the addresses are reached directly, and for other rows.",
            nullable=True,
        ),
        _count("route.metric", "Which of several routes is taken: the least; null for other rows."),
        _count(
            "conntrack.entries",
            "Connections that the kernel tracks in this namespace (nf_conntrack); null for other rows.",
        ),
        _count("conntrack.max", "How many it can track; null for other rows, and if that cannot be read."),
        _count(
            "conntrack.insert_failures",
            "Connections that could not be added since the previous look; null for other rows.",
        ),
        _count(
            "conntrack.drops", "Packets dropped since then because no connection could be added; null for other rows."
        ),
        _count(
            "conntrack.early_drops", "Connections forgotten since then to make room for others; null for other rows."
        ),
    ),
    source=(
        "rtnetlink(7): RTM_NEWLINK, RTM_NEWROUTE, RTM_NEWADDR, RTM_NEWNEIGH (Linux >= 4.16 for pods); "
        "/proc/PID/net/{dev,route,ipv6_route,stat/nf_conntrack}"
    ),
)
