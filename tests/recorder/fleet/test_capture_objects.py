"""What a Capture says, read with suspicion, and what the recorder writes fits the schema of deploy/kubernetes."""

from __future__ import annotations

import re
from concurrent.futures import Future
from pathlib import Path

import jsonschema
import pytest
import yaml

from recorder.fleet.capture_objects import (
    CAPTURES,
    CaptureVersions,
    make_capture,
    read_metadata,
    read_order,
    summarize,
)
from recorder.fleet.participation import _failed_entry, _frozen_entry
from recorder.store.captures import AUTOMATIC, check_capture_name
from recorder.store.freeze import FreezeResult, TriggeredFreeze
from tests.recorder.fleet.nodes import NOW, SECOND, capture

DEFINITION = yaml.safe_load((Path(__file__).parents[3] / "deploy/kubernetes/base/capture.yaml").read_text())
(VERSION,) = DEFINITION["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def to_python(schema):
    """The schema with patterns as Python writes them, and unknown fields refused instead of dropped."""
    if isinstance(schema, list):
        return [to_python(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: to_python(value) for key, value in schema.items()}
    if isinstance(found.get("pattern"), str):
        found["pattern"] = found["pattern"].replace("[:cntrl:]", r"\x00-\x1f\x7f").replace("$", r"\Z")
    if "spec" in found.get("properties", {}):
        for part in ("spec", "status"):
            found["properties"][part]["additionalProperties"] = False
    return found


VALIDATOR = jsonschema.Draft202012Validator(to_python(SCHEMA))


def triggered(reason="cache was killed", key="oom-kill"):
    return TriggeredFreeze(key, reason, NOW, 600 * SECOND, 1_500_000_000, Future())


def test_the_definition_names_what_the_recorder_asks_for():
    spec = DEFINITION["spec"]
    assert f"{spec['group']}/{VERSION['name']}" == CAPTURES.api_version
    assert (spec["names"]["plural"], spec["names"]["kind"]) == (CAPTURES.plural, CAPTURES.kind)
    assert spec["names"]["shortNames"] == ["tcap"]
    assert DEFINITION["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert VERSION["subresources"] == {"status": {}}


def test_what_recorders_write_fits_the_schema():
    made = make_capture(triggered(reason="x" * 900 + "\x1b\n"), "node-a", 300 * SECOND)
    assert list(VALIDATOR.iter_errors(made)) == []
    result = FreezeResult("/var/lib/tapio/captures/auto-oom-kill-20261122T032000.000Z.tapio", 5, 1, 1, 2, 3, 4, "why")
    entries = {
        "node-a": _frozen_entry(FreezeResult(**{**vars_of(result), "sha256": "0" * 64}), (0, 0)),
        "node-b": _failed_entry("y" * 900 + "\n"),
        "node-c": {"state": "Freezing"},
    }
    status = {**summarize({"status": {"nodes": entries}}), "nodes": entries}
    assert list(VALIDATOR.iter_errors({**made, "status": status})) == []


def vars_of(result):
    return {name: getattr(result, name) for name in result.__dataclass_fields__}


@pytest.mark.parametrize(
    "spec",
    [
        {"beforeSeconds": -1},
        {"beforeSeconds": 604_801},
        {"afterSeconds": 3_601},
        {"afterSeconds": "10m"},
        {"at": "tomorrow"},
        {"at": "2026-11-22T03:20:00+01:00"},
        {"reason": "two\nlines"},
        {"reason": "x" * 501},
        {"nodes": ["../a"]},
        {"nodes": ["a b"]},
        {"nodes": "node-a"},
        {"command": "rm"},
    ],
)
def test_the_schema_refuses_other_windows_and_names(spec):
    assert list(VALIDATOR.iter_errors({**capture("night"), "spec": spec}))


@pytest.mark.parametrize("name", ["../x", "a.tapio", "A", "-a", "x" * 64])
def test_the_schema_refuses_names_that_are_no_file_names(name):
    assert list(VALIDATOR.iter_errors(capture(name)))


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "x.tapio", "/var/../x.tapio", "/a/.tapio", "/a b.tapio", "/a//b.tapio"]
)
def test_the_schema_refuses_paths_that_are_no_captures(path):
    status = {"nodes": {"a": {"state": "Frozen", "file": path}}}
    assert list(VALIDATOR.iter_errors({**capture("night"), "status": status}))


def test_every_pattern_is_one_that_old_api_servers_understand():
    text = (Path(__file__).parents[3] / "deploy/kubernetes/base/capture.yaml").read_text()
    assert "x-kubernetes-validations" not in text, "CEL came with Kubernetes 1.25"
    for pattern in re.findall(r"pattern: '(.*)'", text):
        assert pattern.startswith("^")
        assert pattern.endswith("$"), "a Go pattern without ends matches a part"
        assert "(?" not in pattern


def test_the_name_of_an_automatic_capture_makes_a_file_that_may_be_deleted(tmp_path):
    made = make_capture(triggered(key="very_Long" * 20), "node-a", 300 * SECOND)
    seen = read_metadata(
        {"metadata": {**made["metadata"], "uid": "../A1b2-3", "creationTimestamp": "2026-11-22T03:20:00Z"}}
    )
    assert len(seen.name) <= 63
    assert seen.file_stem.startswith(AUTOMATIC)
    assert seen.file_stem.endswith("-1b23")
    assert check_capture_name(tmp_path, seen.file_stem, ()) == seen.file_stem


def test_captures_are_given_once_and_forgotten_when_they_are_gone():
    # GIVEN two pages of a list
    versions = CaptureVersions()
    objects = [
        {"metadata": {"name": name, "uid": name, "creationTimestamp": "2026-11-22T03:20:00Z"}} for name in ("a", "b")
    ]
    versions.begin_list()
    assert [seen.name for page in objects for seen in versions.list_page([page])] == ["a", "b"]
    assert versions.end_list() == []
    # WHEN they change, come again, and one is deleted
    assert versions.told("MODIFIED", objects[0]) is None
    assert versions.told("ADDED", {"metadata": {**objects[0]["metadata"], "uid": "c", "name": "a"}}).uid == "c"
    assert versions.told("DELETED", objects[1]) is None
    # THEN
    assert sorted(seen.uid for seen in versions.snapshot()) == ["a", "c"]
    versions.begin_list()
    versions.list_page([objects[0]])
    versions.end_list()
    assert versions.known == 1


@pytest.mark.parametrize(
    "raw", [None, [], "x", {}, {"metadata": {"name": "a"}}, {"metadata": {"name": "a", "uid": "b"}}]
)
def test_what_is_no_capture_is_rejected(raw):
    versions = CaptureVersions()
    assert versions.told("ADDED", raw) is None
    assert versions.rejected == 1


def test_fields_of_wrong_types_read_as_absent():
    seen = read_metadata({"metadata": {**capture("a")["metadata"], "uid": "u"}})
    order = read_order({"spec": {"at": 5, "beforeSeconds": "x", "nodes": 7, "reason": []}, "status": 3}, seen, "n")
    assert order.window_unix_nano == (NOW - 600 * SECOND, NOW + 30 * SECOND)
    assert (order.concerns_node, order.is_done, order.reason) == (True, False, "Capture a")
