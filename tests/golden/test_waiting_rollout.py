"""A rollout that waits for pods that do not become ready, while the old ones serve."""

from __future__ import annotations

import pytest

from tests.golden.town import Town

NOT_READY = [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]
WAITING = {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1, "unavailableReplicas": 1}
DONE = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


def town_that_changes(directory, *, at: float) -> Town:
    """A portal whose new pod is not ready while its old one serves."""
    town = Town(directory)
    change = {"env": [{"name": "MODE", "value": "strict"}]}
    town.workload("portal", at=at, **change)
    town.pod("portal", "portal-new-1", at=at + 1, conditions=NOT_READY, event="added")
    town.workload("portal", at=at + 2, status=WAITING, **change)
    for second in range(5, 40, 10):
        town.unhealthy("portal-new-1", "Readiness", at=at + second)
    return town


def test_a_rollout_that_waits_until_the_end_is_blamed_on_the_change(tmp_path):
    town = town_that_changes(tmp_path, at=30)
    town.builder.kube_object("ConfigMap", "end", {}, at=80)
    (finding,) = town.analyze().findings
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert "rollout-waiting" in [step.symptom for step in finding.chain]


@pytest.mark.parametrize(("ready_at", "end"), [(None, 70), (140, 200)], ids=["began-just-now", "slow-but-well"])
def test_a_rollout_that_may_still_succeed_or_did_is_no_incident(tmp_path, ready_at, end):
    town = town_that_changes(tmp_path, at=30)
    if ready_at is not None:
        town.workload("portal", at=ready_at, status=DONE, env=[{"name": "MODE", "value": "strict"}])
        town.pod("portal", "portal-new-1", at=ready_at)
    town.builder.kube_object("ConfigMap", "end", {}, at=end)
    assert town.analyze().findings == ()
