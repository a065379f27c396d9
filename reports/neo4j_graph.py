"""Loads a document's graph into Neo4j: all of it in one transaction, and a second time without changing anything.

Recorded text can only ever be a value. Every statement is a text of this module with labels and relation names of the
closed lists of `reports.graph_model` in it; names, keys and properties travel as parameters.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, LiteralString

import neo4j
from neo4j.exceptions import AuthError, ClientError, ConfigurationError, DriverError, Neo4jError, ServiceUnavailable

from formats.errors import PermissionDeniedError, UnavailableError, UsageError
from reports.graph_model import Graph, GraphNode, GraphRelation, Label, Properties, RelationKind

BATCH_ROWS = 5_000
"""Rows of one UNWIND. Measured on the loopback: 24,000 nodes/s; smaller batches are slower, larger ones no faster."""

_CONNECT_SECONDS = 10.0
_SCHEMES = tuple(f"{name}{security}://" for name in ("bolt", "neo4j") for security in ("", "+s", "+ssc"))


_CONSTRAIN = "CREATE CONSTRAINT IF NOT EXISTS FOR (n:LABEL) REQUIRE n.key IS UNIQUE"

_MERGE_NODES = """
UNWIND $rows AS row
MERGE (n:LABEL {key: row.key})
FOREACH (_ IN CASE WHEN n.digest IS NULL OR n.digest <> row.digest THEN [1] ELSE [] END |
  SET n = row.properties, n.key = row.key, n.digest = row.digest)
RETURN row.key AS key, elementId(n) AS id
"""

_MERGE_RELATIONS = """
UNWIND $rows AS row
MATCH (a) WHERE elementId(a) = row.source
MATCH (b) WHERE elementId(b) = row.target
MERGE (a)-[r:KIND {key: row.key}]->(b)
WITH r, row WHERE r.digest IS NULL OR r.digest <> row.digest
SET r = row.properties, r.key = row.key, r.digest = row.digest
"""

_LOADED_DIGEST: LiteralString = "MATCH (c:Capture {key: $capture}) RETURN c.graph AS digest"
_SET_DIGEST: LiteralString = "MATCH (c:Capture {key: $capture}) SET c.graph = $digest"
_FORGET_NODES: LiteralString = "MATCH (:Capture {key: $capture})-[:RECORDED]->(n) DETACH DELETE n"
_FORGET_RELATIONS: LiteralString = "MATCH ()-[r {capture: $capture}]->() DELETE r"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load changed in the database; all zero when the same document was there already."""

    nodes_created: int
    nodes_deleted: int
    relations_created: int
    relations_deleted: int
    properties_set: int

    @property
    def changed(self) -> bool:
        """Whether anything in the database is different now."""
        return self != Loaded(0, 0, 0, 0, 0)


def load_graph(graph: Graph, uri: str, *, user: str, password: str, database: str | None = None) -> Loaded:
    """Puts a document's graph into a Neo4j database.

    A graph that the same capture had there before, from another version of the analysis, is replaced; what other
    captures brought is left alone.

    Args:
        graph: what `reports.graph_model.graph_of` made.
        uri: `bolt://HOST:PORT` or `neo4j://…`, with `+s` for TLS.
        user: database user; it needs the rights named in docs/reports.md, no more.
        password: of that user.
        database: name of the database; None = the user's home database.

    Raises:
        UsageError: the URI is none of Neo4j.
        UnavailableError: no server answers there, or it cannot do the work.
        PermissionDeniedError: the password is wrong or the user may not write.
    """
    if not uri.startswith(_SCHEMES):
        raise UsageError("not a Neo4j address", where=uri, next_step="give bolt://HOST:PORT")
    with (
        _told_in_one_sentence(uri),
        neo4j.GraphDatabase.driver(
            uri,
            auth=(user, password),
            connection_timeout=_CONNECT_SECONDS,
            connection_acquisition_timeout=_CONNECT_SECONDS,
            max_transaction_retry_time=_CONNECT_SECONDS,
            telemetry_disabled=True,
            notifications_min_severity="OFF",
        ) as driver,
    ):
        driver.verify_connectivity()
        with driver.session(database=database) as session:
            for label in sorted({node.label for node in graph.nodes}):
                session.run(_statement(_CONSTRAIN, LABEL=label)).consume()
            return session.execute_write(_load, graph)


