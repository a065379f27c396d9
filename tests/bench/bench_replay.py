"""`tapio analyze` on synthetic hours of a node: time and memory for 1, 10 and 36 million events.

A capture is one hour of a node with 40 pods. Programs come and go, connect, fail in system calls, answer requests, and
hit tracepoints, in the shares of `SHARES`; the same shares at every size, only the rate differs. Into the hour one
incident is written: a ConfigMap is changed, its Deployment restarts, the container is OOM-killed again and again, its
callers are refused. The answer is checked: the ConfigMap must be named.

Beside it, as peer, DuckDB alone on the same Arrow files: one pass that counts the rows of each event by cgroup, over
three columns of every table. That is about the least that any analysis must do.

Every figure is min / median / max of several runs.

usage: bench_replay.py [--millions 1,10,36] [--runs 5] [--keep DIRECTORY]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from formats import limits
from formats.batches import complete_batch
from formats.capture.info import CaptureInfo
from formats.capture.writing import write_capture
from formats.catalog import TABLE_BY_NAME
from formats.clock import ClockSnapshot
from formats.columns import NAME_TYPE
from formats.segment.sealing import SegmentHeader, seal_segment
from tests.analyzer.capture_builder import (
    BEGIN,
    BOOT_AT_BEGIN,
    BOOT_ID,
    CaptureBuilder,
    container_status,
    runtime_id_of,
    termination,
    uid_of,
)
from tests.bench.spread import ratio, spread

NODE = "node-1"
HOUR_S = 3_600
PODS = 40
SEGMENTS = 12
SHARES = {
    "tracepoint": 0.30,
    "tcp": 0.25,
    "process": 0.20,
    "syscall_error": 0.15,
    "request": 0.05,
    "memory": 0.03,
    "pressure": 0.02,
}
"""Part of each table in all events. Why these: nobody's node is the mean one, so every table that is read is well filled."""

PASSES = """
SELECT event_name, cgroup_id, count(*), min(boot_time_ns), max(boot_time_ns) FROM rows GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One program's run over one capture."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


def main() -> None:
    """Make the captures, run everything, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--millions", default="1,10,36")
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--keep", type=Path, help="keep the captures here, and use those that are there")
    options = arguments.parse_args()
    sizes = [int(size) for size in options.millions.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.keep or Path(scratch)
        print("| events | capture | analyze, s | its CPU, s | growth of CPU | peak, MiB | root cause "
              "| DuckDB alone, one pass, s | its CPU, s | CPU to that of DuckDB alone |")  # fmt: skip
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        before: tuple[int, float] | None = None
        for size in sizes:
            path = directory / f"hour-{size}m.tapio"
            if not path.exists():
                write_hour(path, size * 1_000_000)
            analyze = [str(Path(sys.executable).with_name("tapio")), "analyze", str(path), "--json"]
            # By turns: what else the machine does meets both.
            pairs = [
                (measure(analyze), measure([sys.executable, __file__, "--peer", str(path)]))
                for _ in range(options.runs)
            ]
            runs, peers = zip(*pairs, strict=True)
            cpu, peer_cpu = [run.cpu_seconds for run in runs], [peer.cpu_seconds for peer in peers]
            median = statistics.median(cpu)
            growth = f"{median / before[1]:.1f} x for {size / before[0]:.1f} x" if before else ""
            before = size, median
            print(
                f"| {size:,},000,000 | {path.stat().st_size / 1e6:,.0f} MB | {spread([run.seconds for run in runs])} "
                f"| {spread(cpu)} | {growth} | {spread([run.peak_mib for run in runs], 0)} "
                f"| {', '.join(sorted({root_cause(run.output) for run in runs}))} "
                f"| {spread([peer.seconds for peer in peers])} | {spread(peer_cpu)} | {ratio(cpu, peer_cpu)} |",
                flush=True,
            )


def root_cause(document: str) -> str:
    """Kind and name of the first finding's root cause; a sentence if there is none."""
    findings = json.loads(document)["findings"] if document.startswith("{") else []
    if not findings:
        return "not found"
    cause = findings[0]["root_cause"]
    return f"{cause['kind']} {cause['name']}"


def measure(command: list[str]) -> Run:
    """Runs a program to its end: wall clock, and its own peak of resident memory."""
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        # A kept analysis would answer from the second run on.
        process = subprocess.Popen(command, stdout=output, env={**os.environ, "TAPIO_CACHE": "off"})
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        output.seek(0)
        return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read().decode())


