"""What `tapio predict --json` prints: the predictions of a capture, or how often predictions were right."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Final, Literal

from formats.postmortem.findings import Prediction
from formats.postmortem.values import Count, Integer, Share, Time

PREDICTIONS_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class PredictionList:
    """The predictions of one capture.

    Attributes:
        version: of this layout.
        capture: id of the capture.
        begin: of what was looked at.
        end: of what was looked at.
        predictions: sorted by `made_at`.
    """

    version: Literal[1]
    capture: str
    begin: Time
    end: Time
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class RuleScore:
    """How often one trend, or one early sign, was right over many captures.

    Attributes:
        rule: its name.
        warnings: warnings that it gave; a revision is no warning of its own.
        right: those after which it happened, no later than expected by one of the warning's predictions.
        wrong: those that were due, and it had not happened.
        open: those of which the recording does not tell.
        precision: share of the right ones among right and wrong ones; None without any.
        events: how often what it foretells happened; reports of the same event within a minute are one.
        foretold: events that a right warning preceded.
        recall: share of the foretold ones among the events; None without any.
        lead_ns: median time from a right warning to the event, ns; None without any.
        shortest_lead_ns: the lead that nine of ten right warnings had at least, ns; None without any.
        in_interval: share of the right warnings whose first prediction had the event in its interval; None without any.
    """

    rule: str
    warnings: Count
    right: Count
    wrong: Count
    open: Count
    precision: Share | None
    events: Count
    foretold: Count
    recall: Share | None
    lead_ns: Integer | None
    shortest_lead_ns: Integer | None
    in_interval: Share | None


@dataclass(frozen=True, slots=True)
class ReliabilityRow:
    """The warnings that were given with about the same confidence.

    Attributes:
        confidence_from: lowest confidence of the row.
        confidence_to: confidence at which the next row begins.
        warnings: right and wrong ones with such a confidence.
        said: mean of their confidences.
        right: share of the right ones.
    """

    confidence_from: Share
    confidence_to: Share
    warnings: Count
    said: Share
    right: Share


@dataclass(frozen=True, slots=True)
class Backtest:
    """How often predictions were right over many captures.

    Attributes:
        version: of this layout.
        captures: how many were replayed.
        recorded_ns: length of all of them, ns.
        quiet: captures in which nothing foretold happened.
        quiet_with_warning: those of them with a warning that was wrong.
        rules: by name, without those that neither gave a warning nor could have.
        reliability: in order of confidence, without empty rows.
    """

    version: Literal[1]
    captures: Count
    recorded_ns: Integer
    quiet: Count
    quiet_with_warning: Count
    rules: tuple[RuleScore, ...]
    reliability: tuple[ReliabilityRow, ...]


def predictions_to_json(value: PredictionList | Backtest) -> str:
    """The canonical text: sorted keys, two spaces, a final newline."""
    return json.dumps(dataclasses.asdict(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