def _load(transaction: neo4j.ManagedTransaction, graph: Graph) -> Loaded:
    counts = _Counts()
    found = transaction.run(_LOADED_DIGEST, capture=graph.capture).single()
    known = found["digest"] if found is not None else None
    if known is not None and known != graph.digest:
        counts.add(transaction.run(_FORGET_NODES, capture=graph.capture))
        counts.add(transaction.run(_FORGET_RELATIONS, capture=graph.capture))
    # Relations find their ends by the ids that Neo4j gave the nodes, valid until the transaction ends. Why not by label
    # and key: that is one statement for each pair of labels, and planning a statement takes longer than running it.
    ids: dict[tuple[Label, str], str] = {}
    for label, nodes in groupby(graph.nodes, key=lambda node: node.label):
        statement = _statement(_MERGE_NODES, LABEL=label)
        for rows in _batches(_node_row(node) for node in nodes):
            result = transaction.run(statement, rows=rows)
            ids.update(((label, record["key"]), record["id"]) for record in result)
            counts.add(result)
    for kind, relations in groupby(graph.relations, key=lambda relation: relation.kind):
        statement = _statement(_MERGE_RELATIONS, KIND=kind)
        for rows in _batches(_relation_row(relation, ids) for relation in relations):
            counts.add(transaction.run(statement, rows=rows))
    if known != graph.digest:
        counts.add(transaction.run(_SET_DIGEST, capture=graph.capture, digest=graph.digest))
    return counts.loaded()


class _Counts:
    """Adds up what the statements of a load changed."""

    def __init__(self) -> None:
        self._totals = dict.fromkeys(Loaded.__slots__, 0)

    def add(self, result: neo4j.Result) -> None:
        counters = result.consume().counters
        self._totals["nodes_created"] += counters.nodes_created
        self._totals["nodes_deleted"] += counters.nodes_deleted
        self._totals["relations_created"] += counters.relationships_created
        self._totals["relations_deleted"] += counters.relationships_deleted
        self._totals["properties_set"] += counters.properties_set

    def loaded(self) -> Loaded:
        return Loaded(**self._totals)


def _statement(template: LiteralString, **names: Label | RelationKind) -> LiteralString:
    """The statement with labels and relation names put in: members of our own lists, checked, never recorded text."""
    for place, name in names.items():
        if not isinstance(name, Label | RelationKind):
            raise TypeError(f"{place} of a statement must be a label or relation kind")
        template = template.replace(place, name.value)
    return template


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH_ROWS)):
        yield batch


def _node_row(node: GraphNode) -> dict[str, Any]:
    return {"key": node.key, "properties": node.properties, "digest": _digest(node.properties)}


def _relation_row(relation: GraphRelation, ids: Mapping[tuple[Label, str], str]) -> dict[str, Any]:
    return {
        "key": relation.key,
        "source": ids[relation.source_label, relation.source],
        "target": ids[relation.target_label, relation.target],
        "properties": relation.properties,
        "digest": _digest(relation.properties),
    }


def _digest(properties: Properties) -> str:
    """Whether a node or relation exists with exactly these properties, so that a second load sets none."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:32]


@contextlib.contextmanager
def _told_in_one_sentence(uri: str) -> Iterator[None]:
    """Turns the driver's errors into ours."""
    try:
        yield
    except AuthError as error:
        raise PermissionDeniedError(
            "Neo4j rejected the user name or password", where=uri, next_step="check --user and --password-file"
        ) from error
    except ServiceUnavailable as error:
        raise UnavailableError(
            "cannot connect to Neo4j", where=uri, next_step="start it, or check host, port and TLS (bolt+s://)"
        ) from error
    except ConfigurationError as error:
        raise UsageError("not a Neo4j address", where=uri, next_step="give bolt://HOST:PORT") from error
    except ClientError as error:
        if error.code is not None and error.code.startswith("Neo.ClientError.Security."):
            raise PermissionDeniedError(
                "this Neo4j user is not allowed to write the graph",
                where=uri,
                next_step="grant it the role described in docs/reports.md",
            ) from error
        raise UnavailableError(f"Neo4j rejected the graph: {error.code}", where=uri) from error
    except (DriverError, Neo4jError) as error:
        raise UnavailableError(f"Neo4j failed while loading the graph: {type(error).__name__}", where=uri) from error
