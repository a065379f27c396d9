"""Callers that get no answer: after a change of theirs, and as the daily life of a program that only sends."""

from __future__ import annotations

from pathlib import Path

from tests.golden.town import Town

SERVICE = "10.2.0.1"


def town_without_answers(directory: Path, *, since: int, asked: int = 120) -> Town:
    """The portal is replaced at second 30; from some second on it gets no answer of the ledger that it calls."""
    town = Town(directory)
    town.workload("portal", at=30, env=[{"name": "PATIENCE_MS", "value": "5"}])
    town.pod("portal", "portal-new-1", at=32, cgroup=12, ip="10.1.0.12", event="added")
    for second in range(1, 90, 2):
        portal = 12 if second >= 32 else 2
        town.call(portal, SERVICE, 9000, at=second)
        received = 0 if second >= since else 400
        columns = {"network.io.transmit_bytes": asked, "network.io.receive_bytes": received}
        peer = {"network.peer.address": SERVICE, "network.peer.port": 9000, "network.local.port": 40_000 + second}
        town.builder.tcp("close", at=second + 0.5, cgroup_id=portal, **peer, **columns)
    return town


def test_change_of_a_caller_after_which_it_gets_no_answer_is_the_cause(tmp_path: Path) -> None:
    # GIVEN / WHEN
    (finding,) = town_without_answers(tmp_path, since=36).analyze().findings
    # THEN
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "portal")
    assert finding.chain[-1].symptom == "calls-unanswered"


def test_program_that_is_never_answered_is_no_incident(tmp_path: Path) -> None:
    # GIVEN / WHEN / THEN
    assert town_without_answers(tmp_path, since=0).analyze().findings == ()


def test_connection_on_which_nothing_was_asked_needs_no_answer(tmp_path: Path) -> None:
    # GIVEN / WHEN / THEN such as a probe that only connects
    assert town_without_answers(tmp_path, since=36, asked=0).analyze().findings == ()
