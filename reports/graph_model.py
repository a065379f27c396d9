"""A document as a labelled property graph, for every output that takes one (Neo4j, networkx and its files).

Labels and relation names are closed lists of this file: recorded text is only ever a property. Keys are built so that
loading the same document again, or another document of the same cluster, meets the same entities.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from formats.postmortem.document import Document
from formats.postmortem.findings import Finding
from formats.postmortem.graph import Change, Symptom
from formats.postmortem.recording import Entity
from formats.text import escape_text

if TYPE_CHECKING:
    import networkx as nx

Properties = dict[str, str | int | float | bool | list[str] | None]
"""Properties of a node or relation, of types that databases and GraphML support. None values are omitted."""


class Label(StrEnum):
    """What a node is. A kind of object that is not here (a custom resource) is a `Resource`."""

    POD = "Pod"
    CONTAINER = "Container"
    PROCESS = "Process"
    NODE = "Node"
    NAMESPACE = "Namespace"
    DEPLOYMENT = "Deployment"
    REPLICA_SET = "ReplicaSet"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    JOB = "Job"
    CRON_JOB = "CronJob"
    SERVICE = "Service"
    ENDPOINT_SLICE = "EndpointSlice"
    ENDPOINTS = "Endpoints"
    INGRESS = "Ingress"
    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - the kind of object
    PERSISTENT_VOLUME = "PersistentVolume"
    PERSISTENT_VOLUME_CLAIM = "PersistentVolumeClaim"
    STORAGE_CLASS = "StorageClass"
    HORIZONTAL_POD_AUTOSCALER = "HorizontalPodAutoscaler"
    NETWORK_POLICY = "NetworkPolicy"
    RESOURCE_QUOTA = "ResourceQuota"
    CGROUP = "Cgroup"
    DEVICE = "Device"
    ADDRESS = "Address"
    RESOURCE = "Resource"
    EVENT = "Event"
    PATTERN = "Pattern"
    FINDING = "Finding"
    CAPTURE = "Capture"


ENTITY_LABELS = frozenset(Label) - {Label.EVENT, Label.PATTERN, Label.FINDING, Label.CAPTURE}
"""Labels of what the recording is about, as against what the analysis made of it."""


class RelationKind(StrEnum):
    """What a relation says. One between entities that is not here is `RELATES_TO`, with its name as `kind`."""

    OWNS = "OWNS"
    CONTAINS = "CONTAINS"
    RUNS_ON = "RUNS_ON"
    MOUNTS = "MOUNTS"
    USES = "USES"
    SELECTS = "SELECTS"
    CALLS = "CALLS"
    SCALES = "SCALES"
    LIMITS = "LIMITS"
    CLAIMS = "CLAIMS"
    BINDS = "BINDS"
    RELATES_TO = "RELATES_TO"
    CAUSED = "CAUSED"
    AFFECTED = "AFFECTED"
    RECORDED = "RECORDED"
    EXPLAINS = "EXPLAINS"
    ROOT_CAUSE = "ROOT_CAUSE"
    MATCHES = "MATCHES"


class GraphFormat(StrEnum):
    """A file format; its value is the suffix of its files."""

    GRAPHML = "graphml"
    """For Gephi, yEd, Cytoscape and networkx. Source: http://graphml.graphdrawing.org/"""
    GEXF = "gexf"
    """For Gephi and networkx, version 1.2. Source: https://gexf.net/"""
    JSON = "json"
    """Node-link data, for D3 and networkx. Source: `networkx.node_link_data`, the list of edges named `edges`."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node; `key` is unique within its label."""

    label: Label
    key: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class GraphRelation:
    """One relation between two nodes, given by label and key; `key` is unique within its kind."""

    kind: RelationKind
    source_label: Label
    source: str
    target_label: Label
    target: str
    key: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class Graph:
    """Everything of one document, sorted by label or kind, then key.

    Attributes:
        capture: key of the one `Capture` node.
        digest: of the nodes and relations: two documents with the same digest are the same graph.
    """

    capture: str
    digest: str
    nodes: tuple[GraphNode, ...]
    relations: tuple[GraphRelation, ...]

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """The same graph for whoever works with networkx, and for every file format that networkx writes.

        Node ids are `n0`, `n1`, … in the order of label and key, keys of edges `e0`, `e1`, …; names and all else are
        attributes, the label of a node or the kind of a relation as `label`. Attributes are texts, numbers, booleans;
        lists are JSON. Characters that XML cannot contain, and invisible ones, are written as escapes
        (`formats.text.escape_text`). The causality alone: the edges whose label is `CAUSED`.
        """
        import networkx as nx  # noqa: PLC0415 - 0.2 s, of which a load into Neo4j needs nothing

        ids = {(node.label, node.key): f"n{number}" for number, node in enumerate(self.nodes)}
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in self.nodes:
            name = {} if "name" in node.properties else {"name": escape_text(node.key)}
            graph.add_node(ids[node.label, node.key], label=node.label.value, **name, **_attributes(node.properties))
        for number, relation in enumerate(self.relations):
            source, target = ids[relation.source_label, relation.source], ids[relation.target_label, relation.target]
            attributes = {"label": relation.kind.value, **_attributes(relation.properties)}
            graph.add_edge(source, target, key=f"e{number}", **attributes)
        return graph


