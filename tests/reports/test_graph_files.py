"""Files of the graph that networkx reads back, with every name in them and the same bytes every time."""

from __future__ import annotations

import io
import itertools
import json
import time

import networkx as nx
import pytest

from formats.text import escape_text
from reports.graph_files import render_graph
from reports.graph_model import GraphFormat, Label, RelationKind, graph_of

EVERY_FORMAT = pytest.mark.parametrize("file_format", list(GraphFormat))
READERS = {
    GraphFormat.GRAPHML: lambda text: nx.read_graphml(io.BytesIO(text.encode()), force_multigraph=True),
    GraphFormat.GEXF: lambda text: nx.MultiDiGraph(nx.read_gexf(io.BytesIO(text.encode()))),
    GraphFormat.JSON: lambda text: nx.node_link_graph(json.loads(text), edges="edges"),
}


def read_back(document, file_format):
    return READERS[file_format](render_graph(document, file_format))


@EVERY_FORMAT
@pytest.mark.parametrize("name", ["incident", "calm", "hostile"])
def test_networkx_reads_back_every_node_relation_and_name(request, name, file_format):
    # GIVEN a document
    document = request.getfixturevalue(name)
    graph = graph_of(document)
    # WHEN it is written and read by another tool
    found = read_back(document, file_format)
    # THEN nothing is missing, names are as recorded, and labels are ours
    assert found.is_directed()
    assert (len(found.nodes), len(found.edges)) == (len(graph.nodes), len(graph.relations))
    names = {escape_text(entity.name) for entity in document.entities.values()}
    assert names <= {data["name"] for _, data in found.nodes(data=True)}
    assert {data["label"] for _, data in found.nodes(data=True)} <= set(Label)
    assert {data["label"] for *_, data in found.edges(data=True)} <= set(RelationKind)


@EVERY_FORMAT
@pytest.mark.parametrize("name", ["incident", "hostile"])
def test_attributes_come_back_as_they_were(request, name, file_format):
    # GIVEN the graph as networkx has it
    document = request.getfixturevalue(name)
    expected = graph_of(document).to_networkx()
    # WHEN it has been through a file
    found = read_back(document, file_format)
    # THEN each text, number and boolean is the same; only GEXF keeps a name for itself
    renamed = {"end": "end_time"} if file_format is GraphFormat.GEXF else {}
    for node, attributes in expected.nodes(data=True):
        assert found.nodes[node] == {renamed.get(key, key): value for key, value in attributes.items()}
    for source, target, key, attributes in expected.edges(keys=True, data=True):
        kept = {name: value for name, value in found.edges[source, target, key].items() if name != "id"}
        assert kept == attributes


@EVERY_FORMAT
def test_chain_is_a_path_of_the_graph(incident, file_format):
    found = read_back(incident, file_format)
    caused = nx.DiGraph((a, b) for a, b, data in found.edges(data=True) if data["label"] == "CAUSED")
    by_what = {data["what"]: node for node, data in found.nodes(data=True) if data["label"] == "Event"}
    steps = [by_what[step.what] for step in incident.findings[0].chain]
    assert all(caused.has_edge(*pair) for pair in itertools.pairwise(steps))


@EVERY_FORMAT
def test_same_document_same_bytes_on_any_day(incident, file_format, monkeypatch):
    first = render_graph(incident, file_format)
    monkeypatch.setattr(time, "strftime", lambda *_: "1999-12-31")
    assert render_graph(incident, file_format) == first
    assert "1999" not in first


def test_graph_is_a_multigraph_whose_attributes_any_file_can_hold(hostile):
    graph = graph_of(hostile).to_networkx()
    assert isinstance(graph, nx.MultiDiGraph)
    values = [value for _, data in graph.nodes(data=True) for value in data.values()]
    values += [value for *_, data in graph.edges(data=True) for value in data.values()]
    assert {type(value) for value in values} <= {str, int, float, bool}
    assert all(escape_text(value) == value for value in values if isinstance(value, str))
