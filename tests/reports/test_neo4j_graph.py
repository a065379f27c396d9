"""The graph in a real Neo4j: what was asked for is there, nothing else, and loading twice is loading once."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import json
import re
import socket
from pathlib import Path

import neo4j
import pytest

from fixtures.documents.replace_texts import with_texts
from fixtures.documents.shop.documents import shop_incident
from formats.errors import PermissionDeniedError, UnavailableError, UsageError
from reports import neo4j_graph
from reports.graph_model import Label, RelationKind, graph_of
from reports.neo4j_graph import Loaded, load_graph

# One server for all: under xdist they stay on one worker.
NOTHING = Loaded(0, 0, 0, 0, 0)
STRINGS = json.loads(
    (Path(__file__).parents[2] / "fixtures/documents/hostile_strings.json").read_text(encoding="utf-8")
)


@pytest.fixture
def driver(neo4j_server):
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=("neo4j", neo4j_server.password)) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
        yield driver


def load(server, document) -> Loaded:
    return load_graph(graph_of(document), server.uri, user="neo4j", password=server.password)


@pytest.mark.neo4j
def test_path_from_the_config_map_to_the_frontend_errors_is_one_question(driver, neo4j_server, incident):
    # GIVEN the demo incident in the database
    load(neo4j_server, incident)
    # WHEN it is asked how the ConfigMap's change came to hit the frontend
    query = """
        MATCH (:ConfigMap {name: 'cache-config'})<-[:AFFECTED]-(change:Event {nature: 'change'})
        MATCH (frontend:Pod)<-[:AFFECTED]-(error:Event {name: 'requests-failing'}) WHERE frontend.name STARTS WITH 'frontend-'
        MATCH path = shortestPath((change)-[:CAUSED*]->(error))
        RETURN [event IN nodes(path) | event.name] AS names, [link IN relationships(path) | link.rule] AS rules
    """
    records, _, _ = driver.execute_query(query)
    # THEN the answer is the chain, link by link
    assert records[0]["names"][0] == "config-changed"
    assert records[0]["names"][1] == "container-oom-killed"
    assert records[0]["names"][-1] == "requests-failing"
    assert records[0]["rules"][0] == "config-reaches-container"


@pytest.mark.neo4j
def test_labels_and_relations_are_those_of_kubernetes(driver, neo4j_server, incident):
    # GIVEN the demo incident in the database
    load(neo4j_server, incident)
    # WHEN every relation that the project names is asked for
    shapes = [
        "(:Pod)-[:RUNS_ON]->(:Node)",
        "(:Pod)-[:MOUNTS]->(:ConfigMap)",
        "(:Service)-[:SELECTS]->(:Pod)",
        "(:Deployment)-[:OWNS]->(:ReplicaSet)-[:OWNS]->(:Pod)-[:CONTAINS]->(:Container)",
        "(:Event)-[:CAUSED]->(:Event)",
        "(:Event)-[:AFFECTED]->(:Pod)",
        "(:Pattern {name: 'config-drift'})-[:MATCHES]->(:Event)",
        "(:Finding {rank: 1})-[:ROOT_CAUSE]->(:ConfigMap {name: 'cache-config'})",
    ]
    # THEN each is there
    for shape in shapes:
        assert driver.execute_query(f"MATCH p={shape} RETURN count(p) > 0 AS there").records[0]["there"], shape


@pytest.mark.neo4j
def test_loading_twice_changes_nothing(driver, neo4j_server, incident):
    # GIVEN a load
    graph = graph_of(incident)
    first = load(neo4j_server, incident)
    assert (first.nodes_created, first.relations_created) == (len(graph.nodes), len(graph.relations))
    # WHEN the same is loaded again
    second = load(neo4j_server, incident)
    # THEN the database's own counters say that nothing changed
    assert second == NOTHING


@pytest.mark.neo4j
def test_a_new_analysis_replaces_the_old_one_of_the_same_capture_only(driver, neo4j_server, incident, calm):
    # GIVEN two captures in the database
    load(neo4j_server, calm)
    load(neo4j_server, incident)
    # WHEN one is analyzed anew and has lost a finding
    load(neo4j_server, dataclasses.replace(incident, findings=incident.findings[:1]))
    # THEN the finding that is no more is gone, and the other capture is untouched
    count = "MATCH (f:Finding) RETURN count(f) AS findings"
    assert driver.execute_query(count).records[0]["findings"] == 1
    assert load(neo4j_server, calm).nodes_created == 0
    events = driver.execute_query("MATCH (:Capture {key: 'shop-calm'})-[:RECORDED]->(e:Event) RETURN count(e) AS n")
    assert events.records[0]["n"] == len(calm.symptoms) + sum(change.symptom is None for change in calm.changes)


@pytest.mark.neo4j
def test_injections_in_every_text_become_values_and_nothing_more(driver, neo4j_server):
    # GIVEN a bystander, and documents in which every text is an injection
    driver.execute_query("CREATE (:Bystander {name: 'untouched'})")
    graphs = []
    for offset in range(0, len(STRINGS), 30):
        strings = itertools.islice(itertools.cycle(STRINGS), offset, None)
        graphs.append(graph_of(with_texts(shop_incident(), strings)))
    # WHEN they are loaded
    for graph in graphs:
        load_graph(graph, neo4j_server.uri, user="neo4j", password=neo4j_server.password)
    # THEN nodes, relations, labels and relation types are exactly as expected
    nodes = {(node.label, node.key) for graph in graphs for node in graph.nodes}
    relations = {(relation.kind, relation.key) for graph in graphs for relation in graph.relations}
    assert driver.execute_query("MATCH (n) RETURN count(n) AS n").records[0]["n"] == len(nodes) + 1
    assert driver.execute_query("MATCH ()-[r]->() RETURN count(r) AS n").records[0]["n"] == len(relations)
    labels = driver.execute_query("MATCH (n) UNWIND labels(n) AS l RETURN collect(DISTINCT l) AS l").records[0]["l"]
    assert set(labels) <= {label.value for label in Label} | {"Bystander"}
    types = driver.execute_query("MATCH ()-[r]->() RETURN collect(DISTINCT type(r)) AS t").records[0]["t"]
    assert set(types) <= {kind.value for kind in RelationKind}
    # AND every name is there as it was recorded
    found = driver.execute_query("MATCH (n) RETURN collect(DISTINCT n.name) AS names").records[0]["names"]
    names = {node.properties["name"] for graph in graphs for node in graph.nodes if "name" in node.properties}
    assert names <= set(found)
    assert len(names) >= 200


@pytest.mark.neo4j
def test_wrong_password_is_told_in_one_sentence(neo4j_server, incident):
    # GIVEN a server WHEN the password is wrong THEN it is said so, with the place
    with pytest.raises(PermissionDeniedError, match="rejected the user name or password") as caught:
        load_graph(graph_of(incident), neo4j_server.uri, user="neo4j", password="wrong")
    assert neo4j_server.uri in str(caught.value)


def test_dead_server_is_told_in_one_sentence(incident):
    # GIVEN a port where nobody listens
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # WHEN a graph is to be loaded there THEN it is said so
    with pytest.raises(UnavailableError, match="cannot connect to Neo4j"):
        load_graph(graph_of(incident), f"bolt://127.0.0.1:{port}", user="neo4j", password="x")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:7474", "nonsense", ""])
def test_foreign_address_is_told_in_one_sentence(incident, uri):
    with pytest.raises(UsageError, match="not a Neo4j address"):
        load_graph(graph_of(incident), uri, user="neo4j", password="x")


def test_statements_hold_no_text_but_our_own():
    # GIVEN the module that speaks Cypher
    source = inspect.getsource(neo4j_graph)
    # THEN no formatted string and no concatenation stands near a statement
    cypher = re.compile(r"\b(MATCH|MERGE|UNWIND|CREATE|DELETE|SET)\b")
    for line in source.splitlines():
        if cypher.search(line) and '"' in line:
            assert not re.search(r'\bf"', line), line
            assert " + " not in line, line
    # AND what is put into templates is checked to be of the closed lists, whose names are plain words
    assert all(re.fullmatch(r"[A-Za-z_]+", name.value) for name in [*Label, *RelationKind])
    with pytest.raises(TypeError):
        neo4j_graph._statement("MATCH (n:LABEL)", LABEL="Pod) DETACH DELETE (n")


@pytest.mark.parametrize("error", [neo4j.exceptions.DriverError("x"), neo4j.exceptions.ClientError("x")])
def test_failures_of_driver_and_server_are_told_in_one_sentence(error):
    with (
        pytest.raises(UnavailableError, match=r"^bolt://h: Neo4j (failed|rejected)"),
        neo4j_graph._told_in_one_sentence("bolt://h"),
    ):
        raise error
