"""Callers that were scaled up overload what they call."""

from __future__ import annotations

import pytest

from fixtures.town.kernel import calls_grown, calls_steady, descriptors_in_use, processes_in_use
from tests.golden.town import Town


def overloaded_ledger(directory, *, replicas: int) -> Town:
    """A portal that is scaled at second 30, and a ledger, which it calls, that is killed by its probe soon after."""
    town = Town(directory)
    for second in range(1, 90, 4):
        town.call(2, "10.2.0.1", 9000, at=second)
    town.workload("portal", at=30, replicas=replicas)
    for second in (50, 60, 70):
        town.unhealthy("ledger-old-1", "Liveness", at=second)
    town.unhealthy("ledger-old-1", "", at=71, note="Container app failed liveness probe, will be restarted")
    return town


def test_the_callers_that_were_added_are_the_cause(tmp_path):
    (finding,) = overloaded_ledger(tmp_path, replicas=16).analyze().findings
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")


@pytest.mark.parametrize("replicas", [1, 0], ids=["as-many", "fewer"])
def test_callers_that_did_not_grow_are_not(tmp_path, replicas):
    findings = overloaded_ledger(tmp_path, replicas=replicas).analyze().findings
    assert [finding.root_cause.name for finding in findings] != []
    assert "portal" not in [finding.root_cause.name for finding in findings]


@pytest.mark.parametrize("spent", [descriptors_in_use, processes_in_use])
@pytest.mark.parametrize(("crawl", "blamed"), [(calls_grown, "crawler"), (calls_steady, "ledger")])
def test_callers_that_use_up_what_a_provider_has_are_the_cause(tmp_path, spent, crawl, blamed):
    # GIVEN a new workload that calls the ledger often, or now and then, and a ledger that runs out of something
    town = Town(tmp_path)
    crawl(town)
    spent(town)
    # THEN the ledger is only named where nobody called it more than before
    assert town.analyze().findings[0].root_cause.name.startswith(blamed)
