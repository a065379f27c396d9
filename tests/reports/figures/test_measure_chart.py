"""The charts of measures."""

from __future__ import annotations

import dataclasses

from reports.figures.draw import draw_figures
from reports.figures.measure_chart import draw_measures


def test_charts_divide_bytes_and_spans_into_readable_units(incident):
    measure = dataclasses.replace(incident.measures[4], unit="ns", points=((0, 2_000_000), (1, 3_000_000)), limit=None)
    document = dataclasses.replace(incident, measures=(measure,))
    figure = draw_figures(document)[1]
    assert figure.plot["data"][0]["y"] == [2.0, 3.0]
    assert figure.plot["layout"]["yaxis"]["title"]["text"] == "ms"
    empty = dataclasses.replace(measure, points=(), unit="1/s")
    assert draw_figures(dataclasses.replace(document, measures=(empty,)))[1].summary == ""


def measure_named(document, name):
    return [measure for measure in document.measures if measure.name == name]


def test_memory_shows_the_kills_with_what_the_victims_had_and_how_often_it_was_sampled(incident):
    (kill_row,) = [row for row in incident.evidence.values() if row.table == "oom"][:1]
    figure = next(figure for figure in draw_measures(incident) if figure.title.lower() == "memory")
    marks = next(trace for trace in figure.plot["data"] if trace.get("name") == "OOM kill")
    used = sum(kill_row.fields.get(f"oom.{part}_rss_bytes") or 0 for part in ("anon", "file", "shmem"))
    assert any(abs(value * (1 << 20) - used) < 1 for value in marks["y"])
    assert len(marks["y"]) == len({row.id for row in incident.evidence.values() if row.table == "oom"})
    assert "OOM kill" in figure.summary
    assert "Sampled about every " in figure.summary


def test_memory_without_kills_has_no_marks_and_kills_come_first(incident):
    assert draw_measures(incident)[0].title.lower() == "memory"
    spared = dataclasses.replace(incident, evidence={})
    assert all(trace.get("name") != "OOM kill" for figure in draw_measures(spared) for trace in figure.plot["data"])


def test_counts_are_bars_of_the_interval_in_which_they_were_counted(incident):
    counted = dataclasses.replace(
        incident.measures[0], name="requests failed", unit="requests", limit=None,
        points=((0, 3), (4_000_000_000, 1), (10_000_000_000, 2)),
    )  # fmt: skip
    (figure,) = draw_measures(dataclasses.replace(incident, measures=(counted,)))
    (bars,) = figure.plot["data"]
    assert (bars["type"], bars["width"], list(bars["y"])) == ("bar", 2_000, [3, 1, 2])
    assert figure.plot["layout"]["yaxis"]["title"]["text"] == "requests per 2 s"


def test_object_has_one_colour_on_the_whole_page(incident):
    measures = tuple(
        dataclasses.replace(incident.measures[0], name=name, unit="1", limit=None, entity=entity, points=((0, 1),))
        for name in ("a", "b")
        for entity in dict.fromkeys(measure.entity for measure in incident.measures)
        if (name, entity.id) != ("a", incident.measures[0].entity.id)
    )
    colours = {}
    for figure in draw_measures(dataclasses.replace(incident, measures=measures)):
        shown = [(trace["name"], trace["line"]["color"]) for trace in figure.plot["data"]]
        assert len({colour for _name, colour in shown}) == len(shown)
        for name, colour in shown:
            colours.setdefault(name, set()).add(colour)
    assert all(len(chosen) == 1 for chosen in colours.values())
