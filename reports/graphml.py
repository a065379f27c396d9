"""The causality and entity graph as GraphML, which Gephi, yEd, Cytoscape and networkx open."""

from __future__ import annotations

import json

import networkx as nx

from formats.postmortem.document import Document
from formats.text import escape_text
from reports.graph_model import GraphNode, Properties, graph_of


def render_graphml(document: Document) -> str:
    """The whole graph of a document. The same document gives the same bytes.

    Node ids are `n0`, `n1`, … in the order of label and key; names, labels and all else are attributes. Lists are JSON.
    Characters that XML cannot hold, or that nobody can see, are written as escapes (`formats.text.escape_text`).
    """
    graph = graph_of(document)
    ids = {(node.label, node.key): f"n{number}" for number, node in enumerate(graph.nodes)}
    result: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node in graph.nodes:
        result.add_node(
            ids[node.label, node.key], label=node.label.value, **_name(node), **_attributes(node.properties)
        )
    for number, relation in enumerate(graph.relations):
        source, target = ids[relation.source_label, relation.source], ids[relation.target_label, relation.target]
        attributes = {"label": relation.kind.value, **_attributes(relation.properties)}
        result.add_edge(source, target, key=f"e{number}", **attributes)
    lines = nx.generate_graphml(result, encoding="utf-8", prettyprint=True)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(lines) + "\n"


def _name(node: GraphNode) -> dict[str, str]:
    return {} if "name" in node.properties else {"name": escape_text(node.key)}


def _attributes(properties: Properties) -> dict[str, str | int | float | bool]:
    return {name: _attribute(value) for name, value in sorted(properties.items()) if value is not None}


def _attribute(value: str | float | bool | list[str]) -> str | int | float | bool:
    if isinstance(value, list):
        return escape_text(json.dumps(value, ensure_ascii=False))
    return escape_text(value) if isinstance(value, str) else value
