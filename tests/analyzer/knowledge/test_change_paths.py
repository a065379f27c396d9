"""Promises of the paths of change rules: they end at steps, stand for all below, and say where they are wrong."""

from __future__ import annotations

import duckdb
import pytest

from analyzer.knowledge.change_paths import parse_change_path

CASES = [
    ("data", ["data", "data.A", 'data["a.b"]', "data[0]"], ["database", "x.data", "binaryData"]),
    ("spec.replicas", ["spec.replicas"], ["specs.replicas", "spec.replicasOfMine", "spec", "specXreplicas"]),
    ("**.env", ["env", "spec.containers[name=a].env[name=B].value"], ["spec.envFrom", "spec.my-env", "a[name=x.environ]"]),
    ("spec.containers[*].image", ["spec.containers[name=a].image", "spec.containers[0].image"], ["spec.containers.image"]),
    ("spec.podCIDR*", ["spec.podCIDR", "spec.podCIDRs[0]"], ["spec.podIP", "spec.pod"]),
    ('metadata.annotations["a.b/*"]', ['metadata.annotations["a.b/c"]', 'metadata.annotations["a.b/"]'],
     ['metadata.annotations["aXb/c"]', 'metadata.annotations["x"].y["a.b/c"]', "metadata.annotations"]),
    ('**.annotations["a/b"]', ['annotations["a/b"]', 'spec.annotations["a/b"].x'], ['annotations["a/bc"]']),
    ("*.name", ["metadata.name"], ["a.b.name", "name"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "inside", "outside"), CASES, ids=[case[0] for case in CASES])
def test_path_stands_for_its_place_and_all_below_it_and_nothing_else(text, inside, outside):
    regex = parse_change_path(text).regex
    with duckdb.connect(config={"threads": 1}) as connection:
        for path, expected in [*((path, True) for path in inside), *((path, False) for path in outside)]:
            assert connection.execute("SELECT regexp_matches(?, ?)", [path, regex]).fetchone() == (expected,), path


@pytest.mark.parametrize(("text", "steps"), [("data", 1), ("**.env", 1), ("a.b[*].c", 4), ('a["b.c"]', 2)])
def test_steps_are_counted_without_those_that_may_be_any(text, steps):
    assert parse_change_path(text).steps == steps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "**",
        "**env",
        ".data",
        "a..b",
        "a.",
        "a.**.b",
        "a[0]",
        'a["]',
        "a['b']",
        "a b",
        "a.b'",
        "^spec",
        "a|b",
        '**["x"]',
    ],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ValueError, match="is not a path"):
        parse_change_path(text)
