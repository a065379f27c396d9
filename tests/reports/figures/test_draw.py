"""All charts of the page: what plotly refuses is refused here, and not drawn as an empty chart in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from reports.figures.draw import draw_figures

REPORTS = Path(__file__).parents[3] / "reports"


def texts(value: Any) -> Iterator[str]:
    """Every text at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def misspellings(value: Any) -> Iterator[Any]:
    """The value with one key misspelt, once for every key at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield {(f"{name}z" if name == key else name): other for name, other in value.items()}
            yield from ({**value, key: wrong} for wrong in misspellings(item))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from ([wrong, *value[1:]] for wrong in misspellings(value[0]))


def test_every_misspelt_key_of_every_chart_would_be_an_error(incident):
    timeline, measure = (figure.plot for figure in draw_figures(incident)[:2])
    tried = 0
    for trace in (*timeline["data"], *measure["data"]):
        make = {"bar": go.Bar, "scatter": go.Scatter}[trace["type"]]
        for wrong in misspellings({key: item for key, item in trace.items() if key != "type"}):
            tried += 1
            with pytest.raises(ValueError, match="Invalid property specified"):
                make(**wrong)
    for layout in (timeline["layout"], measure["layout"]):
        for wrong in misspellings(layout):
            tried += 1
            with pytest.raises(ValueError, match="Invalid property specified"):
                go.Layout(**wrong)
    assert tried > 150


def test_charts_are_of_kinds_that_the_bundle_has(incident, hostile):
    kinds = {
        trace["type"] for document in (incident, hostile) for f in draw_figures(document) for trace in f.plot["data"]
    }
    assert kinds == {"bar", "scatter"}


def colours(value: Any, key: str = "") -> Iterator[str]:
    """Every colour at any depth."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from colours(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from colours(item, key)
    elif key.endswith("color"):
        yield value


def test_colours_are_variables_that_the_page_has(incident, hostile):
    used = {
        colour
        for document in (incident, hostile)
        for figure in draw_figures(document)
        for colour in colours(figure.plot)
    }
    used |= set(re.findall(r'color: "(--.*?|var.*?)"', (REPORTS / "templates/page.js").read_text(encoding="utf-8")))
    style = (REPORTS / "templates/page.css").read_text(encoding="utf-8")
    assert len(used) > 10
    assert used <= {f"var({name})" for name in re.findall(r"^ *(--[a-z0-9-]+):", style, re.MULTILINE)}


def test_figures_hold_recorded_text_only_escaped(hostile):
    # GIVEN figures of a hostile document
    # THEN the only tag in any of their texts is our own line break
    for figure in draw_figures(hostile):
        for text in texts(figure.plot):
            assert "<" not in text.replace("<br>", "")
