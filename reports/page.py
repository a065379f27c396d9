"""The post-mortem as one HTML page that needs nothing but a browser: no network, no server, no other file.

Three fences keep recorded text text, each enough by itself: every expression of the template is escaped (for HTML by
autoescape, for the eye by `formats.text.escape_text`); what scripts need is one JSON block with `<`, `>` and `&`
written as escapes; and the content security policy lets only our own scripts and style sheets in, by their digests.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from formats.postmortem.document import Document
from formats.postmortem.findings import ChainStep, Finding
from formats.postmortem.graph import Change, Edge, Symptom
from formats.postmortem.recording import EvidenceRow
from formats.text import cut_text, escape_text
from formats.times import parse_time
from reports import quantities, story
from reports.answer import (
    MAX_QUIET_CHANGES,
    NO_CAUSE,
    Answer,
    QuietChange,
    WorkloadNames,
    answer,
    call_fields,
    quiet_changes,
)
from reports.causality_picture import Picture, causality_picture, fit
from reports.figures.draw import draw_figures
from reports.managers import call_manager
from reports.markdown import render_markdown
from reports.predictions import ForetoldWarning, expected, list_warnings
from reports.service_map import draw_service_map, tell_failures
from reports.told_times import ToldTimes
from reports.zones import show_in, zone_words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MAX_SYMPTOMS = 1_000
"""Symptoms that the page lists; those of findings come first. Why: more would slow down the browser."""

MAX_EVIDENCE_ROWS = 3_000
"""Evidence rows that the page holds; those that findings rest on come first."""

_CHIP_CELLS = 44
"""Longest text of a link to a row of evidence, without its time."""

_OBJECT_TABLES = frozenset({"kube_object", "kube_event"})
"""Tables whose rows say which object it was, then `: ` and what happened to it."""

_EVENT_NAME = re.compile(r"[a-z0-9]+(\.[a-z0-9_]+)+")

_FIELD_CHARACTERS = 4_000
"""Longest field value of an evidence row that is shown: a whole Kubernetes object fits."""


def render_page(document: Document, *, title: str | None = None, zone: ZoneInfo | None = None) -> str:
    """The page. The same arguments give the same bytes.

    Args:
        document: any post-mortem, with times in UTC; a recording's texts in it may be hostile.
        title: name of the capture's file; None if it is not known.
        zone: whose times the page shows when it is opened; None is UTC. The reader can change it.

    Returns:
        A complete HTML document, 0.6 to 1 MB, of which 0.5 MB are plotly.js (basic bundle, compressed).
    """
    assets = _assets()
    charts = draw_figures(document)  # in UTC: the script converts their times
    if zone is not None:
        document = show_in(document, zone)
    picture = causality_picture(document)
    return _template().render(
        document=document,
        title=title,
        times=ToldTimes(document).mark,
        zone=None if zone is None or zone.key == "UTC" else zone.key,
        program=f"Tapio {metadata.version('tapio')}",
        first=answer(document, document.findings[0]) if document.findings else None,
        no_cause=NO_CAUSE,
        most_quiet=MAX_QUIET_CHANGES,
        newline=Markup("\n"),
        markdown=_json_block(render_markdown(document)),
        page=_Page(document, picture),
        headline=story.headline(document),
        picture=picture,
        services=draw_service_map(document),
        timeline=charts[0],
        measures=charts[1:],
        data=_json_block({figure.id: figure.plot for figure in charts}),
        policy=assets.policy,
        style=assets.style,
        chart_style=assets.chart_style,
        plotly=assets.plotly,
        script=assets.script,
    )


@dataclass(frozen=True, slots=True)
class _Assets:
    """Our own style sheets and scripts: all that enters the page unescaped, and the policy that admits them.

    Attributes:
        plotly: gzip in base64, which `script` unpacks; the policy has the digest of what is unpacked.
    """

    style: Markup
    chart_style: Markup
    plotly: Markup
    script: Markup
    policy: str


@cache
def _assets() -> _Assets:
    templates, vendor = resources.files("reports") / "templates", resources.files("reports") / "vendor"
    style = (templates / "page.css").read_text(encoding="utf-8")
    # Plotly adds its rules to the sheet of this id through the CSSOM, which the policy does not govern; were the sheet
    # not there, it would make one, which the policy refuses.
    chart_style = "/* plotly.js adds its rules here */"
    packed = (vendor / "plotly-basic.min.js.gz").read_bytes()
    plotly = gzip.decompress(packed).decode()
    script = (templates / "page.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_digest(plotly)} {_digest(script)}; "
        f"style-src {_digest(style)} {_digest(chart_style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    carried = Markup(base64.b64encode(packed).decode())  # noqa: S704 - files of this package, here and below
    return _Assets(Markup(style), Markup(chart_style), carried, Markup(script), policy)  # noqa: S704


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json_block(value: Any) -> Markup:
    """JSON that cannot end its script element: ASCII only, and `<`, `>`, `&` as escapes."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - see above


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "clock": quantities.clock_time,
        "minute": quantities.clock_minute,
        "day": quantities.day,
        "number": quantities.number,
        "percent": quantities.percent,
        "zone": zone_words,
        "lag": quantities.lag,
        "before": quantities.before,
        "sentence": story.sentence,
        "prose": lambda text: text.replace("`", "'"),
        "full_name": story.full_name,
        "counted": quantities.counted,
        "expected": expected,
        "failures": tell_failures,
    }
    environment.filters.update(filters)
    return environment.get_template("page.html.j2")


