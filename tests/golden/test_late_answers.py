"""Answers that take long: an incident where they did not before, although nothing fails, and daily life where they did."""

from __future__ import annotations

import pytest

from tests.golden.town import Town

LEDGER, PORTAL, NEW_LEDGER = 1, 2, 11
END_S = 100


def town_that_waits(directory, *, since: int, until: int = END_S, at_least_ms: int = 256) -> Town:
    """A ledger whose answers, and with it those of the portal, take long from some second on."""
    town = Town(directory)
    for second in range(1, END_S):
        town.call(PORTAL, "10.2.0.1", 9000, at=second)
        for server in (LEDGER, PORTAL):
            town.responses(server, 200, at=second + 0.3, at_least_ms=at_least_ms if since <= second < until else 0)
    return town


@pytest.mark.parametrize(("at_least_ms", "took"), [(256, "256 ms"), (1_024, "1 s"), (16_384, "4 s")])
def test_late_answers_without_any_failure_are_an_incident_that_begins_where_the_last_one_waits(
    tmp_path, at_least_ms, took
):
    (finding, *others) = town_that_waits(tmp_path, since=40, at_least_ms=at_least_ms).analyze().findings
    assert not others
    assert finding.pattern is None or finding.pattern == "unexplained"
    assert [step.entity.kind for step in finding.chain] == ["Container", "Container"]
    assert "ledger" in finding.chain[0].entity.name
    assert f"took {took} or more for" in finding.chain[0].what


@pytest.mark.parametrize(
    ("since", "until", "at_least_ms"),
    [(0, END_S, 1_024), (40, 60, 1_024), (40, END_S, 64), (5, END_S, 1_024)],
    ids=["all along", "for a while", "not for long enough to notice", "before anything else is known"],
)
def test_what_is_always_late_or_shortly_is_no_incident(tmp_path, since, until, at_least_ms):
    assert town_that_waits(tmp_path, since=since, until=until, at_least_ms=at_least_ms).analyze().findings == ()


def test_a_change_after_which_answers_are_late_is_the_cause(tmp_path):
    # GIVEN a ledger whose ConfigMap is edited at second 38
    town = town_that_waits(tmp_path, since=40)
    spec = {"volumes": [{"name": "settings", "configMap": {"name": "settings"}}]}
    town.pod("ledger", "ledger-old-1", at=0.6, ip="10.1.0.1", spec=spec)
    for second, pool in ((0.7, "20"), (38, "1")):
        town.builder.kube_object("ConfigMap", "settings", {"data": {"POOL": pool}}, at=second)
    # WHEN
    (finding, *others) = town.analyze().findings
    # THEN
    assert not others
    assert (finding.root_cause.kind, finding.root_cause.name) == ("ConfigMap", "settings")
    assert [step.symptom for step in finding.chain] == ["config-changed", "answers-late", "answers-late"]


def test_a_new_version_is_compared_with_the_pods_before_it_once_it_is_warm(tmp_path):
    # GIVEN a ledger that is replaced at second 30, and whose new pod is late from its tenth second on, or only in it
    for name, lasts in (("late", END_S), ("warm", 42)):
        directory = tmp_path / name
        directory.mkdir()
        town = Town(directory)
        town.workload("ledger", at=30, args=["--v2"])
        town.pod("ledger", "ledger-new-1", at=32, cgroup=NEW_LEDGER, ip="10.1.0.11", event="added")
        for second in range(1, END_S):
            town.call(PORTAL, "10.2.0.1", 9000, at=second)
            server = NEW_LEDGER if second >= 34 else LEDGER
            town.responses(server, 200, at=second + 0.3, at_least_ms=1_024 if 34 <= second < lasts else 0)
        # WHEN
        findings = town.analyze().findings
        # THEN
        roots = [(finding.root_cause.kind, finding.root_cause.name) for finding in findings]
        assert roots == ([("Deployment", "ledger")] if name == "late" else [])
