"""Trends: what grows is foretold in time, what does not reach its limit is not, and nothing rests on the future."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.knowledge.files import shipped_files
from analyzer.knowledge.load import load_knowledge
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import fact_columns
from analyzer.prediction.trends import find_trend_alarms
from fixtures.prediction.cluster import follow_line
from formats.capture.reading import open_capture
from formats.errors import KnowledgeError
from tests.analyzer.capture_builder import BEGIN, CaptureBuilder
from tests.analyzer.knowledge_text import check_text
from tests.analyzer.prediction.lines import MIB, capture_of, judged_in
from tests.analyzer.shipped_model import build_model

SECOND = 1_000_000_000

TREND = """
kind: Trend
name: grows
meaning: "It is full."
title: "{entity} will be full"
from: memory_usage
series: [path]
quantity: QUANTITY
limit: limit_bytes
unit: By
foretells: [killed]
windows: [2m]
confidence: 0.9
"""
KILLED = """
kind: Symptom
name: killed
nature: symptom
condition: killed
severity: fatal
title: "{entity} was killed"
from: oom_kill
"""


def test_a_leak_is_foretold_minutes_before_the_kill_and_the_kill_is_in_the_interval(tmp_path):
    first, *_ = judged_in(capture_of(tmp_path, lambda t: 0.2 + 0.8 * t / 1_500))
    assert first.happened_ns is not None
    alarm = first.issued.alarm
    assert first.happened_ns - alarm.made_ns >= 120 * SECOND
    assert alarm.from_ns <= first.happened_ns <= alarm.to_ns
    assert first.entity.name == "worker-0/worker"
    # 0.8 of 256 MiB in 25 minutes.
    assert alarm.rate == pytest.approx(0.8 * 256 * MIB / 25, rel=0.01)
    assert all(row.startswith("memory:node-1:") for row in alarm.evidence)


@pytest.mark.parametrize(
    "line",
    [
        lambda t: 0.5 + 0 * t,
        lambda t: 0.3 + 0.5 * (t / 240 % 1),
        lambda t: 0.3 + 0.55 * (t / 60 % 1),
        lambda t: np.minimum(0.2 + 0.5 * t / 600, 0.7),
        lambda t: 0.1 + 0.75 * (1 - np.exp(-t / 300)),
        lambda t: 0.9 - 0.4 * t / 1_800,
        lambda t: np.where(t < 900, 0.2, 0.85),
        lambda t: 0.2 + 0.2 * t / 1_800,
    ],
    ids=["flat", "saw-tooth", "short-teeth", "stops", "cache", "shrinks", "step", "too-slow"],
)
def test_what_does_not_reach_its_limit_is_not_foretold(line, tmp_path):
    assert judged_in(capture_of(tmp_path, line)) == ()


def test_a_line_that_gives_memory_back_is_foretold_only_beyond_its_earlier_maximum(tmp_path):
    # The second tooth goes on to the limit: at the height of the first one, nothing is known yet.
    path = capture_of(tmp_path, lambda t: np.where(t < 800, 0.2 + 0.6 * t / 800, 0.2 + 0.85 * (t - 800) / 900))
    judged = judged_in(path)
    assert judged
    level = judged[0].issued.alarm.level
    assert level is not None
    assert level > 0.8 * 256 * MIB


def test_a_container_that_the_api_server_never_told_of_is_not_foretold(tmp_path):
    builder = CaptureBuilder(tmp_path)
    for at in range(0, 1_500, 5):
        usage = (20 + at // 6) * MIB
        figures = {"memory.usage_bytes": usage, "memory.working_set_bytes": usage, "memory.limit_bytes": 280 * MIB}
        builder.row("memory", "memory.sample", at, **{"cgroup.path": f"/kubepods/podabc/{'0' * 64}", **figures})
    assert judged_in(builder.write()) == ()


def test_after_the_kill_the_old_line_foretells_nothing(tmp_path):
    judged = judged_in(capture_of(tmp_path, lambda t: 0.2 + 0.8 * t / 600, seconds=700))
    killed_ns = judged[0].happened_ns
    assert killed_ns is not None
    assert all(one.issued.alarm.made_ns <= killed_ns for one in judged)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [1_300, 1_460])
def test_a_recording_that_ends_earlier_has_the_same_predictions_up_to_there(cut, tmp_path):
    (tmp_path / "cut").mkdir()
    whole = judged_in(capture_of(tmp_path, lambda t: 0.2 + 0.8 * t / 1_500))
    part = judged_in(_cut_capture(tmp_path / "cut", lambda t: 0.2 + 0.8 * t / 1_500, cut))
    assert [one.issued for one in part] == [
        one.issued for one in whole if one.issued.alarm.made_ns <= BEGIN + cut * SECOND
    ]


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.2, 1))
def test_whatever_the_lines_a_prefix_has_a_prefix_of_the_predictions(seed, share, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    random = np.random.default_rng(seed)
    until, wobble, period = random.uniform(300, 1_500), random.uniform(0, 0.1), random.uniform(30, 600)

    def line(t):
        return 0.2 + 0.8 * t / until + wobble * np.sin(t / period)

    whole = judged_in(capture_of(folder, line))
    cut = round(1_800 * share)
    (folder / "cut").mkdir()
    part = judged_in(_cut_capture(folder / "cut", line, cut))
    assert [one.issued for one in part] == [
        one.issued for one in whole if one.issued.alarm.made_ns <= BEGIN + cut * SECOND
    ]


def test_an_expression_that_fails_on_what_was_recorded_names_its_place(tmp_path):
    knowledge = check_text(TREND.replace("QUANTITY", "usage_bytes * 900000000000000"), KILLED)
    capture = open_capture(capture_of(tmp_path, lambda t: 0.2 + 0.2 * t / 600, seconds=300))
    with Engine(threads=1) as engine:
        build_model(capture, engine, wanted={"memory_usage"}).go_through()
        with pytest.raises(KnowledgeError, match=r"own.yaml:7:11: trend `grows` fails on this capture"):
            list(find_trend_alarms(engine, knowledge.trends[0], fact_columns()))


def _cut_capture(folder, line, cut):
    """The recording of `capture_of`, as it was after `cut` seconds: without the rows that came later."""
    builder = _CutBuilder(folder, cut)
    follow_line(builder, "worker", line, limit=256 * MIB, seconds=1_800)
    return builder.kube_object("ConfigMap", "last", {}, at=cut).write()


class _CutBuilder(CaptureBuilder):
    """A recording that leaves out what comes after a second."""

    def __init__(self, directory, cut):
        super().__init__(directory)
        self._cut = cut

    def row(self, table, event_name, at=None, **columns):
        if at is not None and at > self._cut:
            return self
        return super().row(table, event_name, at, **columns)


def test_every_shipped_trend_is_among_the_shipped_rules():
    trends = load_knowledge(shipped_files()).trends
    assert {trend.name for trend in trends} >= {"memory-reaches-limit"}
    assert all(trend.meaning.endswith(".") for trend in trends)
    assert all(action.endswith(".") for trend in trends for action in trend.actions)
