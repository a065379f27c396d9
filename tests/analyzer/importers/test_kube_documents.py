"""Objects as kubectl writes them: JSON, YAML, many in a file, and between the logs of a cluster dump."""

from __future__ import annotations

import json

import pytest
import yaml

from analyzer.importers.kube_documents import KubeDocuments
from formats.rows.kube_json import Json

CREATED = "2026-11-20T10:00:00Z"
NANOS = 1_795_168_800_000_000_000


def pod(name: str, version: str = "1", **metadata: object) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": version, **metadata},
    }


def read(*texts: str) -> KubeDocuments:
    documents = KubeDocuments()
    for number, text in enumerate(texts):
        documents.add(text, f"file-{number}")
    return documents


def names(documents: KubeDocuments) -> dict[str, list[str]]:
    return {resource: [one["metadata"]["name"] for one in listed] for resource, listed in documents.by_resource()}


def listed(*objects: Json) -> Json:
    return {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": one["metadata"]} for one in objects]}


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump], ids=["json", "yaml"])
def test_list_and_single_object_are_read_from_json_and_yaml(write) -> None:
    # GIVEN / WHEN items of a list do not say what they are
    documents = read(write(listed(pod("a", creationTimestamp=CREATED), pod("b"))), write(pod("c")))
    # THEN
    assert names(documents) == {"pods": ["a", "b", "c"]}
    assert documents.newest_unix_nano == NANOS
    assert documents.unread == []


def test_newest_version_of_an_object_counts_whatever_file_it_is_in() -> None:
    # GIVEN / WHEN
    documents = read(
        json.dumps(pod("a", "10")), json.dumps(pod("a", "9")), json.dumps(pod("a", "11", labels={"x": "y"}))
    )
    # THEN
    ((_, (only,)),) = documents.by_resource()
    assert only["metadata"]["resourceVersion"] == "11"


def test_logs_of_a_cluster_dump_are_left_out() -> None:
    # GIVEN a log that looks like an object
    log = '==== START logs for container a of pod shop/a ====\n{"kind": "Pod"\nx\n==== END logs for container a of pod shop/a ====\n'
    # WHEN
    documents = read(f"{json.dumps(listed(pod('a')), indent=4)}\n{log}{json.dumps(pod('b'))}\n")
    # THEN
    assert names(documents) == {"pods": ["a", "b"]}
    assert documents.unread == []


def test_what_is_no_json_is_told_and_the_next_object_read() -> None:
    # GIVEN / WHEN
    documents = read(f"{json.dumps(pod('a'))}\nerror: you are not logged in\n{json.dumps(pod('b'))}")
    # THEN
    assert names(documents) == {"pods": ["a", "b"]}
    assert len(documents.unread) == 1


def test_several_yaml_documents_and_their_plain_words() -> None:
    # GIVEN / WHEN a version that YAML 1.1 would read as a number in base 60
    documents = read(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: on, labels: {at: 12:30}}\n---\nkind: Node\nmetadata:\n  name: n\n"
    )
    # THEN
    assert names(documents) == {"nodes": ["n"], "pods": ["on"]}


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "a: !!python/object:os.system {}\n", "a: [\n"])
def test_yaml_with_aliases_tags_or_mistakes_is_refused_and_told(text: str) -> None:
    # GIVEN / WHEN
    documents = read(text, json.dumps(pod("a")))
    # THEN
    assert names(documents) == {"pods": ["a"]}
    assert len(documents.unread) == 1


def test_what_has_no_name_is_left_to_be_counted_one_by_one() -> None:
    # GIVEN / WHEN two that are no objects
    documents = read(json.dumps({"kind": "PodList", "items": [{"metadata": {}}, {}]}))
    # THEN
    ((_, listed_ones),) = documents.by_resource()
    assert len(listed_ones) == 2


def test_many_torn_lines_are_told_once() -> None:
    # GIVEN / WHEN
    documents = read("{\n" * 50 + json.dumps(pod("a")))
    # THEN
    assert names(documents) == {"pods": ["a"]}
    assert len(documents.unread) == 1
