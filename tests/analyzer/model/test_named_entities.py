"""Promises of `analyzer.model.named_entities`: a question in anybody's spelling finds the objects that it means."""

from __future__ import annotations

import pytest

from analyzer.model.named_entities import MAX_ENTITIES, NamedEntity, Names, find_named_entities, suggest_names

API = NamedEntity("Deployment/d1", "Deployment", "shop", "api", None, "Deployment/d1")
POD = NamedEntity("Pod/p1", "Pod", "shop", "api-1", "Pod/p1", "Deployment/d1")
CONTAINER = NamedEntity("Container/p1/web", "Container", "shop", "api-1/web", "Pod/p1", "Deployment/d1")
PROCESS = NamedEntity("Process/node-a/4711/99", "Process", "shop", "web (4711)", "Pod/p1", "Deployment/d1")
SERVICE = NamedEntity("Service/s1", "Service", "shop", "front", None, None)
OTHER = NamedEntity("Service/s2", "Service", "bank", "front", None, None)
NODE = NamedEntity("Node/node-a", "Node", None, "node-a", None, None)
SHOP = NamedEntity("Namespace/n1", "Namespace", None, "shop", None, None)
PROBE = NamedEntity("Process/node-a/4712/99", "Process", "shop", "cat (4712)", None, None)
CUSTOM = NamedEntity("Rollout/r1", "Rollout", "bank", "canary", None, None)
NAMES = Names(
    (API, POD, CONTAINER, PROCESS, PROBE, SERVICE, OTHER, NODE, SHOP, CUSTOM),
    (
        ("Service/s1", "Pod/p1"),
        ("Node/node-a", "Pod/p1"),
        ("Process/node-a/4711/99", "Container/p1/web"),
        ("Process/node-a/4712/99", "Pod/p1"),
    ),
    (("containerd://c0ffeec0ffee1234", "Container/p1/web"),),
)
OF_THE_POD = {POD.entity_id, CONTAINER.entity_id, PROCESS.entity_id}


@pytest.mark.parametrize(
    ("question", "entity"),
    [
        ("deploy/api", API),
        ("Deployment/shop/api", API),
        ("api", API),
        ("pod/api-1", POD),
        ("container/api-1/web", CONTAINER),
        ("web", CONTAINER),
        ("4711", PROCESS),
        ("c0ffeec0ffee", CONTAINER),
        ("containerd://c0ffeec0ffee1234", CONTAINER),
        ("svc/bank/front", OTHER),
        ("no/node-a", NODE),
        ("deployments.apps/api", API),
        ("deployment.v1.apps/shop/api", API),
        ("shop/api", API),
        ("bank/front", OTHER),
        ("bank/svc/front", OTHER),
        ("rollout/canary", CUSTOM),
    ],
)
def test_every_spelling_of_a_name_means_the_object(question: str, entity: NamedEntity) -> None:
    named = find_named_entities(NAMES, question)
    assert named is not None
    assert entity.entity_id in named.entity_ids
    assert len(named.names) == 1
    assert named.names[0].endswith(entity.name)


@pytest.mark.parametrize(
    "question", ["deploy/api-1", "pod/bank/api-1", "471", "c0ffee", "deadbeefdead", "", "4711/x", "svc/shop/fron"]
)
def test_what_is_not_recorded_is_not_found(question: str) -> None:
    assert find_named_entities(NAMES, question) is None


def test_a_name_of_several_objects_means_all_of_them() -> None:
    named = find_named_entities(NAMES, "svc/front")
    assert named is not None
    assert named.names == ("Service bank/front", "Service shop/front")


@pytest.mark.parametrize(
    ("question", "own", "related"),
    [
        ("deploy/api", {API.entity_id, *OF_THE_POD}, set()),
        ("pod/api-1", OF_THE_POD, set()),
        ("ns/shop", {SHOP.entity_id, API.entity_id, SERVICE.entity_id, PROBE.entity_id, *OF_THE_POD}, set()),
        ("svc/shop/front", {SERVICE.entity_id}, OF_THE_POD),
        ("node/node-a", {NODE.entity_id}, OF_THE_POD),
        ("4711", {PROCESS.entity_id}, {CONTAINER.entity_id}),
        ("4712", {PROBE.entity_id}, {POD.entity_id}),
    ],
)
def test_an_object_answers_for_what_is_inside_of_it_and_for_what_it_serves(
    question: str, own: set[str], related: set[str]
) -> None:
    named = find_named_entities(NAMES, question)
    assert named is not None
    assert (named.entity_ids, named.related_ids) == (own, related)


def test_of_too_many_objects_of_a_name_the_latest_are_meant() -> None:
    pods = tuple(NamedEntity(f"Pod/{number}", "Pod", "shop", "web", None, None) for number in range(MAX_ENTITIES + 1))
    named = find_named_entities(Names(pods, (), ()), "web")
    assert named is not None
    assert named.entity_ids == {pod.entity_id for pod in pods[:MAX_ENTITIES]}


def test_namespace_beside_the_question_is_that_of_the_object() -> None:
    named = find_named_entities(NAMES, "svc/front", namespace="bank")
    assert named is not None
    assert named.names == ("Service bank/front",)
    # AND what the question says itself counts more
    said = find_named_entities(NAMES, "svc/shop/front", namespace="bank")
    assert said is not None
    assert said.names == ("Service shop/front",)


def test_what_is_suggested_can_be_asked_for() -> None:
    assert suggest_names(NAMES, "deploy/apy")[0] == "deployment/shop/api"
    assert "node/node-a" in suggest_names(NAMES, "no/ode")
    assert suggest_names(NAMES, "svc/nowhere/front")[:2] == ("service/shop/front", "service/bank/front")
    assert suggest_names(NAMES, "deploy/front")[0].endswith("/front")
    for entity in NAMES.entities:
        for suggested in suggest_names(NAMES, entity.name):
            assert find_named_entities(NAMES, suggested) is not None
