"""What plotly gets."""

from __future__ import annotations

import plotly.graph_objects as go

from reports.figures.figure import plotly_text, to_plot


def test_plotly_text_keeps_every_letter():
    assert plotly_text("<b>&amp;</b>") == "&lt;b&gt;&amp;amp;&lt;/b&gt;"
    assert plotly_text("a\u202eb\x00") == "a\\u202eb\\x00"


def test_a_plot_has_no_template_and_no_random_ids():
    plot = to_plot([go.Scatter(x=[1], y=[2])], go.Layout(height=300))
    assert plot == {"data": [{"type": "scatter", "x": [1], "y": [2]}], "layout": {"height": 300}}
