"""Users are spared only where every Service of what failed had ready endpoints all the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.document.serving import tell_serving
from tests.analyzed import document_of

CAPTURES = Path(__file__).parents[3] / "fixtures" / "captures"


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


def test_a_finding_with_a_service_without_endpoints_stays_as_it_is(engine):
    finding = document_of(CAPTURES / "configmap-oom-crashloop.tapio").findings[0]
    assert finding.impact.services
    # The engine has no table: a question would fail.
    assert tell_serving(engine, finding) is finding
