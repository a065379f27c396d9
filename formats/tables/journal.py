"""Table `journal`: what the services of the node log, by class of error."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import LOG_COLUMNS, NAME_TYPE, Column, Sensitivity, Table

TABLE = Table(
    name="journal",
    doc=(
        "One class of errors that a service of the node logged since the last position, or such a position. Lines of "
        "no class are counted in the position alone, and no line is recorded unless the option `log_text` allows it."
    ),
    event_names=("journal.error", "journal.position"),
    own=(
        Column(
            "systemd.unit",
            NAME_TYPE,
            Sensitivity.NAME,
            "Name of the unit, as `kubelet.service`; null in `journal.position`.",
            nullable=True,
        ),
        Column(
            "systemd.unit.role",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "What the unit does for its node, as in table `systemd`; null in `journal.position`.",
            nullable=True,
        ),
        Column(
            "log.class",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Class of the errors; null in `journal.position`.",
            nullable=True,
        ),
        Column(
            "log.count",
            pa.int64(),
            Sensitivity.PUBLIC,
            "Lines of this unit and class that name the same, since the last position; null like the class.",
            "1",
            nullable=True,
        ),
        Column(
            "log.first_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When the journal received the first of them, by the clock of the node; null like the class.",
            "ns",
            nullable=True,
        ),
        Column(
            "log.last_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When it received the last of them; null like the class.",
            "ns",
            nullable=True,
        ),
        *LOG_COLUMNS,
        Column(
            "journal.lines",
            pa.int64(),
            Sensitivity.PUBLIC,
            "In `journal.position`: lines of the chosen units since the position before; null in all other rows.",
            "1",
            nullable=True,
        ),
        Column(
            "journal.cursor",
            pa.utf8(),
            Sensitivity.SECRET,
            "In `journal.position`: the last entry that was read; null in all other rows.",
            nullable=True,
        ),
    ),
    source="systemd journal (sd-journal(3)), fields MESSAGE and _SYSTEMD_UNIT",
    sentence=(
        "{event_name} {systemd.unit}: {log.count} {log.class} {log.peer.host} {log.peer.address} {log.peer.port} "
        "{log.file.path} {log.name} {journal.lines}"
    ),
)
