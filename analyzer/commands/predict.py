"""`tapio predict`: what could be foretold from a capture or a live recorder, and how often predictions were right."""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click

from analyzer.commands.capture_path import CapturePath
from analyzer.commands.window import Moment, check_window, from_option, knowledge_option, to_option
from analyzer.guard.opening import open_capture
from analyzer.knowledge.rules import Knowledge
from analyzer.knowledge.shipped import read_knowledge
from analyzer.prediction.backtest import Replayed, score
from analyzer.prediction.predict import predict_capture
from analyzer.prediction.watching import watch
from formats.command_line import examples
from formats.errors import MissingInputError
from formats.postmortem.findings import Prediction
from formats.postmortem.predictions import PREDICTIONS_VERSION, Backtest, PredictionList, predictions_to_json
from formats.text import escape_text
from formats.times import format_time
from reports.backtest import render_backtest
from reports.predictions import in_one_line, list_warnings


@click.command(
    epilog=examples(
        "tapio predict night.tapio",
        "tapio predict --watch /var/lib/tapio/ring",
        "tapio predict --backtest archive/",
    )
)
@click.argument("capture", required=False, type=CapturePath())
@click.option(
    "--backtest",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of captures: print how often predictions were right in them.",
)
@click.option(
    "--watch",
    "watched",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data directory of a recorder: print predictions as they are made, until interrupted.",
)
@click.option("--interval", type=click.IntRange(1, 3600), default=15, show_default=True, help="Seconds between looks.")
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
    watched: Path | None,
    interval: int,
    as_json: bool,
    knowledge: tuple[Path, ...],
    begin: Moment | None,
    end: Moment | None,
) -> None:
    """Say what could be foretold from CAPTURE at each moment, from what had been recorded until then alone.

    A prediction is printed with the time at which it could be made, and with what became of it. With --backtest, many
    captures are replayed, and lead time, precision, recall and calibration are printed. With --watch, the ring of a
    live recorder is followed: each prediction is printed once, again when it changes materially, and when it is known
    what became of it; with --json, one JSON object per line.

    The exit code is 0 whether or not something was foretold.
    """
    if sum(given is not None for given in (capture, backtest, watched)) != 1:
        raise click.UsageError("give one of CAPTURE, --backtest and --watch")
    rules = read_knowledge(knowledge)
    if watched is not None:
        stopped = _stop_on_signals()
        for prediction in watch(watched, rules, lambda: stopped.wait(interval)):
            click.echo(_json_line(prediction) if as_json else escape_text(_live_line(prediction)))
    if backtest is not None:
        figures = _backtest(backtest, rules)
        click.echo(predictions_to_json(figures) if as_json else render_backtest(figures), nl=False)
    elif capture is not None:
        opened = open_capture(capture)
        window = check_window(opened, begin, end)
        predictions, _judged, _events = predict_capture(opened, rules, window=window)
        span = (format_time(window[0] or opened.begin_unix_nano), format_time(window[1] or opened.end_unix_nano))
        if as_json:
            listed = PredictionList(PREDICTIONS_VERSION, opened.id, *span, predictions)
            click.echo(predictions_to_json(listed), nl=False)
        else:
            for line in _lines(predictions):
                click.echo(escape_text(line))


def _stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set: the look that is in progress is finished."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    return stopped


def _live_line(prediction: Prediction) -> str:
    if prediction.outcome == "confirmed" and prediction.happened_at is not None:
        return f"{prediction.happened_at[:19].replace('T', ' ')}  happened as predicted: {prediction.what}"
    if prediction.outcome == "refuted":
        return f"{prediction.expected_to[:19].replace('T', ' ')}  did not happen: {prediction.what}"
    return f"{prediction.made_at[:19].replace('T', ' ')}  {in_one_line(prediction)}  [{', '.join(prediction.evidence)}]"


def _json_line(prediction: Prediction) -> str:
    return json.dumps(dataclasses.asdict(prediction), sort_keys=True, ensure_ascii=False)


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
