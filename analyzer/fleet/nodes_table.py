"""`tapio fleet status`: one line per node, from what each recorder says of itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from analyzer.fleet.recorders import Cluster, Json, RecorderPod
from formats.errors import TapioError
from formats.rows.kube_json import field, integer, items, parse_object, text
from formats.text import escape_text
from formats.times import format_time
from formats.units import format_bytes, format_duration

STATUS_COMMAND = ("tapio-recorder", "status", "--config", "/etc/tapio/recorder.yaml", "--json")
_AT_ONCE = 8
_STATUS_BYTES = 1 << 20
_COLUMNS = ("NODE", "STATE", "ROLE", "SINCE", "REACHES BACK", "RING", "LOST", "NOT RUNNING", "CPU", "VERSION")


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node.

    Attributes:
        node: its name.
        pod: of its recorder.
        state: recording, or why it is not known.
        status: what `tapio-recorder status --json` says; empty if it could not be asked.
    """

    node: str
    pod: str
    state: str
    status: Json


def ask_nodes(cluster: Cluster, recorders: Sequence[RecorderPod]) -> list[NodeStatus]:
    """Ask every recorder, several at a time; sorted as `recorders`."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda pod: _ask_node(cluster, pod), recorders))


def format_nodes(nodes: Sequence[NodeStatus]) -> str:
    """The table for people."""
    rows = [_COLUMNS, *(_row(node) for node in nodes)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for node in nodes:
        problems = [
            text(node.status, "storage_problem"),
            text(field(node.status, "upload"), "problem"),
            text(field(node.status, "fleet"), "problem"),
            text(field(node.status, "election"), "problem"),
        ]
        lines += [f"{node.node}: {problem}" for problem in problems if problem]
    return "\n".join(escape_text(line) for line in lines)


def _ask_node(cluster: Cluster, pod: RecorderPod) -> NodeStatus:
    if not pod.is_ready:
        return NodeStatus(pod.node, pod.name, f"not ready ({pod.state})", {})
    said = bytearray()
    try:
        for piece in cluster.run(pod, STATUS_COMMAND):
            said += piece
            if len(said) > _STATUS_BYTES:
                break
    except TapioError as error:
        return NodeStatus(pod.node, pod.name, f"unknown ({error.problem})", {})
    status = parse_object(bytes(said))
    return NodeStatus(pod.node, pod.name, "recording" if status else "unknown (it answered no JSON)", status or {})


def _row(node: NodeStatus) -> tuple[str, ...]:
    status = node.status
    if not status:
        return (node.node, node.state, *[""] * (len(_COLUMNS) - 2))
    now, since = integer(status, "now_unix_nano") or 0, integer(status, "started_unix_nano") or 0
    reach = now - (integer(status, "have_from_unix_nano") or now)
    losses = [loss for loss in items(status, "losses") if isinstance(loss, list) and len(loss) == 3]
    idle = [
        text(source, "name") for source in items(status, "sources") if text(source, "state") not in ("recording", "")
    ]
    cpu = status.get("cpu_percent")
    return (
        node.node,
        node.state,
        text(field(status, "election"), "role") or "-",
        f"{format_time(since)[:19]}Z",
        format_duration(max(reach, 0)),
        format_bytes(max((integer(status, "ring_bytes") or 0) + (integer(status, "journal_bytes") or 0), 0)),
        f"{sum(loss[2] for loss in losses if isinstance(loss[2], int)):,}",
        ", ".join(idle) or "-",
        f"{cpu:.1f} %" if isinstance(cpu, int | float) else "",
        text(status, "version"),
    )


def nodes_to_json(nodes: Sequence[NodeStatus]) -> str:
    """Everything that the recorders said."""
    found = [{"node": node.node, "pod": node.pod, "state": node.state, "status": node.status} for node in nodes]
    return json.dumps(found, indent=2, sort_keys=True)
