"""A prediction is said once, again when it changed, and anew when the warning before is over."""

from __future__ import annotations

import dataclasses

from analyzer.prediction.alarm import Alarm
from analyzer.prediction.standing import issue_predictions

ALARM = Alarm(
    rule="grows",
    foretells=("killed",),
    entity_id="Container/a",
    series=(),
    read_ns=1_000,
    made_ns=1_000,
    from_ns=1_400,
    to_ns=1_600,
    window_ns=100,
    is_far=False,
    confidence=0.9,
    level=1.0,
    limit=2.0,
    rate=1.0,
    evidence=("memory:node-1:1",),
)


def alarm(made, begin, end, **fields):
    return dataclasses.replace(ALARM, made_ns=made, from_ns=begin, to_ns=end, **fields)


def said(*alarms):
    return [(one.alarm.made_ns, one.number, one.is_revision) for one in issue_predictions(alarms)]


def test_an_alarm_that_goes_on_is_said_once():
    assert said(*(alarm(made, 1_400, 1_600) for made in range(1_000, 1_300, 50))) == [(1_000, 0, False)]


def test_an_interval_elsewhere_is_a_revision_of_the_same_warning():
    assert said(alarm(1_000, 1_400, 1_600), alarm(1_050, 1_700, 1_900)) == [(1_000, 0, False), (1_050, 0, True)]


def test_a_much_narrower_interval_is_a_revision_and_a_somewhat_narrower_one_is_not():
    assert said(alarm(1_000, 1_400, 1_600), alarm(1_050, 1_480, 1_520)) == [(1_000, 0, False), (1_050, 0, True)]
    assert said(alarm(1_000, 1_400, 1_600), alarm(1_050, 1_450, 1_550)) == [(1_000, 0, False)]


def test_an_interval_elsewhere_from_another_window_does_not_contradict():
    assert said(alarm(1_000, 1_400, 1_600), alarm(1_050, 1_700, 1_900, window_ns=500)) == [(1_000, 0, False)]


def test_an_alarm_after_a_pause_of_a_window_is_another_warning():
    assert said(alarm(1_000, 1_400, 1_600), alarm(1_101, 1_400, 1_600)) == [(1_000, 0, False), (1_101, 1, False)]
    assert said(alarm(1_000, 1_400, 1_600), alarm(1_100, 1_400, 1_600)) == [(1_000, 0, False)]


def test_of_two_windows_at_one_moment_the_narrower_interval_is_said():
    (one,) = issue_predictions([alarm(1_000, 1_300, 1_700, window_ns=500), alarm(1_000, 1_450, 1_600)])
    assert one.alarm.window_ns == 100


def test_lines_of_one_entity_are_warned_of_each():
    assert len(said(alarm(1_000, 1_400, 1_600, series=("pods",)), alarm(1_000, 1_400, 1_600, series=("cpu",)))) == 2


def test_the_order_of_the_alarms_does_not_matter():
    alarms = [alarm(made, 1_400 + made % 300, 1_600 + made % 300) for made in range(1_000, 2_000, 60)]
    assert said(*alarms) == said(*reversed(alarms))
