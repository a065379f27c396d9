"""`tapio test`: the tests of `kind: Trend`: in a recording it foretells something that happens, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from analyzer.knowledge.pattern_tests import TestResult, find_capture, find_untested
from analyzer.knowledge.trend_rules import TrendRule, TrendTest
from formats.errors import TapioError
from formats.postmortem.findings import Prediction
from formats.times import parse_time
from formats.units import format_duration

Predict = Callable[[Path], Sequence[Prediction]]
"""Gives the predictions of the capture at a path; raises TapioError if there is none."""


def run_trend_tests(trends: Sequence[TrendRule], predict: Predict, folders: Sequence[Path]) -> Iterator[TestResult]:
    """Runs every test of these trends, in the order of the trends.

    Args:
        trends: whose tests.
        predict: called once per test.
        folders: where a capture's path may begin, after the folder of the YAML file itself.
    """
    for trend in trends:
        yield from find_untested(
            trend,
            {
                "a recording in which it must foretell something": any(test.kind for test in trend.tests),
                "a recording in which it must foretell nothing": any(test.kind is None for test in trend.tests),
            },
        )
        for test in trend.tests:
            yield TestResult(trend.name, _name_of(trend, test), test.where, tuple(_run(trend, test, predict, folders)))


def _run(trend: TrendRule, test: TrendTest, predict: Predict, folders: Sequence[Path]) -> Iterator[str]:
    path = find_capture(test.where, test.capture, folders)
    if path is None:
        yield f"the capture `{test.capture}` does not exist"
        return
    try:
        found = [prediction for prediction in predict(path) if prediction.rule == trend.name]
    except TapioError as error:
        yield str(error)
        return
    if test.kind is None:
        for prediction in found:
            yield f"expected no prediction of {trend.name}, found one for {_describe(prediction)}"
        return
    own = [one for one in found if (one.entity.kind, one.entity.name) == (test.kind, test.name)]
    if not own:
        others = "; ".join(_describe(prediction) for prediction in found) or "nothing"
        yield f"expected a prediction for {test.kind} {test.name}, found {others}"
        return
    leads = [
        parse_time(one.happened_at) - parse_time(one.made_at)
        for one in own
        if one.outcome == "confirmed" and one.happened_at is not None
    ]
    if not leads:
        yield f"expected that the prediction for {test.kind} {test.name} comes true, it is {own[-1].outcome}"
    elif max(leads) < test.lead_ns:
        wanted, found_lead = format_duration(test.lead_ns), format_duration(max(leads))
        yield f"expected a lead of at least {wanted}, found {found_lead}"


def _name_of(trend: TrendRule, test: TrendTest) -> str:
    capture = Path(test.capture).stem
    return f"{trend.name} foretells {'nothing' if test.kind is None else f'{test.kind} {test.name}'} in {capture}"


def _describe(prediction: Prediction) -> str:
    return f"{prediction.entity.kind} {prediction.entity.name} ({prediction.outcome})"
