"""The causality and entity graph as a file that graph programs open: GraphML, GEXF, or node-link JSON."""

from __future__ import annotations

import json
import re
from typing import assert_never

import networkx as nx

from formats.postmortem.document import Document
from reports.graph_model import GraphFormat, graph_of

_GEXF_TIMES = {"start": "start_time", "end": "end_time"}
"""Attributes that GEXF reserves for nodes that appear and vanish; ours are texts about events that stay."""

_GEXF_DAY = re.compile(r' lastmodifieddate="[^"]*"')


def render_graph(document: Document, file_format: GraphFormat) -> str:
    """The whole graph of a document (`reports.graph_model.Graph.to_networkx`) as the text of a file.

    The same document gives the same bytes.
    """
    graph = graph_of(document).to_networkx()
    match file_format:
        case GraphFormat.GRAPHML:
            lines = nx.generate_graphml(graph, encoding="utf-8", prettyprint=True)
            return '<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(lines) + "\n"
        case GraphFormat.GEXF:
            return _render_gexf(graph)
        case GraphFormat.JSON:
            data = nx.node_link_data(graph, edges="edges")
            return json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
        case _:
            assert_never(file_format)


def _render_gexf(graph: nx.MultiDiGraph[str]) -> str:
    for _node, attributes in graph.nodes(data=True):
        for reserved, name in _GEXF_TIMES.items():
            if reserved in attributes:
                attributes[name] = attributes.pop(reserved)
    text = "\n".join(nx.generate_gexf(graph, encoding="utf-8", prettyprint=True)) + "\n"
    # The day on which the file was made says nothing about the incident, and the same document gives the same bytes.
    return '<?xml version="1.0" encoding="utf-8"?>\n' + _GEXF_DAY.sub("", text, count=1)
