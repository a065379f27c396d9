"""The post-mortem as one HTML page that needs nothing but a browser: no network, no server, no other file.

Three fences keep recorded text text, each enough by itself: every expression of the template is escaped (for HTML by
autoescape, for the eye by `formats.text.escape_text`); what scripts need is one JSON block with `<`, `>` and `&`
written as escapes; and the content security policy lets only our own scripts and style sheets in, by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from formats.postmortem import ChainStep, Document, Edge, EvidenceRow, Finding, Symptom
from formats.text import escape_text
from reports import quantities, story
from reports.causality_picture import causality_picture
from reports.figures import figures

_FIELD_CHARACTERS = 4_000
"""Longest field value of an evidence row that is shown: a whole Kubernetes object fits."""


def render_page(document: Document) -> str:
    """The page. The same document gives the same bytes.

    Args:
        document: any post-mortem; a recording's texts in it may be hostile.

    Returns:
        A complete HTML document, about 1.3 MB, of which 1.2 MB are plotly.js (basic bundle).
    """
    assets = _assets()
    pictures = figures(document)
    return _template().render(
        document=document,
        page=_Page(document),
        headline=story.headline(document),
        picture=causality_picture(document),
        timeline=pictures[0],
        measures=pictures[1:],
        data=_json_block({figure.id: figure.plot for figure in pictures}),
        policy=assets.policy,
        style=assets.style,
        chart_style=assets.chart_style,
        plotly=assets.plotly,
        script=assets.script,
    )


@dataclass(frozen=True, slots=True)
class _Assets:
    """Our own style sheets and scripts: all that enters the page unescaped, and the policy that admits them."""

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
    plotly = (vendor / "plotly-basic.min.js").read_text(encoding="utf-8")
    script = (templates / "page.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_digest(plotly)} {_digest(script)}; "
        f"style-src {_digest(style)} {_digest(chart_style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return _Assets(Markup(style), Markup(chart_style), Markup(plotly), Markup(script), policy)  # noqa: S704 - files of this package


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
        "lag": quantities.lag,
        "before": quantities.before,
        "sentence": story.sentence,
        "full_name": story.full_name,
        "counted": quantities.counted,
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
    """What the template asks: numbers for anchors and everything that is looked up by id."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._evidence = {key: number for number, key in enumerate(document.evidence)}
        self._symptoms = {symptom.id: number for number, symptom in enumerate(document.symptoms)}
        self._edges = {(edge.source, edge.target): edge for edge in document.edges}
        self._incoming: dict[str, list[Edge]] = {}
        self._outgoing: dict[str, list[Edge]] = {}
        for edge in document.edges:
            self._incoming.setdefault(edge.target, []).append(edge)
            self._outgoing.setdefault(edge.source, []).append(edge)

    def evidence_number(self, key: str) -> int | None:
        """Number of an evidence row's anchor; None if the document does not hold the row."""
        return self._evidence.get(key)

    def symptom_number(self, key: str) -> int:
        """Number of a symptom's anchor."""
        return self._symptoms[key]

    def symptom(self, key: str) -> Symptom:
        """The symptom of that id."""
        return self._document.symptoms[self._symptoms[key]]

    def incoming(self, symptom: Symptom) -> list[Edge]:
        """What caused it."""
        return self._incoming.get(symptom.id, [])

    def outgoing(self, symptom: Symptom) -> list[Edge]:
        """What it caused."""
        return self._outgoing.get(symptom.id, [])

    def link(self, finding: Finding, step: ChainStep) -> Edge | None:
        """The edge of the causality graph by which a step follows from the one before it; None for the first."""
        index = finding.chain.index(step)
        return self._edges.get((finding.chain[index - 1].symptom_id, step.symptom_id)) if index else None

    def unknowns(self, finding: Finding) -> list[story.Unknown]:
        """What stays open about a finding."""
        return story.unknowns(self._document, finding)

    def hit(self, finding: Finding) -> str | None:
        """Who was hit by what a finding explains."""
        return story.hit(self._document, finding)

    def names(self, ids: tuple[str, ...]) -> str:
        """All names of these entities."""
        return story.entity_names(self._document, ids, most=40)

    def confidence(self, finding: Finding) -> str:
        """The confidence and its terms in one line."""
        return story.confidence_words(self._document, finding)

    def set_aside(self) -> list[story.SetAside]:
        """Changes that begin no finding."""
        return story.set_aside(self._document)

    def looked_at(self) -> str:
        """What the answer rests on."""
        return story.looked_at(self._document)

    def clock(self) -> str | None:
        """How far the clocks may be apart, if that matters."""
        return story.clock_sentence(self._document)

    def length(self) -> str:
        """How long the recording is."""
        capture = self._document.capture
        return quantities.span(quantities.unix_nanos(capture.end) - quantities.unix_nanos(capture.begin))

    def how_long(self, symptom: Symptom) -> str | None:
        """How long a symptom lasted; None if it was a moment."""
        nanos = quantities.unix_nanos(symptom.end) - quantities.unix_nanos(symptom.begin)
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


def _field_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _FIELD_CHARACTERS else text[:_FIELD_CHARACTERS] + "…"
