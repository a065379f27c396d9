"""The timeline: who is on it, and what is drawn of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from analyzer.analyze import analyze_capture
from fixtures.nodes.make import FOLDER, PLACES
from formats.capture.merging import join_captures
from formats.capture.reading import open_capture
from reports.figures.timeline import MAX_ROWS, draw_timeline
from tests.analyzed import shipped_knowledge


def shades(plot: dict[str, Any]) -> list[tuple[str, str]]:
    """From and to of the shaded times."""
    return [
        (shape["x0"], shape["x1"])
        for shape in plot["layout"].get("shapes", ())
        if shape.get("fillcolor") == "var(--loss)"
    ]


def test_rows_are_grouped_by_node_with_what_belongs_to_none_first(incident):
    plot = draw_timeline(incident).plot
    headings = [note["text"] for note in plot["layout"]["annotations"] if note.get("xref") == "paper"]
    assert headings == ["Cluster", "Node shop-node-1", "Node shop-node-2"]


def test_when_there_are_too_many_objects_those_of_findings_stay(incident):
    # GIVEN many objects with symptoms of no finding, before one that has a finding
    symptom = incident.symptoms[4]
    others = tuple(
        dataclasses.replace(
            symptom,
            id=f"x{number}",
            finding=None,
            begin="2026-11-20T21:10:01.000000000Z",
            entity=dataclasses.replace(symptom.entity, id=f"e{number}"),
        )
        for number in range(MAX_ROWS + 5)
    )
    figure = draw_timeline(dataclasses.replace(incident, findings=(), symptoms=(*others, symptom)))
    # THEN the one with a finding is drawn, and who is not is counted
    assert "not drawn: 6 more objects" in figure.summary
    drawn = {number for trace in figure.plot["data"] for number in trace.get("customdata", ())}
    assert len(others) in drawn
    assert len(drawn) == MAX_ROWS


def test_a_symptom_is_a_bar_as_long_as_it_lasted_and_a_point_where_it_began(incident):
    symptom = dataclasses.replace(
        incident.symptoms[4], begin="2026-11-20T21:13:00.000000000Z", end="2026-11-20T21:13:30.000000000Z"
    )
    plot = draw_timeline(dataclasses.replace(incident, findings=(), symptoms=(symptom,))).plot
    bar, point, _losses = plot["data"]
    assert (bar["type"], bar["base"], bar["x"]) == ("bar", ["2026-11-20 21:13:00.000"], [30_000])
    assert (point["type"], point["x"]) == ("scatter", ["2026-11-20 21:13:00.000"])
    assert bar["y"] == point["y"]


def test_losses_are_shaded_unless_they_would_shade_half_of_the_picture(incident):
    begins = [row.begin[:19].replace("T", " ") for row in incident.capture.loss]
    assert len(begins) == 3
    assert [begin[:19] for begin, _ in shades(draw_timeline(incident).plot)] == begins[:2]


def test_the_chain_of_the_first_finding_is_solid_and_others_are_dotted(incident):
    chains = [trace for trace in draw_timeline(incident).plot["data"] if trace["name"].startswith("chain")]
    assert [(trace["name"], trace["line"]["dash"]) for trace in chains] == [
        ("chain of finding 1", "solid"),
        ("chain of finding 2", "dot"),
    ]
    assert [len(trace["x"]) for trace in chains] == [len(finding.chain) for finding in incident.findings]


def test_root_causes_are_numbered_only_where_there_are_several(incident):
    def names(document) -> list[str]:
        notes = draw_timeline(document).plot["layout"]["annotations"]
        return [note["text"] for note in notes if note["text"].startswith("root cause")]

    assert names(incident) == ["root cause 1", "root cause 2"]
    assert names(dataclasses.replace(incident, findings=incident.findings[:1])) == ["root cause"]


def test_legend_tells_the_shaded_times_only_where_there_are_some(incident, calm):
    def legend(document):
        return [trace["name"] for trace in draw_timeline(document).plot["data"] if trace.get("showlegend", True)]

    assert shades(draw_timeline(incident).plot)
    assert "events lost" in legend(incident)
    assert "events lost" not in legend(calm)


def test_nodes_are_lanes_in_the_order_in_which_the_finding_reached_them():
    # GIVEN an incident whose cause is on the last of three nodes by name
    captures = [open_capture(FOLDER / f"{node}.tapio") for node in PLACES]
    document = analyze_capture(join_captures(FOLDER, captures, created_by="tests"), shipped_knowledge())
    layout = draw_timeline(document).plot["layout"]
    # THEN the chain goes down from lane to lane, and every second lane has a band from its heading to its last row
    headings = [(note["y"], note["text"]) for note in layout["annotations"] if note.get("xref") == "paper"]
    assert [text for _, text in headings] == ["Cluster", "Node node-c", "Node node-b", "Node node-a"]
    bands = [(shape["y0"], shape["y1"]) for shape in layout["shapes"] if shape.get("fillcolor") == "var(--lane)"]
    (_, first), (_, third) = headings[1], headings[3]
    assert (first, third) == ("Node node-c", "Node node-a")
    assert bands == [(headings[1][0] - 0.5, headings[2][0] - 0.5), (headings[3][0] - 0.5, headings[3][0] + 1.5)]


def test_one_node_needs_no_bands(calm):
    assert not [s for s in draw_timeline(calm).plot["layout"].get("shapes", ()) if s.get("fillcolor") == "var(--lane)"]
