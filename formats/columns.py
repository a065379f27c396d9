"""What a column is: name, Arrow type, unit, sensitivity, meaning. Tables are tuples of these (`formats.tables`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Sensitivity(StrEnum):
    """What anonymization does with the values of a column. There is no default: every column says it."""

    PUBLIC = "public"
    """Says nothing about whose system it is: times, counts, enumerations of Kubernetes or Linux. Kept."""
    NAME = "name"
    """A name that people chose: pod, namespace, node, command. Becomes a pseudonym of the same shape."""
    IDENTIFIER = "identifier"
    """A unique id that a machine made: uid, container id, resource version. Becomes an id of the same shape."""
    HOST = "host"
    """A DNS name. Every label becomes a pseudonym of the same shape; what names of Services end with stays."""
    ADDRESS = "address"
    """An IP address. Becomes another one; equal prefixes stay equal, loopback and unspecified stay."""
    PATH = "path"
    """A file or cgroup path. Every component becomes a pseudonym, well-known components stay."""
    OBJECT = "object"
    """JSON of a Kubernetes object or of a list of changes: walked with the allow-list of `analyzer.sharing`."""
    FREE_TEXT = "free_text"
    """Prose that may hold anything. Dropped, or reduced to what other columns vouch for."""
    SECRET = "secret"  # noqa: S105 - the name of a kind, not a secret
    """Never leaves the node in a shared capture: replaced by null."""


NAME_TYPE = pa.dictionary(pa.int32(), pa.utf8())
"""Text of few distinct values (event names, nodes, commands). Why dictionary: at 1,000,000 events/s a repeated string
costs more than all numbers of a row; its index costs nothing after compression."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: the OpenTelemetry semantic-convention name where one exists.
        type: the exact Arrow type on disk.
        sensitivity: what anonymization does with it.
        doc: what it means, and what null means if it can be null.
        unit: UCUM-like unit of a number (`ns`, `By`, `1`), None for text.
        nullable: whether a row may have no value.
    """

    name: str
    type: pa.DataType
    sensitivity: Sensitivity
    doc: str
    unit: str | None = None
    nullable: bool = False

    def to_field(self) -> pa.Field:
        """The Arrow field, without metadata: units and sensitivity are read from the catalog, not from files."""
        return pa.field(self.name, self.type, nullable=self.nullable)


TIME_UNIX_NANO = Column(
    "time_unix_nano",
    pa.int64(),
    Sensitivity.PUBLIC,
    "Wall clock time of the node when the event happened (for peers: was received), from the newest clock snapshot.",
    "ns",
)
BOOT_TIME_NS = Column(
    "boot_time_ns",
    pa.int64(),
    Sensitivity.PUBLIC,
    "CLOCK_BOOTTIME of the node at the same moment. Orders events within one boot of one node.",
    "ns",
)
EVENT_SEQ = Column(
    "event_seq",
    pa.uint64(),
    Sensitivity.PUBLIC,
    "Sequence number of the event within its table and node, continued over restarts of the recorder: a gap is a loss.",
    "1",
)
EVENT_NAME = Column("event_name", NAME_TYPE, Sensitivity.PUBLIC, "What happened: one of the event names of the table.")
SEVERITY_NUMBER = Column(
    "severity_number",
    pa.uint8(),
    Sensitivity.PUBLIC,
    "OpenTelemetry severity: 5 debug, 9 info, 13 warn, 17 error, 21 fatal.",
    "1",
)
NODE_NAME = Column("k8s.node.name", NAME_TYPE, Sensitivity.NAME, "The node that recorded it.")

COMMON_COLUMNS = (TIME_UNIX_NANO, BOOT_TIME_NS, EVENT_SEQ, EVENT_NAME, SEVERITY_NUMBER, NODE_NAME)
"""The unified event: every table begins with these, in this order."""

RECORDER_COLUMNS = (TIME_UNIX_NANO, EVENT_SEQ, NODE_NAME)
"""Those of the common columns that the recorder adds; a source gives the others."""

LOG_COLUMNS: tuple[Column, ...] = (
    Column(
        "log.peer.host",
        NAME_TYPE,
        Sensitivity.HOST,
        "Name that the line says was connected to or looked up; null if it names none.",
        nullable=True,
    ),
    Column(
        "log.peer.address",
        NAME_TYPE,
        Sensitivity.ADDRESS,
        "Address that the line says was connected to; null if it names none.",
        nullable=True,
    ),
    Column(
        "log.peer.port",
        pa.uint16(),
        Sensitivity.PUBLIC,
        "Port that the line says was connected to or listened on; null if it names none.",
        "1",
        nullable=True,
    ),
    Column(
        "log.file.path",
        pa.utf8(),
        Sensitivity.PATH,
        "File that the line names; null if it names none.",
        nullable=True,
    ),
    Column(
        "log.name",
        NAME_TYPE,
        Sensitivity.NAME,
        "Setting, environment variable or kind of exception that the line names; null if it names none.",
        nullable=True,
    ),
    Column(
        "log.text",
        pa.utf8(),
        Sensitivity.FREE_TEXT,
        "The last of these lines; null unless the option `log_text` allows it.",
        nullable=True,
    ),
)
"""What an error in a log names, and the line itself: of every table with classes of errors."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the exact schema of what one source records.

    Attributes:
        name: of the table and of its source, `[a-z_]+`.
        doc: one sentence: what one row is.
        event_names: every value that `event_name` can have.
        own: the columns after the common ones.
        source: where the meaning comes from (tracepoint and kernel version, KEP, RFC).
        sentence: how a report describes a row, with columns in braces; None = by all columns that are not null.
    """

    name: str
    doc: str
    event_names: tuple[str, ...]
    own: tuple[Column, ...]
    source: str
    sentence: str | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, the common ones first."""
        return (*COMMON_COLUMNS, *self.own)

    @property
    def schema(self) -> pa.Schema:
        """The exact Arrow schema of the table in journals and segments."""
        return pa.schema([column.to_field() for column in self.columns])

    @property
    def drained_schema(self) -> pa.Schema:
        """The schema of what a source's `drain` gives: all but `RECORDER_COLUMNS`, which the recorder adds."""
        return pa.schema([column.to_field() for column in self.columns if column not in RECORDER_COLUMNS])

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
