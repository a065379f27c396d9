"""The judge of analyses is judged: what it must accept, and what it must not let pass."""

from typing import Any

import pytest

from fixtures.lab.incident import Effect, RootCause
from fixtures.lab.score import belongs_to_workload, find_differences
from fixtures.lab.truth import Truth

TRUTH = Truth(
    incident="demo",
    namespace="shop",
    root_cause=RootCause(("ConfigMap",), "cache-config"),
    chain=(Effect("cache", "OOM"), Effect("cache", "crash loop"), Effect("api", "no cache"), Effect("frontend", "502")),
    decoys=(("Deployment", "docs"), ("ConfigMap", "feature-flags")),
)


def entity(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "namespace": "shop", "name": name}


def finding(kind: str, name: str, *chain: tuple[str, str]) -> dict[str, Any]:
    return {
        "pattern": "config-drift",
        "title": "",
        "root_cause": entity(kind, name),
        "chain": [{"entity": entity(*step)} for step in ((kind, name), *chain)],
    }


RIGHT = finding(
    "ConfigMap",
    "cache-config",
    ("Container", "cache-6d-x/cache"),
    ("Container", "cache-6d-x/cache"),
    ("Pod", "api-5f-y"),
    ("Deployment", "frontend"),
)


def test_right_analysis_has_no_differences() -> None:
    # GIVEN / WHEN / THEN
    assert find_differences({"findings": [RIGHT]}, TRUTH) == []


@pytest.mark.parametrize(
    ("findings", "word"),
    [
        ([], "finds nothing"),
        ([RIGHT, finding("Deployment", "docs")], "also finds"),
        ([RIGHT, finding("Deployment", "docs")], "innocent"),
        ([finding("ConfigMap", "feature-flags", *[("Pod", "api-5f-y")] * 4)], "root cause is ConfigMap"),
        ([finding("ConfigMap", "cache-config", ("Pod", "cache-1"), ("Pod", "api-1"))], "lacks"),
        ([{**RIGHT, "chain": [*RIGHT["chain"], {"entity": entity("Pod", "docs-77-a")}]}], "innocent"),
        ([{**RIGHT, "chain": RIGHT["chain"][::-1]}], "at its place"),
    ],
)
def test_wrong_analysis_is_told_what_is_wrong(findings: list[dict[str, Any]], word: str) -> None:
    # GIVEN / WHEN
    differences = find_differences({"findings": findings}, TRUTH)
    # THEN
    assert any(word in difference for difference in differences), differences


def test_any_finding_about_a_healthy_period_is_wrong() -> None:
    # GIVEN
    healthy = Truth("healthy", "shop", None, (), ())
    # WHEN / THEN
    assert find_differences({"findings": []}, healthy) == []
    assert find_differences({"findings": [RIGHT]}, healthy)


def test_config_map_named_after_a_workload_is_none_of_its_parts() -> None:
    # GIVEN / WHEN / THEN
    assert belongs_to_workload(entity("Process", "cache (77)"), "cache")
    assert not belongs_to_workload(entity("ConfigMap", "cache-config"), "cache")
    assert not belongs_to_workload(entity("Pod", "cachet-1"), "cache")
