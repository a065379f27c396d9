"""GraphML that any tool reads, with every name in it and the same bytes every time."""

from __future__ import annotations

import io
import itertools

import networkx as nx
import pytest

from formats.text import escape_text
from reports.graph_model import Label, RelationKind, graph_of
from reports.graphml import render_graphml


def parsed(document) -> nx.MultiDiGraph:
    return nx.read_graphml(io.BytesIO(render_graphml(document).encode()), force_multigraph=True)


@pytest.mark.parametrize("name", ["incident", "calm", "hostile"])
def test_nodes_and_relations_are_all_there(request, name):
    # GIVEN a document
    document = request.getfixturevalue(name)
    graph = graph_of(document)
    # WHEN it is written and read by another tool
    found = parsed(document)
    # THEN nothing is missing, names are as recorded, and labels are ours
    assert (len(found.nodes), len(found.edges)) == (len(graph.nodes), len(graph.relations))
    names = {escape_text(entity.name) for entity in document.entities.values()}
    assert names <= {data["name"] for _, data in found.nodes(data=True)}
    assert {data["label"] for _, data in found.nodes(data=True)} <= set(Label)
    assert {data["label"] for *_, data in found.edges(data=True)} <= set(RelationKind)


def test_chain_is_a_path_of_the_graph(incident):
    found = parsed(incident)
    caused = nx.DiGraph((a, b) for a, b, data in found.edges(data=True) if data["label"] == "CAUSED")
    by_what = {data["what"]: node for node, data in found.nodes(data=True) if data["label"] == "Event"}
    steps = [by_what[step.what] for step in incident.findings[0].chain]
    assert all(caused.has_edge(*pair) for pair in itertools.pairwise(steps))


def test_same_document_same_bytes(incident):
    assert render_graphml(incident) == render_graphml(incident)
