"""What a scrape gets, read with the parsers that Prometheus's own client has."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from recorder.metrics import format_metrics
from tests.recorder.recorder_fakes import STATUS

PROMETHEUS = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What Prometheus 3 sends."""


def values_of(families: list[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Value of each sample by its name and sorted labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_metric_is_documented_and_every_documented_one_is_served():
    text = format_metrics(STATUS)[0].decode()
    served = {
        (name, kind, meaning)
        for (name, meaning), (_, kind) in zip(
            re.findall(r"^# HELP (\w+) (.+)$", text, re.MULTILINE),
            re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE),
            strict=True,
        )
    }
    page = Path(__file__).parents[2].joinpath("docs/configuration.md").read_text()
    assert served == set(re.findall(r"^\| `(tapio_recorder_\w+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE))


def test_the_text_format_is_what_prometheus_parses_with_hostile_labels_intact():
    text, content_type = format_metrics(STATUS)
    assert content_type.startswith("text/plain; version=0.0.4")
    values = values_of(list(parse_text(text.decode())))
    who = (("node", 'no"de\n1'), ("profile", "lean"), ("version", "0.1.0"))
    assert values[("tapio_recorder_info", who)] == 1
    assert values[("tapio_recorder_events_total", (("table", "memory"),))] == 12_345
    assert values[("tapio_recorder_lost_events_total", (("reason", "rejected"), ("table", "memory")))] == 7
    assert values[("tapio_recorder_source_up", (("source", "tcp"),))] == 0
    assert values[("tapio_recorder_window_seconds", ())] == 600
    assert values[("tapio_recorder_storage_failing", ())] == 1


def test_openmetrics_is_for_who_accepts_it_and_says_the_same():
    text, content_type = format_metrics(STATUS, PROMETHEUS)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert values_of(list(parse_openmetrics(text.decode()))) == values_of(
        list(parse_text(format_metrics(STATUS)[0].decode()))
    )


def test_what_a_client_accepts_is_not_echoed():
    for accept in (
        "application/openmetrics-text; version=7\r\n Set-Cookie: x",
        "text/plain; version=abc",
        "\0",
        ";=,;",
    ):
        assert format_metrics(STATUS, accept)[1] in {
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "text/plain; version=0.0.4; charset=utf-8",
        }


def test_nothing_but_the_recorder_is_in_it():
    families = list(parse_text(format_metrics(dataclasses.replace(STATUS, sources=()))[0].decode()))
    assert {family.name.startswith("tapio_recorder") for family in families} == {True}
