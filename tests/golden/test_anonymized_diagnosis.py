"""An anonymized capture gives the same diagnosis, up to names."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.sharing.sharing import anonymize_capture
from tests.analyzed import document_of
from tests.sweeps import share

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

FIXTURES = Path(__file__).parents[2] / "fixtures"
RECORDINGS = (
    "incidents/demo",
    "incidents/stops-listening",
    "captures/configmap-missing-key",
    "captures/db-readiness-cascade",
    "captures/liveness-cpu-throttle",
    "captures/node-notready-eviction",
    "captures/quota-failedcreate",
    "captures/healthy-rolling-update",
    "states/connections-exhausted",
    "states/healthy",
    # What the first way of anonymizing lost: words of messages, and the likeness of a misspelt host.
    "states/address-host",
    "states/priority-class-missing",
    "town/role-binding-deleted",
    "town/priority-class-deleted",
    "town/budget-stops-eviction",
    "town/claim-deleted",
    "town/route-changed",
    "town/policy-of-provider-closed",
    "town/runtime-suspended",
    "town/quota-taken",
    "town/http-route-changed",
    "town/autoscalers-disagree",
    "standing/admission-quota-unstated",
    "town/default-storage-class-deleted",
    "standing/scheduling-anti-affinity",
    "standing/scheduling-cordon-recorded",
    "standing/scheduling-cpu-request",
    "standing/scheduling-node-affinity",
    "standing/scheduling-node-selector",
    "standing/scheduling-taint",
    "standing/scheduling-topology-spread",
    "standing/scheduling-volume-node",
)


def _diagnosis(path: Path) -> list[tuple[object, ...]]:
    """All of the findings but the names."""
    document = document_of(path)
    # Numbers of symptoms follow ids where two began at once, and ids are renamed.
    told = {symptom.id: (symptom.begin, symptom.name, symptom.count) for symptom in document.symptoms}
    return [
        (
            finding.pattern,
            finding.category,
            finding.confidence,
            finding.root_cause.kind,
            finding.root_cause.time,
            [(step.symptom, step.time, step.entity.kind, step.edge) for step in finding.chain],
            sorted(told[symptom] for symptom in finding.also),
            len(finding.impact.services),
            len(finding.impact.pods),
        )
        for finding in document.findings
    ]


@pytest.mark.parametrize("name", share(RECORDINGS))
def test_anonymized_capture_gives_the_same_diagnosis(tmp_path, name):
    # GIVEN a recording and its anonymized copy
    source = FIXTURES / f"{name}.tapio"
    shared = tmp_path / "shared.tapio"
    anonymize_capture(source, shared, key=b"k" * 32)
    # WHEN both are analyzed THEN the findings differ in names only
    assert _diagnosis(shared) == _diagnosis(source)
