"""What the recorder says of itself: one snapshot, for `status`, for metrics and for liveness."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from formats.times import format_time
from formats.units import format_bytes, format_duration
from recorder import VERSION
from recorder.config import RecorderConfig
from recorder.store.store_status import StoreStatus


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source.

    Attributes:
        name: of its table.
        state: see `recorder.supervision.SourceState`.
        detail: why it does not run, or what it says itself; empty if all is well.
        events: rows given since the recorder started.
        bytes: of these rows in memory.
        lost: events that it missed since it was opened, where known.
        restarts: how often it was opened again.
    """

    name: str
    state: str
    detail: str
    events: int
    bytes: int
    lost: int
    restarts: int


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """How this node takes part in the Captures of its cluster.

    Attributes:
        namespace: of the Captures; empty if it does not take part.
        problem: what is wrong at the moment, in one clause; empty if nothing is.
        known: Captures that there are.
        pending: Captures that this node is working on.
        frozen: Captures of which it has frozen its part since the start.
        failed: Captures of which it could not.
        created: Captures that its triggers have created.
    """

    namespace: str = ""
    problem: str = ""
    known: int = 0
    pending: int = 0
    frozen: int = 0
    failed: int = 0
    created: int = 0


@dataclass(frozen=True, slots=True)
class ElectionStatus:
    """Who records what is cluster-wide.

    Attributes:
        role: see `recorder.fleet.election.ElectionRole`; empty if this recorder does not stand for election.
        namespace: of the Lease.
        leader: name of the node whose recorder leads, as far as is known.
        problem: what is wrong at the moment, in one clause; empty if nothing is.
    """

    role: str = ""
    namespace: str = ""
    leader: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderStatus(StoreStatus):
    """The recorder at one moment, with all that its store says.

    Attributes:
        version: of the recorder.
        node_name: `k8s.node.name`.
        pid: of its process.
        profile: how much it records.
        data_dir: where.
        now_unix_nano: wall clock of this snapshot.
        heartbeat_ns: CLOCK_MONOTONIC of the main loop's last turn, for liveness.
        sources: in the order in which they are drained.
        cpu_percent: of one core over the last 10 s, without children.
        resident_bytes: of its own memory.
        fleet: how it takes part in Captures.
        election: who records what is cluster-wide.
    """

    version: str
    node_name: str
    pid: int
    profile: str
    data_dir: str
    now_unix_nano: int
    heartbeat_ns: int
    sources: tuple[SourceStatus, ...]
    cpu_percent: float
    resident_bytes: int
    fleet: FleetStatus = FleetStatus()
    election: ElectionStatus = ElectionStatus()


def assemble_status(
    config: RecorderConfig,
    store: StoreStatus,
    sources: tuple[SourceStatus, ...],
    *,
    cpu_percent: float,
    resident_bytes: int,
) -> RecorderStatus:
    """The snapshot of this process."""
    return RecorderStatus(
        **{field.name: getattr(store, field.name) for field in dataclasses.fields(store)},
        version=VERSION,
        node_name=config.resolved_node_name,
        pid=os.getpid(),
        profile=config.profile,
        data_dir=str(config.data_dir),
        now_unix_nano=store.have_to_unix_nano,
        heartbeat_ns=time.monotonic_ns(),
        sources=sources,
        cpu_percent=round(cpu_percent, 3),
        resident_bytes=resident_bytes,
    )


def format_status(status: Mapping[str, Any]) -> str:
    """The snapshot, as JSON gives it, for people."""
    have_from, have_to = status["have_from_unix_nano"], status["have_to_unix_nano"]
    lines = [
        f"recorder   {status['version']} on {status['node_name']}, profile {status['profile']}, pid {status['pid']}",
        (
            f"have       {format_time(have_from)[:19]}Z to {format_time(have_to)[:19]}Z"
            f" ({format_duration(max(have_to - have_from, 0))})"
        ),
        (
            f"ring       {format_bytes(status['ring_bytes'])} in {status['segments']} segments,"
            f" {format_bytes(status['journal_bytes'])} not sealed yet, below {status['data_dir']}"
        ),
        f"own cost   {status['cpu_percent']:.2f} % of a core, {format_bytes(status['resident_bytes'])} resident",
    ]
    if status["storage_problem"]:
        lines.append(f"STORAGE    {status['storage_problem']}")
    if status["pending_freezes"]:
        lines.append(f"freezing   {status['pending_freezes']} captures in progress")
    if status["last_freeze"]:
        last = status["last_freeze"]
        lines.append(f"last freeze {last['path']} ({format_bytes(last['size'])}): {last['reason']}")
    if status["freeze_problem"]:
        lines.append(f"FREEZE     {status['freeze_problem']}")
    lines += _format_upload(status["upload"])
    fleet = status["fleet"]
    if fleet["namespace"]:
        figures = f"{fleet['pending']} in progress, {fleet['frozen']} frozen, {fleet['failed']} failed"
        lines.append(f"captures   {fleet['known']} in namespace {fleet['namespace']}: {figures} on this node")
        if fleet["problem"]:
            lines.append(f"CAPTURES   {fleet['problem']}")
    lines += _format_election(status["election"])
    lines += ["", f"{'source':<16} {'state':<12} {'events':>12} {'lost':>10}"]
    for source in status["sources"]:
        line = f"{source['name']:<16} {source['state']:<12} {source['events']:>12,} {source['lost']:>10,}"
        lines.append(f"{line}  {source['detail']}".rstrip())
    if status["losses"]:
        lines += ["", "missing since the start"]
        lines += [f"  {table:<16} {reason:<18} {count:,}" for table, reason, count in sorted(status["losses"])]
    return "\n".join(lines)


def _format_upload(upload: Mapping[str, Any]) -> list[str]:
    """What was uploaded and what waits; nothing without a destination."""
    if not upload["destination"]:
        return []
    done = f"{upload['uploaded']} uploaded since the start, {upload['objects']} kept at {upload['destination']}"
    waiting = f"{upload['waiting']} waiting ({format_bytes(upload['waiting_bytes'])})" if upload["waiting"] else ""
    lines = [f"upload     {', '.join(filter(None, [waiting, done]))}"]
    if upload["current"]:
        is_sent = upload["sent_bytes"] == upload["current_bytes"] or not upload["sent_bytes"]
        step = "reading back" if is_sent and upload["checked_bytes"] else "sending"
        part = upload["checked_bytes"] if step == "reading back" else upload["sent_bytes"]
        size = format_bytes(upload["current_bytes"])
        lines.append(f"uploading  {upload['current']}: {step}, {format_bytes(part)} of {size}")
    if upload["problem"]:
        again = upload["next_try_unix_nano"]
        lines.append(f"UPLOAD     {upload['problem']}" + (f"; next try at {format_time(again)[:19]}Z" if again else ""))
    return lines


def _format_election(election: Mapping[str, str]) -> list[str]:
    """Who records what is cluster-wide; nothing without an election."""
    role, leader, problem = election["role"], election["leader"], election["problem"]
    if not role:
        return []
    if role == "alone":
        return [f"role       alone: it also records what is cluster-wide, as there is no election: {problem}"]
    who = f"the recorder of {leader} records" if leader else "no recorder records"
    says = {
        "leader": "leader: it also records what is cluster-wide",
        "candidate": f"candidate: {who} what is cluster-wide",
    }
    lines = [f"role       {says.get(role, role)}"]
    return [*lines, f"ELECTION   {problem}"] if problem else lines