def run_peer(path: Path) -> None:
    """DuckDB alone: reads the same columns of the same rows, and groups them."""
    import duckdb

    from formats.capture.reading import open_capture

    connection = duckdb.connect()
    capture = open_capture(path)
    for table in SHARES:
        columns = ["boot_time_ns", "event_name", "cgroup_id"]
        for segment in capture.segments:
            batches = [batch for batch in segment.batches(table, columns) if isinstance(batch, pa.RecordBatch)]
            if batches:
                connection.register("rows", pa.Table.from_batches(batches))
                connection.execute(PASSES).fetchall()


def write_hour(path: Path, events: int, created_by: str = "bench") -> None:
    """A capture of one hour with about so many events and one incident."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        directory = Path(scratch)
        story = write_story(directory)
        crowd = [write_crowd(directory, number, events // SEGMENTS) for number in range(SEGMENTS)]
        write_capture(path, [*story, *crowd], info=CaptureInfo(created_by=created_by))


def write_story(directory: Path) -> list[Path]:
    """The incident, and the state that names the crowd's cgroups."""
    story = CaptureBuilder(directory, node=NODE)
    story.kube_object("Node", NODE, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, at=0)
    story.kube_object("Namespace", "shop", {}, at=0)
    story.kube_object("ConfigMap", "cache-config", {"data": {"MEM_MB": "24"}}, at=0)
    uses = {
        "name": "cache",
        "env": [{"name": "MEM_MB", "valueFrom": {"configMapKeyRef": {"name": "cache-config"}}}],
        "resources": {"limits": {"memory": "64Mi"}},
    }
    story.kube_object("Deployment", "cache", _deployment(uses, 1, ready=1), at=0)
    story.kube_object("ReplicaSet", "cache-a", {"spec": {"replicas": 1}}, owner=("Deployment", "cache"), at=0)
    story.service("cache", cluster_ip="10.2.0.1", at=0)
    for index in range(PODS):
        name = f"crowd-{index}"
        story.pod(name, ip=f"10.1.1.{index}", at=0, statuses=[container_status("crowd", run_of=f"{name}/crowd")])
        story.cgroup(100 + index, name, "crowd", at=0)
    cache = {"containers": [uses], "labels": {"app": "cache"}}
    before = cache | {"ip": "10.1.0.1", "owner": ("ReplicaSet", "cache-a")}
    story.pod("cache-1", at=0, statuses=[container_status("cache", run_of="cache-1/cache")], **before)
    # The change, and the rollout that takes it to a new pod.
    story.kube_object("ConfigMap", "cache-config", {"data": {"MEM_MB": "200"}}, at=1_800)
    story.kube_object("Deployment", "cache", _deployment(uses, 2, ready=1), at=1_805)
    story.kube_object(
        "ReplicaSet", "cache-b", {"spec": {"replicas": 1}}, owner=("Deployment", "cache"), event="added", at=1_806
    )
    story.pod("cache-1", event="deleted", at=1_808, **before)
    after = cache | {"ip": "10.1.0.2", "owner": ("ReplicaSet", "cache-b")}
    story.pod("cache-2", event="added", at=1_807, statuses=[container_status("cache", run_of="cache-2/cache")], **after)
    story.cgroup(12, "cache-2", "cache", at=1_808)
    for kill in range(6):
        _kill(story, 1_830 + 60 * kill, kill, after)
    story.write("story.tapio")
    (directory / "story.tapio").unlink()
    return sorted(directory.glob("segment-*"))


def _deployment(container: dict[str, Any], generation: int, *, ready: int) -> dict[str, Any]:
    annotations = {"kubectl.kubernetes.io/restartedAt": str(generation)} if generation > 1 else {}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [container]}}
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": 1, "template": template},
        "status": {"replicas": 1, "readyReplicas": ready, "observedGeneration": generation},
    }


