"""Table `interface_state`: the network interfaces and addresses of the node."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="interface_state",
    doc=("One address of one network interface of the node, at the start of a segment or when it changed."),
    event_names=("interface.state", "interface.changed"),
    own=(
        Column("network.interface.name", NAME_TYPE, Sensitivity.NAME, "Name, e.g. eth0."),
        Column("network.interface.index", pa.int32(), Sensitivity.PUBLIC, "Index.", "1"),
        Column(
            "network.interface.is_up",
            pa.bool_(),
            Sensitivity.PUBLIC,
            "Operational state is up (or unknown, as for loopback).",
        ),
        Column(
            "network.local.address",
            NAME_TYPE,
            Sensitivity.ADDRESS,
            "One address; null if the interface has none.",
            nullable=True,
        ),
    ),
    source="/sys/class/net, getifaddrs(3)",
)
