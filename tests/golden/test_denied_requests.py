"""Requests that are denied: an incident where they were answered before, and the daily life of a server where not."""

from __future__ import annotations

import pytest

from tests.golden.town import Town


def town_that_denies(directory, *, since: int, status: int = 401) -> Town:
    """A ledger that is replaced at second 30, and from some second on denies the requests of the portal."""
    town = Town(directory)
    town.workload("ledger", at=30, env=[{"name": "AUTH", "value": "required"}])
    town.pod("ledger", "ledger-new-1", at=32, cgroup=11, ip="10.1.0.11", event="added")
    for second in range(1, 90, 2):
        town.call(2, "10.2.0.1", 9000, at=second)
    for second in range(since, 90, 2):
        columns = {"http.response.status_code": status, "count": 2}
        server = 11 if second >= 32 else 1
        town.builder.row(
            "request", "request.responses", second, cgroup_id=server, **columns, **{"request.side": "server"}
        )
        town.builder.row("request", "request.responses", second, cgroup_id=2, **columns, **{"request.side": "client"})
    return town


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_change_after_which_requests_are_denied_is_the_cause(tmp_path, status):
    (finding, *_rest) = town_that_denies(tmp_path, since=40, status=status).analyze().findings
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "ledger")
    assert [step.symptom for step in finding.chain][-2:] == ["requests-denied", "answers-denied"]


def test_requests_that_were_denied_all_along_are_no_incident(tmp_path):
    assert town_that_denies(tmp_path, since=1).analyze().findings == ()