def _visible(value: Any) -> Any:
    """Applied by Jinja to every expression: no invisible character is left; a None that is printed is a defect."""
    if value is None:
        raise TypeError("the page's template printed None")
    if isinstance(value, str) and not isinstance(value, Markup):
        return escape_text(value)
    return value


class _Page:
    """What the template asks: what of the document is shown, numbers for anchors, and all that is looked up by id."""

    def __init__(self, document: Document, picture: Picture) -> None:
        self._document = document
        self._names = WorkloadNames(document)
        self._numbers = {symptom.id: number for number, symptom in enumerate(document.symptoms)}
        self._edges = {(edge.source, edge.target): edge for edge in document.edges}
        self._incoming: dict[str, list[Edge]] = {}
        self._outgoing: dict[str, list[Edge]] = {}
        for edge in document.edges:
            self._incoming.setdefault(edge.target, []).append(edge)
            self._outgoing.setdefault(edge.source, []).append(edge)
        self._shown = _symptoms_shown(document, {box.symptom.id for box in picture.boxes})
        self.symptoms_left_out = len(document.symptoms) - len(self._shown)
        wanted = dict.fromkeys(key for key in _evidence_by_weight(document, self._shown) if key in document.evidence)
        wanted |= dict.fromkeys(document.evidence)
        kept = set(itertools.islice(wanted, MAX_EVIDENCE_ROWS))
        rows = sorted(document.evidence.items(), key=lambda item: item[1].time)
        self._evidence = {key: number for number, (key, _row) in enumerate(rows) if key in kept}
        self.evidence_rows = [document.evidence[key] for key in self._evidence]
        self.evidence_left_out = len(document.evidence) - len(self.evidence_rows)

    def evidence_number(self, key: str) -> int | None:
        """Number of an evidence row's anchor; None if the page does not show the row."""
        return self._evidence.get(key)

    def evidence_words(self, key: str) -> str:
        """When a row of evidence happened and what it says, short enough for a link."""
        row = self._document.evidence[key]
        return f"{quantities.clock_minute(row.time)} {fit(self.say(row_words(row)), _CHIP_CELLS)}"

    def symptom(self, key: str) -> Symptom:
        """The symptom of that id."""
        return self._document.symptoms[self._numbers[key]]

    def symptom_number(self, symptom: Symptom) -> int:
        """Number of a symptom's anchor."""
        return self._numbers[symptom.id]

    def shows(self, symptom: Symptom) -> bool:
        """Whether a symptom is in the page's list."""
        return symptom.id in self._shown

    def incoming(self, symptom: Symptom) -> list[Edge]:
        """Edges from the causes of a symptom."""
        return self._incoming.get(symptom.id, [])

    def outgoing(self, symptom: Symptom) -> list[Edge]:
        """Edges to the effects of a symptom."""
        return self._outgoing.get(symptom.id, [])

    def link(self, finding: Finding, step: ChainStep) -> Edge | None:
        """The edge of the causality graph by which a step follows from the one before it; None for the first."""
        index = finding.chain.index(step)
        return self._edges.get((finding.chain[index - 1].symptom_id, step.symptom_id)) if index else None

    def crossing(self, finding: Finding, step: ChainStep) -> str | None:
        """How exactly the times of a step and of the one before it are aligned; None if by one clock."""
        index = finding.chain.index(step)
        return story.crossing_sentence(self._document, finding.chain[index - 1], step) if index else None

    def lanes(self) -> str | None:
        """What the lanes of the timeline are, if there are some."""
        return story.lanes_sentence(self._document)

    def unknowns(self, finding: Finding) -> list[story.Unknown]:
        """What stays open about a finding."""
        return story.unknowns(self._document, finding)

    def contrast(self, finding: Finding) -> tuple[story.ComparedRow, ...]:
        """The root cause of a finding compared with what it did not reach."""
        return story.contrast_rows(finding)

    def answer(self, finding: Finding) -> Answer:
        """The finding as the terminal tells it."""
        return answer(self._document, finding)

    def quiet_changes(self) -> tuple[QuietChange, ...]:
        """What was changed, where nothing failed."""
        return quiet_changes(self._document)

    def say(self, text: str) -> str:
        """A text in which pods are named by their workload, objects with their namespace, and fields as people do."""
        return self._names.sentence(call_fields(text))

    def made_by(self, change: Change) -> str | None:
        """Who made a change; None if the recording does not tell."""
        one = change.manager
        return None if one is None else call_manager(one.name, one.operation, one.subresource)

    def names(self, ids: tuple[str, ...]) -> str:
        """All names of these entities."""
        return story.entity_names(self._document, ids, most=40)

    def confidence(self, finding: Finding) -> str:
        """The confidence and its terms in one line."""
        return story.confidence_words(self._document, finding)

    def set_aside(self) -> list[story.SetAside]:
        """Changes that begin no finding."""
        return story.set_aside(self._document)

    def warnings(self) -> list[ForetoldWarning]:
        """What was foretold, and what became of it."""
        return list_warnings(self._document.predictions)

    def looked_at(self) -> str:
        """What the answer rests on."""
        return story.looked_at(self._document)

    def clock(self) -> str | None:
        """How far the clocks may be apart, if that matters."""
        return story.clock_sentence(self._document)

    def length(self) -> str:
        """How long the recording is."""
        capture = self._document.capture
        return quantities.span(parse_time(capture.end) - parse_time(capture.begin))

    def how_long(self, symptom: Symptom) -> str | None:
        """How long a symptom lasted; None if it was a moment."""
        nanos = parse_time(symptom.end) - parse_time(symptom.begin)
        return f"for {quantities.span(nanos)}" if nanos else None

    def magnitude(self, symptom: Symptom) -> str | None:
        """How bad; None if it has no measure."""
        return None if symptom.magnitude is None else quantities.amount(symptom.magnitude, symptom.unit)

    def fields(self, row: EvidenceRow) -> list[tuple[str, str]]:
        """The fields of an evidence row as texts, structures as JSON."""
        return [(name, _field_text(value)) for name, value in row.fields.items() if value is not None]

    def severity(self, symptom: Symptom) -> str:
        """A class of ours for the symptom's nature and severity: recorded words never become classes."""
        if symptom.nature == "change":
            return "change"
        return symptom.severity if symptom.severity in {"fatal", "error", "warning"} else "info"


