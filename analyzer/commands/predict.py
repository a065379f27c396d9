"""`tapio predict`: what could be foretold from a capture or a live recorder, and how often predictions were right."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from analyzer.commands.window import check_window, from_option, knowledge_option, to_option
from analyzer.knowledge.rules import Knowledge
from analyzer.knowledge.shipped import read_knowledge
from analyzer.prediction.backtest import Replayed, score
from analyzer.prediction.predict import predict_capture
from formats.capture.reading import open_capture
from formats.errors import MissingInputError
from formats.postmortem.findings import Prediction
from formats.postmortem.predictions import PREDICTIONS_VERSION, Backtest, PredictionList, predictions_to_json
from formats.text import escape_text
from formats.times import format_time
from reports.backtest import render_backtest
from reports.predictions import in_one_line, list_warnings


@click.command()
@click.argument("capture", required=False, type=click.Path(path_type=Path))
@click.option(
    "--backtest",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of captures: print how often predictions were right in them.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON (formats/schemas: predictions.schema.json, with --backtest backtest.schema.json).",
)
@knowledge_option
@from_option
@to_option
def command(
    capture: Path | None,
    *,
    backtest: Path | None,
    as_json: bool,
    knowledge: tuple[Path, ...],
    begin: int | None,
    end: int | None,
) -> None:
    """Say what could be foretold from CAPTURE at each moment, from what had been recorded until then alone.

    A prediction is printed with the time at which it could be made, and with what became of it. With --backtest, many
    captures are replayed, and lead time, precision, recall and calibration are printed.

    The exit code is 0 whether or not something was foretold.
    """
    window = check_window(begin, end)
    if (capture is None) == (backtest is None):
        raise click.UsageError("give either CAPTURE or --backtest")
    rules = read_knowledge(knowledge)
    if backtest is not None:
        figures = _backtest(backtest, rules)
        click.echo(predictions_to_json(figures) if as_json else render_backtest(figures), nl=False)
    elif capture is not None:
        opened = open_capture(capture)
        predictions, _judged, _events = predict_capture(opened, rules, window=window)
        span = (format_time(begin or opened.begin_unix_nano), format_time(end or opened.end_unix_nano))
        if as_json:
            listed = PredictionList(PREDICTIONS_VERSION, opened.id, *span, predictions)
            click.echo(predictions_to_json(listed), nl=False)
        else:
            for line in _lines(predictions):
                click.echo(escape_text(line))


def _lines(predictions: tuple[Prediction, ...]) -> Iterator[str]:
    warnings = list_warnings(predictions)
    if not warnings:
        yield "Nothing could be foretold from this capture."
    for warning in warnings:
        first = warning.first
        yield f"{first.made_at[:19].replace('T', ' ')}  {in_one_line(first)}  [{', '.join(first.evidence)}]"
        yield f"{'':21}{warning.became}"


def _backtest(folder: Path, rules: Knowledge) -> Backtest:
    paths = sorted(folder.glob("*.tapio")) if folder.is_dir() else []
    if not paths:
        raise MissingInputError(
            "contains no captures", where=str(folder), next_step="give a directory that has `.tapio` files"
        )
    replayed = []
    with click.progressbar(
        length=len(paths), label="replaying", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for path in paths:
            replayed.append(_replay(path, rules))
            bar.update(1)
    return score(replayed, rules)


def _replay(path: Path, rules: Knowledge) -> Replayed:
    capture = open_capture(path)
    _predictions, judged, events = predict_capture(capture, rules)
    return Replayed(judged, events, capture.end_unix_nano - capture.begin_unix_nano)