def _kill(story: CaptureBuilder, at: int, number: int, pod: dict[str, Any]) -> None:
    """The kernel kills the cache; its pod waits and starts again; its callers are refused meanwhile."""
    path = f"/kubepods/burstable/pod{uid_of('Pod/shop/cache-2')}"
    run = "cache-2/cache" if number == 0 else f"cache-2/cache run {number}"
    story.row("oom", "oom.kill", at, process__pid=900 + number, cgroup_id=12, process__command="cached")
    story.row(
        "oom",
        "oom.report",
        at + 0.1,
        process__pid=900 + number,
        process__command="cached",
        **{
            "oom.constraint": "CONSTRAINT_MEMCG",
            "oom.victim_cgroup.path": f"{path}/{runtime_id_of('cache-2/cache')}",
            "oom.limited_cgroup.path": path,
        },
    )
    ended = termination(at=at, reason="OOMKilled", exit_code=137, run_of=run)
    steps = [
        (0.5, container_status("cache", run_of=run, restarts=number, terminated=ended)),
        (2.0, container_status("cache", run_of=run, restarts=number, waiting="CrashLoopBackOff", last=ended)),
        (50.0, container_status("cache", run_of=f"cache-2/cache run {number + 1}", restarts=number + 1, last=ended)),
    ]
    for later, status in steps:
        story.pod("cache-2", at=at + later, statuses=[status], **pod)
    for caller in range(20):
        story.tcp(
            "refused",
            at + 3.0 + caller,
            cgroup_id=100 + caller % 5,
            **{"network.peer.address": "10.2.0.1", "network.peer.port": 6379, "error.type": "ECONNREFUSED"},
        )


