"""`tapio fleet logs` and `delete`: what recorders say, and Captures that are no longer needed."""

from __future__ import annotations

import time

import click

from analyzer.commands.fleet_cluster import cluster_options, connect, duration_option, find_recorders
from analyzer.fleet.logs import MAX_FOLLOWED, print_logs
from formats.command_line import examples
from formats.errors import ExitCode, UsageError
from formats.rows.kube_json import field, text
from formats.text import escape_text
from formats.times import NANOSECONDS, parse_time


@click.command(
    name="logs",
    epilog=examples(
        "tapio fleet logs --since 10m",
        "tapio fleet logs node-a --follow",
        "tapio fleet logs node-a --previous",
    ),
)
@click.argument("nodes", metavar="[NODE]...", nargs=-1)
@cluster_options
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until interrupted.")
@click.option("-p", "--previous", is_flag=True, help="The log of the container before its last restart.")
@click.option("--since", help="Only lines that are at most this old, such as 10m.")
@click.option("--tail", type=click.IntRange(min=0), help="Only so many of the last lines of each node.")
@click.pass_context
def show_logs(
    context: click.Context,
    *,
    nodes: tuple[str, ...],
    follow: bool,
    previous: bool,
    since: str | None,
    tail: int | None,
    namespace: str,
    kubeconfig: str | None,
    kube_context: str | None,
) -> None:
    """Print the logs of the recorders of all nodes, or of those named NODE, each line with its node.

    The exit code is 1 if a log cannot be read.
    """
    if follow and previous:
        raise UsageError("--follow and --previous exclude each other: a container that ended says nothing more")
    since_ns = duration_option("--since", since)
    cluster = connect(namespace, kubeconfig, kube_context)
    recorders = find_recorders(cluster, nodes)
    if follow and len(recorders) > MAX_FOLLOWED:
        raise UsageError(
            f"at most {MAX_FOLLOWED} nodes can be followed, there are {len(recorders)}", next_step="name some of them"
        )
    options = {
        **({"follow": "true"} if follow else {}),
        **({"previous": "true"} if previous else {}),
        **({"sinceSeconds": str(max(1, since_ns // NANOSECONDS))} if since_ns is not None else {}),
        **({"tailLines": str(tail)} if tail is not None else {}),
    }
    try:
        is_whole = print_logs(
            cluster, recorders, options, told=click.echo, failed=lambda problem: click.echo(problem, err=True)
        )
    except KeyboardInterrupt:
        if follow:
            return
        raise
    context.exit(ExitCode.OK if is_whole else ExitCode.NEGATIVE)


@click.command(
    name="delete",
    epilog=examples("tapio fleet delete night", "tapio fleet delete --older-than 30d"),
)
@click.argument("captures", metavar="[CAPTURE]...", nargs=-1)
@cluster_options
@click.option("--older-than", help="All Captures that were created longer ago, such as 30d.")
def delete(
    *,
    captures: tuple[str, ...],
    older_than: str | None,
    namespace: str,
    kubeconfig: str | None,
    kube_context: str | None,
) -> None:
    """Delete the Captures named CAPTURE, or old ones; their files stay on the nodes, which limit them by size."""
    age_ns = duration_option("--older-than", older_than)
    if bool(captures) == (age_ns is not None):
        raise UsageError("name Captures, or give --older-than", next_step="`kubectl get captures` lists them")
    cluster = connect(namespace, kubeconfig, kube_context)
    names = list(captures)
    if age_ns is not None:
        limit = time.time_ns() - age_ns
        for found in cluster.list_captures():
            metadata = field(found, "metadata")
            if parse_time(text(metadata, "creationTimestamp")) < limit:
                names.append(text(metadata, "name"))
    for name in names:
        cluster.delete_capture(name)
        click.echo(f"capture.tapio.dev/{escape_text(name)} deleted")
    if not names:
        click.echo("there are no such Captures")
