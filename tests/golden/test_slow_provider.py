"""Slowness passes through callers that show nothing of it themselves."""

from __future__ import annotations

from tests.golden.town import Town


def slow_ledger(directory, *, is_called_on: bool) -> Town:
    """`entrance` calls `portal`, which calls `ledger`: its new pod has little CPU, and the probe of `entrance` fails.

    Args:
        directory: of the recording.
        is_called_on: whether `portal` calls `ledger`.
    """
    town = Town(directory)
    town.builder.service("portal", cluster_ip="10.2.0.2", at=0.3)
    town.workload("entrance", at=0.1)
    town.pod("entrance", "entrance-old-1", at=0.2, cgroup=3, ip="10.1.0.3")
    town.workload("ledger", at=30, resources={"limits": {"cpu": "10m"}})
    town.pod("ledger", "ledger-new-1", at=31, cgroup=11, ip="10.1.0.11", event="added")
    for second in range(1, 90, 4):
        town.call(3, "10.2.0.2", 9000, at=second)
        if is_called_on:
            town.call(2, "10.2.0.1", 9000, at=second + 0.1)
    town.waits("ledger-new-1", "cpu", share=0.9, begin=35, end=90)
    for second in (50, 60, 70):
        town.unhealthy("entrance-old-1", "Liveness", at=second)
    town.unhealthy("entrance-old-1", "", at=71, note="Container app failed liveness probe, will be restarted")
    return town


def test_the_change_that_made_a_provider_slow_explains_who_fails_two_calls_away(tmp_path):
    (finding,) = slow_ledger(tmp_path, is_called_on=True).analyze().findings
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "ledger")
    assert "entrance" in str(finding.chain[-1].what)


def test_slowness_of_what_nobody_on_the_way_calls_explains_nothing(tmp_path):
    findings = slow_ledger(tmp_path, is_called_on=False).analyze().findings
    assert findings
    assert "ledger" not in {
        finding.root_cause.name for finding in findings if "entrance" in " ".join(step.what for step in finding.chain)
    }
