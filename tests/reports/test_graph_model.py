"""The property graph of a document: closed labels, unique keys, what is foreign kept as a property."""

from __future__ import annotations

import dataclasses

from reports.graph_model import Label, RelationKind, graph_of


def test_foreign_kinds_become_resources_and_foreign_relations_keep_their_name(incident):
    # GIVEN a custom resource, a relation that nobody foresaw, and an entity named after one of our own labels
    entities = dict(incident.entities)
    key, other, third = list(entities)[:3]
    entities[key] = dataclasses.replace(entities[key], kind="Rollout")
    entities[other] = dataclasses.replace(entities[other], kind="Event")
    relation = dataclasses.replace(incident.relations[0], kind="HAUNTS", source=key, target=third)
    # WHEN the graph is made
    graph = graph_of(dataclasses.replace(incident, entities=entities, relations=(relation,)))
    # THEN both are there as what they are
    nodes = {(node.label, node.key): node for node in graph.nodes}
    assert nodes[Label.RESOURCE, key].properties["kind"] == "Rollout"
    assert nodes[Label.RESOURCE, other].properties["kind"] == "Event"
    kinds = [r.properties["kind"] for r in graph.relations if r.kind is RelationKind.RELATES_TO]
    assert kinds == ["HAUNTS"]


def test_relations_end_at_nodes_of_the_graph_and_keys_are_unique(incident, hostile):
    for document in (incident, hostile):
        graph = graph_of(document)
        nodes = {(node.label, node.key) for node in graph.nodes}
        assert len(nodes) == len(graph.nodes)
        assert len({(relation.kind, relation.key) for relation in graph.relations}) == len(graph.relations)
        for relation in graph.relations:
            assert (relation.source_label, relation.source) in nodes
            assert (relation.target_label, relation.target) in nodes


def test_digest_tells_documents_apart(incident, calm):
    assert graph_of(incident).digest == graph_of(incident).digest != graph_of(calm).digest
