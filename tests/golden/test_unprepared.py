"""Incidents that no cause or pattern was written for: mechanisms and contrast name the change that began them."""

from __future__ import annotations

from tests.golden.town import Town


def test_variable_that_points_to_a_closed_port_is_blamed_for_the_refused_connections_and_the_failed_requests(tmp_path):
    # GIVEN a portal whose new pod gets another address of its backend, on which nobody listens
    town = Town(tmp_path)
    town.call(2, "10.2.0.1", 9000, at=1)
    town.workload("portal", at=30, env=[{"name": "BACKEND", "value": "10.2.0.1:9999"}])
    town.pod("portal", "portal-new-1", at=32, cgroup=12, ip="10.1.0.12", event="added")
    for second in range(40, 90, 2):
        town.call(12, "10.2.0.1", 9999, at=second, refused=True)
        town.responses(12, 502, at=second + 0.5)
    # WHEN
    (finding, *_rest) = town.analyze().findings
    # THEN
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert [step.symptom for step in finding.chain] == [
        "workload-spec-changed",
        "connections-refused",
        "requests-failing",
    ]


def test_caller_that_is_killed_for_a_slow_backend_is_the_effect_of_the_change_that_slowed_it(tmp_path):
    # GIVEN a backend with a new CPU limit, whose caller fails its probes before the backend itself is found slow
    town = Town(tmp_path)
    for second in range(1, 90, 4):
        town.call(2, "10.2.0.1", 9000, at=second)
    town.workload("ledger", at=30, resources={"limits": {"cpu": "10m"}})
    town.pod("ledger", "ledger-new-1", at=32, cgroup=11, ip="10.1.0.11", event="added")
    for second in range(50, 80, 10):
        town.unhealthy("portal-old-1", "Liveness", at=second)
        town.unhealthy("ledger-new-1", "Liveness", at=second + 8)
    town.unhealthy("portal-old-1", "", at=81, note="Container app failed liveness probe, will be restarted")
    town.unhealthy("ledger-new-1", "", at=89, note="Container app failed liveness probe, will be restarted")
    # WHEN
    findings = town.analyze().findings
    # THEN one story is told, and it begins with the change
    assert [(one.root_cause.kind, one.root_cause.name) for one in findings] == [("Deployment", "ledger")]


def test_failed_requests_without_a_recorded_cause_are_told_with_what_was_considered(tmp_path):
    # GIVEN errors of the old pods, and a change of a workload that they do not belong to
    town = Town(tmp_path)
    for second in range(20, 90, 2):
        town.responses(1, 500, at=second + 0.5)
    town.workload("portal", at=60, env=[{"name": "COLOR", "value": "green"}])
    # WHEN
    (finding,) = town.analyze().findings
    # THEN nothing is blamed
    assert finding.pattern == "unexplained"
    assert finding.confidence < 0.5
    assert any(
        "portal" in statement.what and "after the failure began" in statement.what for statement in finding.supported_by
    )


def test_change_is_not_blamed_for_what_its_workload_showed_before_it(tmp_path):
    # GIVEN a portal that fails before its change, and whose new pod fails in the same way
    town = Town(tmp_path)
    for second in range(5, 30, 2):
        town.call(2, "10.2.0.1", 9999, at=second, refused=True)
    town.workload("portal", at=40, env=[{"name": "COLOR", "value": "green"}])
    town.pod("portal", "portal-new-1", at=42, cgroup=12, ip="10.1.0.12", event="added")
    for second in range(45, 90, 2):
        town.call(12, "10.2.0.1", 9999, at=second, refused=True)
    # WHEN THEN
    findings = town.analyze().findings
    assert [finding.pattern for finding in findings] == ["unexplained"] * len(findings)
    assert findings
