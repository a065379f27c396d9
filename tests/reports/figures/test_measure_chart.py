"""The charts of measures."""

from __future__ import annotations

import dataclasses

from reports.figures.draw import draw_figures


def test_charts_divide_bytes_and_spans_into_readable_units(incident):
    measure = dataclasses.replace(incident.measures[4], unit="ns", points=((0, 2_000_000), (1, 3_000_000)), limit=None)
    document = dataclasses.replace(incident, measures=(measure,))
    figure = draw_figures(document)[1]
    assert figure.plot["data"][0]["y"] == [2.0, 3.0]
    assert figure.plot["layout"]["yaxis"]["title"]["text"] == "ms"
    empty = dataclasses.replace(measure, points=(), unit="1/s")
    assert draw_figures(dataclasses.replace(document, measures=(empty,)))[1].summary == ""