def graph_of(document: Document) -> Graph:
    """The document's entities, symptoms, changes, findings and patterns with all that connects them."""
    building = _Building(document)
    building.add_entities()
    building.add_events()
    building.add_findings()
    return building.finish()


class _Building:
    """Collects nodes and relations by label and key, so that there are no duplicates."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._capture = document.capture.id
        self._nodes: dict[tuple[Label, str], GraphNode] = {}
        self._relations: dict[tuple[RelationKind, str], GraphRelation] = {}
        capture = document.capture
        self._capture_node = self._node(
            Label.CAPTURE,
            self._capture,
            {
                "name": capture.id,
                "nodes": list(capture.nodes),
                "begin": capture.begin,
                "end": capture.end,
                "events": capture.events,
            },
        )

    def finish(self) -> Graph:
        """Everything in its order, with its digest."""
        nodes = tuple(self._nodes[key] for key in sorted(self._nodes))
        relations = tuple(self._relations[key] for key in sorted(self._relations))
        content = [[n.label, n.key, n.properties] for n in nodes], [[r.kind, r.key, r.properties] for r in relations]
        text = json.dumps(content, sort_keys=True, ensure_ascii=True)
        return Graph(self._capture, hashlib.sha256(text.encode()).hexdigest(), nodes, relations)

    def add_entities(self) -> None:
        """Entities and the relations between them while they held."""
        for entity in self._document.entities.values():
            self._entity(entity)
        for relation in self._document.relations:
            kind = _relation_kind(relation.kind)
            self._relate(
                kind,
                self._entity(self._document.entities[relation.source]),
                self._entity(self._document.entities[relation.target]),
                {
                    "kind": relation.kind,
                    "first_seen": relation.first_seen,
                    "last_seen": relation.last_seen,
                    "evidence": list(relation.evidence),
                },
                distinct=(relation.kind, relation.first_seen),
            )

    def add_events(self) -> None:
        """Symptoms and changes as events: what affected what, and what caused what."""
        for symptom in self._document.symptoms:
            self._relate(RelationKind.AFFECTED, self._event(symptom), self._entity_of(symptom.entity.id))
        for change in self._document.changes:
            if change.symptom is None:
                self._relate(RelationKind.AFFECTED, self._lone_change(change), self._entity_of(change.entity.id))
        by_id = {symptom.id: symptom for symptom in self._document.symptoms}
        for edge in self._document.edges:
            self._relate(
                RelationKind.CAUSED,
                self._event(by_id[edge.source]),
                self._event(by_id[edge.target]),
                {
                    "rule": edge.rule,
                    "relation": edge.relation,
                    "lag_ns": edge.lag_ns,
                    "confidence": edge.confidence,
                    "how": edge.how,
                    "order_known": edge.order_known,
                    "evidence": list(edge.evidence),
                },
                distinct=(edge.rule,),
            )

    def add_findings(self) -> None:
        """Findings, what they explain, their root cause, and the patterns that match."""
        by_id = {symptom.id: symptom for symptom in self._document.symptoms}
        for finding in self._document.findings:
            node = self._finding(finding)
            cause = self._entity_of(finding.root_cause.entity)
            self._relate(RelationKind.ROOT_CAUSE, node, cause, {"what": finding.root_cause.what})
            explained = [step.symptom_id for step in finding.chain] + list(finding.also)
            for position, symptom in enumerate(explained):
                on_chain = position < len(finding.chain)
                step: Properties = {"step": position if on_chain else None}
                self._relate(RelationKind.EXPLAINS, node, self._event(by_id[symptom]), step)
                if finding.pattern is not None and on_chain:
                    pattern = self._pattern(finding.pattern)
                    match: Properties = {"confidence": finding.confidence, "rank": finding.rank}
                    self._relate(
                        RelationKind.MATCHES, pattern, self._event(by_id[symptom]), match, distinct=(str(finding.rank),)
                    )

    def _entity_of(self, key: str) -> GraphNode:
        return self._entity(self._document.entities[key])

    def _entity(self, entity: Entity) -> GraphNode:
        label = _label(entity.kind)
        properties: Properties = {
            "kind": entity.kind,
            "namespace": entity.namespace,
            "name": entity.name,
            "uid": entity.uid,
            "node": entity.node,
            "first_seen": entity.first_seen,
            "last_seen": entity.last_seen,
        }
        return self._node(label, entity.id, properties)

    def _event(self, symptom: Symptom) -> GraphNode:
        properties: Properties = {
            "name": symptom.name,
            "nature": symptom.nature,
            "severity": symptom.severity,
            "begin": symptom.begin,
            "end": symptom.end,
            "count": symptom.count,
            "magnitude": symptom.magnitude,
            "unit": symptom.unit,
            "what": symptom.what,
            "evidence": list(symptom.evidence),
        }
        return self._own(Label.EVENT, symptom.id, properties)

    def _lone_change(self, change: Change) -> GraphNode:
        """A change that takes no part in the causality graph is an event all the same: one that caused nothing."""
        properties: Properties = {
            "name": "change",
            "nature": "change",
            "severity": "info",
            "begin": change.time,
            "end": change.time,
            "count": 1,
            "what": change.what,
            "evidence": list(change.evidence),
        }
        return self._own(Label.EVENT, f"change:{change.id}", properties)

    def _finding(self, finding: Finding) -> GraphNode:
        properties: Properties = {
            "name": finding.title,
            "rank": finding.rank,
            "category": finding.category,
            "confidence": finding.confidence,
            "recommendations": list(finding.recommendations),
        }
        return self._own(Label.FINDING, str(finding.rank), properties)

    def _pattern(self, name: str) -> GraphNode:
        return self._node(Label.PATTERN, name, {"name": name})

    def _own(self, label: Label, key: str, properties: Properties) -> GraphNode:
        """A node that belongs to this capture alone; the capture records it."""
        node = self._node(label, _join(self._capture, key), {**properties, "capture": self._capture})
        self._relate(RelationKind.RECORDED, self._capture_node, node)
        return node

    def _node(self, label: Label, key: str, properties: Properties) -> GraphNode:
        node = GraphNode(label, key, {name: value for name, value in properties.items() if value is not None})
        return self._nodes.setdefault((label, key), node)

    def _relate(
        self,
        kind: RelationKind,
        source: GraphNode,
        target: GraphNode,
        properties: Properties | None = None,
        distinct: tuple[str, ...] = (),
    ) -> None:
        key = _join(self._capture, source.label, source.key, target.label, target.key, *distinct)
        kept = {name: value for name, value in (properties or {}).items() if value is not None}
        relation = GraphRelation(
            kind, source.label, source.key, target.label, target.key, key, {**kept, "capture": self._capture}
        )
        self._relations.setdefault((kind, key), relation)


def _label(kind: str) -> Label:
    known = {label.value: label for label in ENTITY_LABELS}
    return known.get(kind, Label.RESOURCE)


def _relation_kind(name: str) -> RelationKind:
    between_entities = list(RelationKind)[: list(RelationKind).index(RelationKind.RELATES_TO)]
    return next((kind for kind in between_entities if kind.value == name), RelationKind.RELATES_TO)


def _join(*parts: str) -> str:
    """One key of several texts, such that different texts give different keys whatever is in them."""
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _attributes(properties: Properties) -> dict[str, str | int | float | bool]:
    return {name: _attribute(value) for name, value in sorted(properties.items()) if value is not None}


def _attribute(value: str | float | bool | list[str]) -> str | int | float | bool:
    if isinstance(value, list):
        return escape_text(json.dumps(value, ensure_ascii=False))
    return escape_text(value) if isinstance(value, str) else value
