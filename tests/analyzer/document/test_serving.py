"""Users are spared only where every Service of what failed had ready endpoints all the time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.document.serving import tell_endpoints
from tests.analyzed import document_of

FIXTURES = Path(__file__).parents[3] / "fixtures"
CAPTURES = FIXTURES / "captures"


@pytest.mark.parametrize(
    ("capture", "serving"),
    [
        ("bad-image-rollout", ["api"]),  # old pods serve
        ("configmap-missing-key", ["api"]),
        ("configmap-oom-crashloop", []),  # a Service was without endpoints
        ("memory-leak-oom", []),
    ],
)
def test_services_that_served_all_the_time_are_named(capture, serving):
    document = document_of(CAPTURES / f"{capture}.tapio")
    impact = document.findings[0].impact
    assert [document.entities[key].name for key in impact.serving] == serving
    assert not (impact.serving and impact.services)


@pytest.mark.parametrize(
    ("capture", "hit", "empty"),
    [
        ("captures/configmap-oom-crashloop", True, True),
        ("states/service-selects-another", True, False),  # the pods of another workload are its endpoints
    ],
)
def test_only_services_that_lost_their_endpoints_are_said_to_have_none(capture, hit, empty):
    impact = document_of(FIXTURES / f"{capture}.tapio").findings[0].impact
    assert (bool(impact.services), bool(impact.empty)) == (hit, empty)
    assert set(impact.empty) <= set(impact.services)


def test_a_finding_that_hit_nothing_is_not_looked_up(engine):
    finding = document_of(CAPTURES / "configmap-oom-crashloop.tapio").findings[0]
    harmless = replace(finding, impact=replace(finding.impact, services=(), workloads=()))
    # The engine has no table: a question would fail.
    assert tell_endpoints(engine, harmless) is harmless