def _symptoms_shown(document: Document, pictured: set[str]) -> set[str]:
    """The symptoms that the page lists: those of findings and of the picture first, then in their order."""
    order = sorted(
        range(len(document.symptoms)),
        key=lambda number: (
            document.symptoms[number].id not in pictured,
            document.symptoms[number].finding is None,
            number,
        ),
    )
    return {document.symptoms[number].id for number in order[:MAX_SYMPTOMS]}


def _evidence_by_weight(document: Document, shown: set[str]) -> Iterator[str]:
    """Evidence ids, what the findings rest on first. With repeats."""
    for finding in document.findings:
        for step in finding.chain:
            yield from step.evidence
        for statement in (*finding.supported_by, *finding.refuted_by, *finding.missing):
            yield from statement.evidence
        for comparison in finding.contrast:
            yield from comparison.evidence
    for prediction in document.predictions:
        yield from prediction.evidence
    for change in document.changes:
        yield from change.evidence
    for symptom in document.symptoms:
        if symptom.id in shown:
            yield from symptom.evidence
    for edge in document.edges:
        if edge.target in shown:
            yield from edge.evidence


def row_words(row: EvidenceRow) -> str:
    """`refused api (22422) to 127.77.1.3:80`: the event without what the step that it belongs to says in full."""
    event, _, rest = row.text.partition(" ")
    if _EVENT_NAME.fullmatch(event):
        event = event.removeprefix("k8s.object.").removeprefix("tcp.").replace(".", " ").replace("_", " ")
    if row.table in _OBJECT_TABLES:
        rest = rest.partition(": ")[0]
    return f"{event} {rest}".strip()


def _field_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return cut_text(text, _FIELD_CHARACTERS)
