"""Calls that only an instrumented program tells of lead to what broke them."""

from __future__ import annotations

from pathlib import Path

from fixtures.town.programs import spans_failing, spans_succeeding
from tests.golden.town import Town


def test_queries_that_fail_lead_to_the_release_that_broke_their_server(tmp_path: Path):
    town = Town(tmp_path)
    spans_failing(town)
    document = town.analyze()

    (finding,) = document.findings
    assert finding.pattern == "bad-release"
    assert finding.title == "The new version of Deployment ledger fails"
    told = {symptom.name: symptom for symptom in document.symptoms if symptom.finding == 1}
    assert {"operations-failing", "own-operations-failing", "container-crash-looping"} <= told.keys()
    assert (
        told["operations-failing"].what
        == "54 calls of Container portal-old-1/app failed (postgresql SELECT: OperationalError)"
    )
    assert told["operations-failing"].evidence[0].startswith("otlp:node-1:")


def test_queries_that_fail_for_a_moment_are_no_finding(tmp_path: Path):
    town = Town(tmp_path)
    spans_succeeding(town)
    assert town.analyze().findings == ()
