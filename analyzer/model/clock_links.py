"""What two nodes recorded of one thing, which bounds how far their clocks are apart.

A connection of which both ends were recorded: the server accepts it after the client has established it, and before
the client, who received something on it, closes it. A reset is received after it was sent, and one that refuses a
connection is sent after the attempt began. None of this depends on any clock or on how long the network takes.

A version of an object that two recorders received from the API server says less: that they received it at nearly the
same time is a habit of API servers, not a law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analyzer.model.clock_alignment import ClockAlignment
from analyzer.model.engine import Engine
from analyzer.model.segment_reading import ALIGNED_TIME, OpenTable
from formats.capture.reading import Capture

Boot = tuple[str, str]
"""Name of a node, and id of one boot of it."""

MAX_ENDS = 2_000_000
"""Rows of `tcp` that are compared, about. Of more, those of some client ports are taken, whole connections."""

OUTLIER_NS = 1_000_000_000
"""A pair of ends that differs so much from most of these nodes is of two connections, or waited for a lost packet."""

MAX_PAIRS = 4_000
"""Pairs of boots that are compared: those with most connections. Why: each costs 16 kB, and 200 nodes make 20,000."""

_MIN_VERSIONS = 3
"""Versions of objects that two recorders must have received to be compared."""

_TCP_COLUMNS = (
    "event_name",
    "tcp.socket_id",
    "network.local.address",
    "network.local.port",
    "network.peer.address",
    "network.peer.port",
    "duration_ns",
    "network.io.transmit_bytes",
    "network.io.receive_bytes",
    "error.type",
)
_OBJECT_COLUMNS = ("event_name", "k8s.object.uid", "k8s.object.resource_version", "inferred")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far the clock of one boot was ahead of another's, at several moments; arrays of one length.

    Attributes:
        low_at_ns: when the clock was at least `low_ns` ahead: aligned time of the other boot.
        low_ns: minus infinity if nothing bounds it.
        high_at_ns: when it was at most `high_ns` ahead.
        high_ns: infinity if nothing bounds it.
    """

    low_at_ns: npt.NDArray[np.float64]
    low_ns: npt.NDArray[np.float64]
    high_at_ns: npt.NDArray[np.float64]
    high_ns: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClockLinks:
    """Everything that links the clocks of a capture's boots.

    Attributes:
        connections: bounds by numbers of two boots: how far the second is ahead of the first.
        deliveries: by numbers of two boots, when (aligned time of the first) and by how much the second received the
            versions of objects later than the first: medians.
    """

    connections: Mapping[tuple[int, int], Bounds]
    deliveries: Mapping[tuple[int, int], tuple[int, int]]


