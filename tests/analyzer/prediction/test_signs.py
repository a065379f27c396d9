"""Early signs: an event of one symptom foretells another one, from the moment at which it became known."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model.engine import Engine
from analyzer.model.engine_tables import fact_columns
from analyzer.prediction.outcomes import Outcome
from analyzer.prediction.predict import predict_capture
from analyzer.prediction.signs import find_sign_alarms
from formats.capture.reading import open_capture
from formats.errors import KnowledgeError
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import BEGIN, CaptureBuilder, container_status, termination
from tests.analyzer.knowledge_text import check_text
from tests.analyzer.shipped_model import build_model

SECOND = 1_000_000_000
CRASH = """
kind: Symptom
name: crash
nature: symptom
condition: crashing
severity: error
title: "{entity} crashed"
from: container_termination
merge: 2m
foretells: [{symptom: looping, share: 0.6, within: 5m, after: AFTER}]
"""
LOOPING = """
kind: Symptom
name: looping
nature: symptom
condition: crashing
severity: error
title: "{entity} is in back-off"
from: container_waiting
"""


def crashes(folder, *received):
    """A container that crashes: the API server tells of it two seconds later."""
    builder = CaptureBuilder(folder)
    builder.pod("api-1", containers=[{"name": "api"}], statuses=[container_status("api", run_of="run 0")], at=0)
    for number, at in enumerate(received):
        ended = termination(at=at - 2, run_of=f"run {number}", started=at - 10)
        status = container_status("api", run_of=f"run {number + 1}", restarts=number + 1, last=ended, started=at)
        builder.pod("api-1", containers=[{"name": "api"}], statuses=[status], at=at)
    return builder.kube_object("ConfigMap", "last", {}, at=900).write()


def alarms_in(path, after, *, more=""):
    knowledge = check_text(CRASH.replace("AFTER", str(after)) + more, LOOPING)
    rule = knowledge.symptom("crash")
    with Engine(threads=1) as engine:
        build_model(open_capture(path), engine, wanted={"container_termination", "container_waiting"}).go_through()
        return list(find_sign_alarms(engine, rule, rule.foretells[0], fact_columns()))


def test_what_every_healthy_cluster_has_is_no_sign(tmp_path):
    path = crashes(tmp_path, 100, 400)
    assert len(alarms_in(path, 1)) == 2
    assert alarms_in(path, 1, more='ordinary: {when: "exit_code = 1"}') == []


SHIPPED = Path(__file__).parents[3] / "fixtures"


@pytest.mark.parametrize(
    ("capture", "sign", "lead"),
    [
        ("captures/bad-config-value-crashloop.tapio", "container-exited-with-error", 1),
        ("captures/liveness-cpu-throttle.tapio", "liveness-probe-failing", 10),
        ("captures/healthy-idle-jobs.tapio", None, 0),
        ("captures/healthy-rolling-update.tapio", None, 0),
    ],
)
def test_shipped_signs_come_true_where_something_fails_and_nothing_is_said_where_nothing_does(capture, sign, lead):
    _predictions, judged, _events = predict_capture(open_capture(SHIPPED / capture), shipped_knowledge())
    confirmed = [one for one in judged if one.outcome is Outcome.CONFIRMED]
    assert {one.issued.alarm.rule for one in judged} == ({sign} if sign else set())
    assert len(confirmed) == len(judged)
    assert all((one.happened_ns or 0) - one.issued.alarm.made_ns >= lead * SECOND for one in confirmed)


def test_a_sign_is_made_when_the_recorder_was_told_and_reaches_as_far_as_the_rule_says(tmp_path):
    (alarm,) = alarms_in(crashes(tmp_path, 100), 1)
    assert (alarm.made_ns, alarm.to_ns) == (BEGIN + 100 * SECOND, BEGIN + 400 * SECOND)
    assert (alarm.foretells, alarm.confidence) == (("looping",), 0.6)
    assert alarm.evidence[0].startswith("kube_object:node-1:")


def test_each_episode_gives_one_sign_at_its_event_of_that_number(tmp_path):
    path = crashes(tmp_path, 100, 150, 190, 600)
    assert [alarm.made_ns for alarm in alarms_in(path, 1)] == [BEGIN + 100 * SECOND, BEGIN + 600 * SECOND]
    assert [alarm.made_ns for alarm in alarms_in(path, 2)] == [BEGIN + 150 * SECOND]


def test_what_is_seen_in_one_part_after_the_other_cannot_be_a_sign():
    with pytest.raises(KnowledgeError, match=r"needs fact tcp_failure, which is computed for one part"):
        check_text(CRASH.replace("AFTER", "1"), LOOPING.replace("container_waiting", "tcp_failure"))
