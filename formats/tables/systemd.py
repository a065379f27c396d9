"""Table `systemd`: the services of the node as systemd sees them, and why they exited."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="systemd",
    doc="One state of one service of the node: when a segment begins, and whenever it changes.",
    event_names=("unit.state", "unit.changed"),
    own=(
        Column("systemd.unit", NAME_TYPE, Sensitivity.NAME, "Name of the unit, as `kubelet.service`."),
        Column(
            "systemd.unit.role",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "What the unit does for its node, by its name: `kubelet`, `container_runtime`, `node_agent` (k3s and "
            "others: both), `proxy`, `network`, `host_network`, `clock`, `storage`, `device`, `etcd`, `control_plane`, "
            "`system`, `other`.",
        ),
        Column(
            "systemd.unit.state",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "State: `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`; `unknown` if systemd "
            "did not tell.",
        ),
        Column(
            "systemd.unit.sub_state",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "State of the service: `running`, `auto-restart`, `stop-sigterm`, `dead`, …",
        ),
        Column(
            "systemd.unit.result",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "How it ended: `success`, `exit-code`, `signal`, `core-dump`, `oom-kill`, `timeout`, `watchdog`, "
            "`start-limit-hit`, `protocol`, `resources`, …",
        ),
        Column(
            "systemd.unit.restarts",
            pa.int64(),
            Sensitivity.PUBLIC,
            "How often systemd restarted it by itself since somebody started it.",
            "1",
        ),
        Column(
            "systemd.unit.stop",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Of a service that is down: `requested` if systemd was asked to stop it (systemctl, another unit, a "
            "shutdown), `by_itself` if its main process exited before that; null while it is up, and if it never ran.",
            nullable=True,
        ),
        Column(
            "systemd.unit.changed_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Since when it has been in this state, by the clock of the node; null if it was never started.",
            "ns",
            nullable=True,
        ),
        Column(
            "systemd.main.pid",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Pid of its main process; null if it does not run.",
            "1",
            nullable=True,
        ),
        Column(
            "systemd.main.started_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When its last main process started; null if none did.",
            "ns",
            nullable=True,
        ),
        Column(
            "systemd.main.exited_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When that exited; null while it runs.",
            "ns",
            nullable=True,
        ),
        Column(
            "process.exit.code",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Exit status of its last main process; null while it runs, and null if a signal killed it.",
            "1",
            nullable=True,
        ),
        Column(
            "process.exit.signal",
            pa.int32(),
            Sensitivity.PUBLIC,
            "Signal that killed its last main process; null if none did.",
            "1",
            nullable=True,
        ),
    ),
    source=(
        "org.freedesktop.systemd1(5) on the system bus: ListUnitsByPatterns, GetAll, PropertiesChanged (systemd >= 230)"
    ),
    sentence=(
        "{event_name} {systemd.unit}: {systemd.unit.state} ({systemd.unit.sub_state}), {systemd.unit.result} "
        "{process.exit.code} {process.exit.signal} {systemd.unit.stop}, restarted {systemd.unit.restarts} times"
    ),
)