def read_links(
    capture: Capture, engine: Engine, alignments: Mapping[Boot, ClockAlignment | None], boots: Sequence[Boot]
) -> ClockLinks:
    """What links these boots.

    Args:
        capture: to read from.
        engine: in which connections are compared; it is as before afterwards.
        alignments: by boot; those of `boots` are not None.
        boots: a link names them by their place here.
    """
    loader = _Loader(capture, engine, alignments, {boot: number for number, boot in enumerate(boots)})
    engine.execute(_TABLES)
    try:
        rows = sum(segment.tables.get("tcp", 0) for segment in capture.segments)
        loader.load("tcp", _TCP_COLUMNS, _KEEP_ENDS.format(share=max(-(-rows // MAX_ENDS), 1)))
        loader.load("kube_object", _OBJECT_COLUMNS, _KEEP_VERSIONS)
        engine.execute(_MATCH.format(outlier_ns=OUTLIER_NS))
        return ClockLinks(_read_connections(engine), _read_deliveries(engine))
    finally:
        engine.execute("DROP TABLE IF EXISTS clock_link; DROP TABLE clock_tcp_end; DROP TABLE clock_version")


@dataclass(frozen=True, slots=True)
class _Loader:
    capture: Capture
    engine: Engine
    alignments: Mapping[Boot, ClockAlignment | None]
    numbers: Mapping[Boot, int]

    def load(self, name: str, columns: Sequence[str], keep: str) -> None:
        """Runs a statement on one batch of a table after the other; it sees `clock_batch`, and `$boot`."""
        for segment in self.capture.segments:
            boot = segment.manifest.node_name, segment.manifest.boot_id
            if name not in segment.tables or boot not in self.numbers:
                continue
            schema = pa.schema([self.capture.schema(name).field(column) for column in columns])
            opened = OpenTable(segment, name, schema, alignment=self.alignments[boot], window=(None, None))
            for batch in (*opened.index[1:], None):
                read = opened.read_until(None if batch is None else batch.min_boot_ns)
                if read.table.num_rows:
                    self.engine.register("clock_batch", read.table)
                    self.engine.execute(keep, {"boot": self.numbers[boot]})
        self.engine.register("clock_batch", pa.schema([ALIGNED_TIME]).empty_table())


def _read_connections(engine: Engine) -> dict[tuple[int, int], Bounds]:
    found = engine.arrow(_REDUCE.format(max_pairs=MAX_PAIRS))
    columns = {name: found.column(name).to_numpy() for name in found.column_names}
    ends = (
        np.flatnonzero(np.diff(columns["x"]) | np.diff(columns["y"])) + 1 if found.num_rows else np.array([], np.int64)
    )
    links = {}
    for piece in np.split(np.arange(found.num_rows), ends):
        if piece.size:
            low_at, low, high_at, high = (
                columns[name][piece].astype(np.float64) for name in ("low_at_ns", "low_ns", "high_at_ns", "high_ns")
            )
            is_low, is_high = ~np.isnan(low), ~np.isnan(high)
            pair = int(columns["x"][piece[0]]), int(columns["y"][piece[0]])
            links[pair] = Bounds(low_at[is_low], low[is_low], high_at[is_high], high[is_high])
    return links


def _read_deliveries(engine: Engine) -> dict[tuple[int, int], tuple[int, int]]:
    return {
        (x, y): (at_ns, later_ns)
        for x, y, at_ns, later_ns in engine.rows(_DELIVERIES.format(min_versions=_MIN_VERSIONS))
    }


_TABLES = """
CREATE TABLE clock_tcp_end (
    boot INT, at_ns BIGINT, event VARCHAR, socket UBIGINT, own_address VARCHAR, own_port INT, peer_address VARCHAR,
    peer_port INT, duration_ns BIGINT, sent BIGINT, received BIGINT, has_failed BOOLEAN
);
CREATE TABLE clock_version (boot INT, at_ns BIGINT, event VARCHAR, uid VARCHAR, version VARCHAR)
"""

_KEEP_ENDS = """
INSERT INTO clock_tcp_end
SELECT
    $boot, at_ns, event_name, "tcp.socket_id", "network.local.address", "network.local.port", "network.peer.address",
    "network.peer.port", duration_ns, "network.io.transmit_bytes", "network.io.receive_bytes", "error.type" IS NOT NULL
FROM clock_batch
WHERE event_name IN ('tcp.connect', 'tcp.accept', 'tcp.close', 'tcp.refused', 'tcp.reset_sent', 'tcp.reset_received')
    -- The port of the client is the larger one of nearly every connection, and the one that is the same at both ends.
    AND greatest("network.local.port", "network.peer.port") % {share} = 0
    -- Every node has these addresses.
    AND NOT starts_with("network.local.address", '127.0.0.') AND "network.local.address" <> '::1'
"""

_KEEP_VERSIONS = """
INSERT INTO clock_version
SELECT $boot, at_ns, event_name, "k8s.object.uid", "k8s.object.resource_version" FROM clock_batch
WHERE event_name <> 'k8s.object.state' AND NOT inferred
"""

_MATCH = """
CREATE TABLE clock_link AS
WITH opened AS (
    SELECT
        opened.*, closed.at_ns AS closed_ns, closed.sent AS sent_bytes, closed.received AS received_bytes,
        closed.has_failed AS was_broken
    FROM (FROM clock_tcp_end WHERE event IN ('tcp.connect', 'tcp.accept')) AS opened
    ASOF LEFT JOIN (FROM clock_tcp_end WHERE event = 'tcp.close') AS closed
        ON closed.boot = opened.boot AND closed.socket = opened.socket AND closed.own_port = opened.own_port
        AND closed.peer_port = opened.peer_port AND closed.at_ns >= opened.at_ns
), client AS (
    SELECT
        *, count(*) OVER whole AS of_whole, row_number() OVER (whole ORDER BY boot, at_ns) AS place,
        count(*) OVER (PARTITION BY own_address, own_port) AS of_own
    FROM opened WHERE event = 'tcp.connect'
    WINDOW whole AS (PARTITION BY own_address, own_port, peer_address, peer_port)
), server AS (
    SELECT
        *, count(*) OVER whole AS of_whole, row_number() OVER (whole ORDER BY boot, at_ns) AS place,
        count(*) OVER (PARTITION BY peer_address, peer_port) AS of_own
    FROM opened WHERE event = 'tcp.accept'
    WINDOW whole AS (PARTITION BY own_address, own_port, peer_address, peer_port)
), connection AS (
    SELECT
        client.boot AS x, server.boot AS y, client.at_ns AS x_ns,
        CASE
            WHEN client.received_bytes > 0 AND NOT client.was_broken THEN server.at_ns - client.closed_ns
        END AS low_ns,
        server.at_ns - client.at_ns AS high_ns
    FROM client
    JOIN server
        ON server.peer_address = client.own_address AND server.peer_port = client.own_port
        AND (
            -- A port that was used repeatedly is the same connection at the same place, if no row is missing.
            (server.own_address = client.peer_address AND server.own_port = client.peer_port
                AND server.of_whole = client.of_whole AND server.place = client.place)
            -- The client knows the address of a Service, the server that of its Pod.
            OR (server.own_address <> client.peer_address AND server.of_own = 1 AND client.of_own = 1)
        )
    WHERE client.boot <> server.boot
        AND coalesce(client.sent_bytes = server.received_bytes, true)
        AND coalesce(client.received_bytes = server.sent_bytes, true)
), sent AS (
    FROM clock_tcp_end WHERE event = 'tcp.reset_sent'
    QUALIFY count(*) OVER (PARTITION BY own_address, own_port, peer_address, peer_port) = 1
), received AS (
    FROM clock_tcp_end WHERE event IN ('tcp.reset_received', 'tcp.refused')
    QUALIFY count(*) OVER (PARTITION BY own_address, own_port, peer_address, peer_port) = 1
), link AS (
    FROM connection
    UNION ALL BY NAME
    SELECT
        sent.boot AS x, received.boot AS y, sent.at_ns AS x_ns,
        -- A hostile duration overflows.
        CASE
            WHEN received.event = 'tcp.refused' THEN TRY(received.at_ns - received.duration_ns - sent.at_ns)
        END AS low_ns,
        received.at_ns - sent.at_ns AS high_ns
    FROM sent
    JOIN received
        ON received.own_address = sent.peer_address AND received.own_port = sent.peer_port
        AND received.peer_address = sent.own_address AND received.peer_port = sent.own_port
    WHERE sent.boot <> received.boot
)
SELECT * EXCLUDE (usual_ns) FROM (SELECT *, median(high_ns) OVER (PARTITION BY x, y) AS usual_ns FROM link)
WHERE abs(high_ns - usual_ns) <= {outlier_ns}
"""
"""`clock_link`: a row says that clock `y` is ahead of clock `x` by `low_ns` to `high_ns`, when `x` shows `x_ns`."""

_REDUCE = """
WITH ordered AS (
    SELECT x, y, x_ns, low_ns, high_ns FROM clock_link WHERE x < y
    UNION ALL BY NAME
    SELECT y AS x, x AS y, x_ns + high_ns AS x_ns, -high_ns AS low_ns, -low_ns AS high_ns FROM clock_link WHERE x > y
), pair AS (
    SELECT x, y FROM ordered GROUP BY x, y ORDER BY count(*) DESC, x, y LIMIT {max_pairs}
)
SELECT
    x, y, arg_max(x_ns, low_ns) AS low_at_ns, max(low_ns) AS low_ns, arg_min(x_ns, high_ns) AS high_at_ns,
    min(high_ns) AS high_ns
FROM ordered JOIN pair USING (x, y) GROUP BY x, y, x_ns // 1000000000 ORDER BY x, y, x_ns // 1000000000
"""

_DELIVERIES = """
WITH once AS (SELECT boot, event, uid, version, min(at_ns) AS at_ns FROM clock_version GROUP BY ALL),
-- The one that received most is compared with all others.
hub AS (SELECT boot FROM once GROUP BY boot ORDER BY count(*) DESC, boot LIMIT 1)
SELECT
    hub.boot, other.boot, median(first.at_ns)::BIGINT, median(other.at_ns - first.at_ns)::BIGINT
FROM hub
JOIN once AS first ON first.boot = hub.boot
JOIN once AS other
    ON other.boot <> hub.boot AND other.event = first.event AND other.uid = first.uid AND other.version = first.version
GROUP BY ALL HAVING count(*) >= {min_versions} ORDER BY 1, 2
"""
