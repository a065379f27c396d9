"""`tapio fleet`: the recorders of all nodes of a cluster; also `kubectl tapio`."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from analyzer.commands.fleet_cluster import cluster_options, connect, duration_option, find_recorders
from analyzer.commands.fleet_install import install, uninstall
from analyzer.commands.fleet_upkeep import delete, show_logs
from analyzer.commands.output_file import force_option, open_place
from analyzer.fleet.captures import NodeAnswer, read_answers
from analyzer.fleet.diagnosis import diagnose_nodes, diagnoses_to_json, format_diagnoses
from analyzer.fleet.fetching import fetch_file
from analyzer.fleet.freezing import make_capture, name_of, wait_for_nodes
from analyzer.fleet.nodes_table import ask_nodes, format_nodes, nodes_to_json
from analyzer.fleet.recorders import Cluster, RecorderPod
from analyzer.guard.opening import open_capture
from formats.capture.merging import merge_captures
from formats.capture_kind import FROZEN
from formats.command_line import examples
from formats.errors import ExitCode, MissingInputError, OutputError, TapioError, UsageError
from formats.text import escape_text
from formats.times import parse_time
from formats.units import format_bytes

_NEWEST = "newest"
_SUFFIX = ".tapio"


@click.group()
def command() -> None:
    """Install recorders on all nodes of a cluster; show, freeze and fetch what they record; also as `kubectl tapio`.

    The commands need the extra `fleet` (the Kubernetes client): pipx install 'tapio[analyzer,fleet]'.
    """


for part in (install, uninstall, show_logs, delete):
    command.add_command(part)


@command.command(name="status", epilog=examples("tapio fleet status", "tapio fleet status --json | jq '.[].node'"))
@cluster_options
@click.option("--json", "as_json", is_flag=True, help="Print everything that the recorders say as JSON.")
@click.pass_context
def show_status(
    context: click.Context, *, as_json: bool, namespace: str, kubeconfig: str | None, kube_context: str | None
) -> None:
    """Show every node: since when it records, how far back a freeze can reach, losses, its own cost.

    The exit code is 1 if a node does not record.
    """
    cluster = connect(namespace, kubeconfig, kube_context)
    nodes = ask_nodes(cluster, find_recorders(cluster))
    click.echo(nodes_to_json(nodes) if as_json else format_nodes(nodes))
    context.exit(ExitCode.OK if all(node.status for node in nodes) else ExitCode.NEGATIVE)


@command.command(name="doctor", epilog=examples("tapio fleet doctor", "tapio fleet doctor --node node-a --json"))
@cluster_options
@click.option("--node", "nodes", multiple=True, help="Only this node; can be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that the recorders say as JSON.")
@click.pass_context
def diagnose(
    context: click.Context,
    *,
    nodes: tuple[str, ...],
    as_json: bool,
    namespace: str,
    kubeconfig: str | None,
    kube_context: str | None,
) -> None:
    """Check on every node what its recorder can record, and how to fix what it cannot; the same on several nodes once.

    The exit code is 1 if a source of the profile does not work on a node, or a node cannot be asked.
    """
    cluster = connect(namespace, kubeconfig, kube_context)
    found = diagnose_nodes(cluster, find_recorders(cluster, nodes))
    click.echo(diagnoses_to_json(found) if as_json else format_diagnoses(found))
    context.exit(ExitCode.OK if all(node.is_good for node in found) else ExitCode.NEGATIVE)


@command.command(
    name="freeze",
    epilog=examples(
        'tapio fleet freeze --before 10m --reason "frontend returns 5xx"',
        "tapio fleet freeze --at 2026-11-22T03:20:00Z --before 5m --after 1m",
        "tapio fleet freeze --node node-a --node node-b --no-wait",
    ),
)
@cluster_options
@click.option("--before", help="How far back from --at, such as 10m. Default: 10m.")
@click.option("--after", help="How far beyond --at, such as 30s. Default: 30s.")
@click.option("--at", help="Moment to which the window refers (RFC 3339). Default: now.")
@click.option("--reason", default="", help="Reason, stored in the captures.")
@click.option("--node", "nodes", multiple=True, help="Only this node; can be repeated.")
@click.option("--name", default="", help="Name of the Capture. Default: made from the time.")
@click.option("--timeout", default="10m", help="How long to wait for the nodes, beyond --after. Default: 10m.")
@click.option("--wait/--no-wait", default=True, help="Wait until every node has frozen, or has said why not.")
@click.pass_context
def freeze(
    context: click.Context,
    *,
    before: str | None,
    after: str | None,
    at: str | None,
    reason: str,
    nodes: tuple[str, ...],
    name: str,
    timeout: str,
    wait: bool,
    namespace: str,
    kubeconfig: str | None,
    kube_context: str | None,
) -> None:
    """Create a Capture, so that all nodes freeze the same window, and wait for what comes of it.

    A node whose recorder is away takes part when it is back. The exit code is 1 if a node has not frozen.
    """
    after_ns, timeout_ns = duration_option("--after", after), duration_option("--timeout", timeout) or 0
    content = make_capture(
        name=name,
        at_ns=_moment(at),
        before_ns=duration_option("--before", before),
        after_ns=after_ns,
        reason=reason,
        nodes=nodes,
    )
    cluster = connect(namespace, kubeconfig, kube_context)
    recorders = find_recorders(cluster)
    created = name_of(cluster.create_capture(content))
    click.echo(f"Capture {escape_text(created)} created")
    if not wait:
        return
    answers = wait_for_nodes(
        cluster,
        created,
        recorders,
        seconds=(timeout_ns + (after_ns or 0)) / 1e9,
        changed=lambda answer: click.echo(_describe(answer)),
    )
    is_whole = _tell_missing(answers, recorders)
    fetch = shlex.join(["tapio", "fleet", "fetch", created, "-o", f"{created}{_SUFFIX}"])
    click.echo(f"fetch with `{escape_text(fetch)}`")
    context.exit(ExitCode.OK if is_whole else ExitCode.NEGATIVE)


@command.command(
    name="fetch",
    epilog=examples(
        "tapio fleet fetch auto-oom-kill-20261122t032000z -o incident.tapio",
        "tapio fleet fetch newest -o incident/",
    ),
)
@click.argument("capture", metavar="CAPTURE")
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="NAME.tapio: one capture of all nodes, merged. Otherwise a directory: one file per node.",
)
@force_option
@click.pass_context
def fetch(
    context: click.Context,
    *,
    capture: str,
    output: Path,
    force: bool,
    namespace: str,
    kubeconfig: str | None,
    kube_context: str | None,
) -> None:
    """Fetch the files of the Capture named CAPTURE, or of the `newest`, from all nodes.

    Files are streamed from the recorders' pods and checked against their digests. A fetch that was interrupted
    continues where it broke; files that are there already are not fetched again. The exit code is 1 if the file of
    a node is missing: fetch again when the node is back.
    """
    is_merged = output.suffix == _SUFFIX and not output.is_dir()
    if not output.absolute().parent.is_dir():
        raise OutputError("the directory does not exist", where=str(output), next_step="choose another path with -o")
    if is_merged and output.exists() and not force:
        raise OutputError(
            "the file already exists", where=str(output), next_step="choose another path with -o, or give --force"
        )
    cluster = connect(namespace, kubeconfig, kube_context)
    found = _find_capture(cluster, capture)
    recorders = find_recorders(cluster)
    answers = read_answers(found, recorders)
    parts = output.with_name(f".{output.name}.parts") if is_merged else output
    parts.mkdir(exist_ok=True)
    paths, is_whole = _fetch_files(cluster, recorders, answers, parts)
    is_whole &= _tell_missing(answers, recorders)
    if not paths:
        raise MissingInputError(
            "no node has a file of this Capture", where=name_of(found), next_step="see `kubectl get captures`"
        )
    if is_merged:
        with open_place(output, may_replace=force) as place:
            merged = merge_captures(
                place, [open_capture(path) for path in paths], created_by=f"tapio fleet fetch {version('tapio')}"
            )
        click.echo(f"{escape_text(str(output))}: {merged.events:,} events of {len(merged.nodes)} nodes")
        if is_whole:
            shutil.rmtree(parts, ignore_errors=True)
    context.exit(ExitCode.OK if is_whole else ExitCode.NEGATIVE)


def _fetch_files(
    cluster: Cluster, recorders: Sequence[RecorderPod], answers: Sequence[NodeAnswer], directory: Path
) -> tuple[list[Path], bool]:
    """The files that are there now, and whether all are that the nodes have frozen."""
    pods = {pod.node: pod for pod in reversed(recorders)}
    wanted = [answer for answer in answers if answer.state == FROZEN]
    paths, is_whole = [], True
    # Without a terminal, the bar would be lines in a log.
    bar = click.progressbar(
        length=sum(answer.size for answer in wanted), label="fetching", file=sys.stderr, hidden=not sys.stderr.isatty()
    )
    with bar:
        for answer in wanted:
            path = directory / f"{answer.node}{_SUFFIX}"
            try:
                was_fetched = _fetch_one(cluster, pods.get(answer.node), answer, path, bar.update)
            except (OutputError, KeyboardInterrupt):
                raise
            except TapioError as error:
                click.echo(f"{answer.node}: {error}", err=True)
                is_whole = False
                continue
            paths.append(path)
            if was_fetched:
                click.echo(f"{_describe(answer)}  {escape_text(str(path))}")
    return paths, is_whole


def _fetch_one(
    cluster: Cluster, pod: RecorderPod | None, answer: NodeAnswer, path: Path, told: Callable[[int], None]
) -> bool:
    if not answer.file or not answer.sha256:
        raise MissingInputError("the node names no file of a capture", where=answer.node)
    if pod is None:
        raise MissingInputError(
            "the node has no recorder at the moment", where=answer.node, next_step="fetch again later"
        )
    return fetch_file(cluster, pod, answer, path, told=told)


def _find_capture(cluster: Cluster, name: str) -> dict[str, Any]:
    if name != _NEWEST:
        return cluster.read_capture(name)
    captures = cluster.list_captures()
    if not captures:
        raise MissingInputError("there are no Captures", where=f"namespace {cluster.namespace}")
    return captures[0]


def _describe(answer: NodeAnswer) -> str:
    line = f"{answer.node}  {answer.state}"
    if answer.state == FROZEN:
        line += f"  {format_bytes(answer.size)}, {answer.events:,} events, {answer.losses:,} lost"
    return f"{line}  {answer.message}".rstrip()


def _tell_missing(answers: Sequence[NodeAnswer], recorders: Sequence[RecorderPod]) -> bool:
    """Say which nodes have no file, and why; True if all have."""
    ready = {pod.node for pod in recorders if pod.is_ready}
    missing = [answer for answer in answers if answer.state != FROZEN]
    for answer in missing:
        if not answer.state and answer.node not in ready:
            why = "its recorder is not ready; it takes part when it is back"
        else:
            why = answer.message or answer.state or "it has not answered"
        click.echo(f"{answer.node}: no file: {why}", err=True)
    return not missing


def _moment(told: str | None) -> int | None:
    """What --at names. Default: now, by the clock of this machine, so that the window is the same on all nodes."""
    if told is None:
        return time.time_ns()
    try:
        return parse_time(told)
    except ValueError as error:
        raise UsageError(str(error), where="--at") from None