def write_crowd(directory: Path, number: int, events: int) -> Path:
    """One segment of a twelfth of the hour."""
    length_ns = HOUR_S * 1_000_000_000 // SEGMENTS
    begin = BOOT_AT_BEGIN + number * length_ns
    clock = ClockSnapshot(begin + BEGIN - BOOT_AT_BEGIN, begin, begin, 100, 1_000, True)
    header = SegmentHeader(f"{1_000 + number:032x}", NODE, BOOT_ID, "bench", (clock,))

    def batches(table: str) -> Iterator[pa.RecordBatch]:
        rows = round(events * SHARES[table])
        step = max(length_ns // max(rows, 1), 1)
        for first in range(0, rows, limits.FRAME_ROWS):
            count = min(limits.FRAME_ROWS, rows - first)
            boot = begin + np.arange(first, first + count, dtype=np.int64) * step
            random = np.random.default_rng([number, first])
            yield complete_batch(
                TABLE_BY_NAME[table],
                make_rows(table, boot, random),
                node_name=NODE,
                first_seq=10_000_000 + number * rows + first,
                unix_minus_boot_ns=BEGIN - BOOT_AT_BEGIN,
            )

    seal_segment(directory, f"crowd-{number}", header, batches, list(SHARES))
    return directory / f"crowd-{number}"


def make_rows(table: str, boot: np.ndarray, random: np.random.Generator) -> pa.RecordBatch:
    """Rows of a table as a node's programs would make them: few distinct names, many numbers."""
    count = len(boot)
    pod = random.integers(0, PODS, count)
    pid = (1_000 + random.integers(0, 4_000, count)).astype(np.int32)
    given: dict[str, object] = {
        "boot_time_ns": boot,
        "severity_number": np.full(count, 9, np.uint8),
        "process.pid": pid,
        "cgroup_id": (100 + pod).astype(np.uint64),
        "process.command": names(
            ["nginx", "python3", "java", "node", "redis-server", "sh"], random.integers(0, 6, count)
        ),
        "process.parent_pid": np.ones(count, np.int32),
        "process.start_boot_ns": boot - random.integers(1, 10**9, count),
        "count": random.integers(1, 50, count),
        "first_boot_time_ns": boot - 10**9,
    }
    given |= _OWN_COLUMNS[table](count, boot, random)
    schema = TABLE_BY_NAME[table].drained_schema
    columns = []
    for field in schema:
        value = given.get(field.name)
        if value is None:
            value = pa.nulls(count, field.type) if field.nullable else names([""], np.zeros(count, np.int64))
        columns.append(value if isinstance(value, pa.Array) else pa.array(value, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def names(values: list[str], index: np.ndarray) -> pa.DictionaryArray:
    """A column of few distinct texts."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(values)).cast(NAME_TYPE)


def masked(values: np.ndarray, is_there: np.ndarray, data_type: pa.DataType) -> pa.Array:
    """A column that is null where it says nothing."""
    return pa.array(values, data_type, mask=~is_there)


def _process(count: int, _boot: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    kind = random.integers(0, 3, count)
    is_exit = kind == 2
    return {
        "event_name": names(["process.fork", "process.exec", "process.exit"], kind),
        "process.exit.code": masked(np.where(random.random(count) < 0.001, 1, 0), is_exit, pa.int32()),
        "duration_ns": masked(random.integers(10**6, 10**9, count), is_exit, pa.int64()),
    }


def _tcp(count: int, _boot: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    kind = np.where(random.random(count) < 0.0005, 3, random.integers(0, 3, count))
    addresses = [f"10.1.1.{index}" for index in range(PODS)]
    return {
        "event_name": names(["tcp.connect", "tcp.accept", "tcp.close", "tcp.retransmit"], kind),
        "tcp.socket_id": random.integers(1, 2**40, count).astype(np.uint64),
        "network.type": names(["ipv4"], np.zeros(count, np.int64)),
        "network.local.address": names(addresses, random.integers(0, PODS, count)),
        "network.local.port": random.integers(30_000, 60_000, count).astype(np.uint16),
        "network.peer.address": names(addresses, random.integers(0, PODS, count)),
        "network.peer.port": np.full(count, 8_080, np.uint16),
        "tcp.network_namespace": np.ones(count, np.uint64),
        "duration_ns": random.integers(10**4, 10**8, count),
        "network.io.transmit_bytes": masked(random.integers(100, 10**5, count), kind == 2, pa.int64()),
        "network.io.receive_bytes": masked(random.integers(100, 10**5, count), kind == 2, pa.int64()),
    }


def _syscall_error(count: int, _boot: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    kind = random.integers(0, 3, count)
    return {
        "event_name": names(["syscall.errors"], np.zeros(count, np.int64)),
        "syscall.number": np.array([0, 232, 202], np.int32)[kind],
        "syscall.name": names(["read", "epoll_wait", "futex"], kind),
        "error.type": names(["EAGAIN", "EINTR", "ETIMEDOUT"], kind),
    }


def _request(count: int, _boot: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    return {
        "event_name": names(["request.responses"], np.zeros(count, np.int64)),
        "request.side": names(["server", "client"], random.integers(0, 2, count)),
        "http.response.status_code": np.where(random.random(count) < 0.01, 404, 200).astype(np.int32),
    }


def _tracepoint(count: int, _boot: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    return {
        "event_name": names(["tracepoint.hit"], np.zeros(count, np.int64)),
        "thread.id": random.integers(1_000, 9_000, count).astype(np.int32),
        "tracepoint.name": names(["sched:sched_switch", "syscalls:sys_enter_openat"], random.integers(0, 2, count)),
        "cpu.logical_number": random.integers(0, 16, count).astype(np.uint16),
    }


def _paths(pod: np.ndarray) -> pa.Array:
    values = [
        f"/kubepods/burstable/pod{uid_of(f'Pod/shop/crowd-{index}')}/{runtime_id_of(f'crowd-{index}/crowd')}"
        for index in range(PODS)
    ]
    return names(values, pod).cast(pa.utf8())


def _memory(count: int, boot: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    # Every pod in turn, as a poller reads them.
    pod = np.arange(count) % PODS
    return {
        "event_name": names(["memory.sample"], np.zeros(count, np.int64)),
        "cgroup_id": (100 + pod).astype(np.uint64),
        "cgroup.path": _paths(pod),
        "cgroup.version": np.full(count, 2, np.uint8),
        "memory.usage_bytes": random.integers(20 << 20, 40 << 20, count),
        "memory.working_set_bytes": random.integers(20 << 20, 30 << 20, count),
        "memory.limit_bytes": np.full(count, 64 << 20),
        "memory.limit_hits": np.zeros(count, np.int64),
        "memory.oom_kills": np.zeros(count, np.int64),
    }


def _pressure(count: int, boot: np.ndarray, random: np.random.Generator) -> dict[str, object]:
    pod = np.arange(count) % PODS
    return {
        "event_name": names(["pressure.sample"], np.zeros(count, np.int64)),
        "cgroup_id": (100 + pod).astype(np.uint64),
        "cgroup.path": _paths(pod),
        "pressure.resource": names(["cpu", "memory", "io"], (np.arange(count) // PODS) % 3),
        "pressure.some_ns": (boot - BOOT_AT_BEGIN) // 1_000 + random.integers(0, 100, count),
        "pressure.full_ns": (boot - BOOT_AT_BEGIN) // 10_000,
    }


_OWN_COLUMNS = {
    "process": _process,
    "tcp": _tcp,
    "syscall_error": _syscall_error,
    "request": _request,
    "tracepoint": _tracepoint,
    "memory": _memory,
    "pressure": _pressure,
}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        run_peer(Path(sys.argv[2]))
    else:
        main()
