"""The recorder beside `perf record`, on the same load: CPU, losses, bytes per event.

A tester (tick.c) calls getppid at a steady rate in a cgroup of its own and says exactly how often. The recorder records the
tracepoint syscalls:sys_enter_getppid of that cgroup; then `perf record` records the same load. For each rate the table has

* the recorder's own CPU while the load runs, user and system, in percent of one core;
* the CPU of its sealing children, which run at low priority when there is time, in seconds per million events: whole
  journals of 4 MiB at most, so that a run of some seconds has several, each a child from its start to its end. The
  start, a quarter of a second, is most of it at low rates, where a journal is closed every ten minutes by default;
* the CPU of `perf record`, in percent of one core;
* produced = recorded + lost, exactly: the tester's count, the rows of the segments, the rows of the table `loss`;
* bytes on disk per event of both.

Every figure is min / median / max of several runs; the recorder and `perf record` run by turns.

usage: bench_record.py [--runs 5] [--seconds 10] [--rates 10000,165000,1000000] [--idle SECONDS]        needs root, gcc, perf (optional)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from formats.capture.reading import open_capture
from formats.journal.reading import open_journal
from formats.loss import Damage
from recorder.control import request_reply
from tests.bench.spread import ratio, spread

HERE = Path(__file__).parent
UNIFIED = next(path for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")) if path.exists())
TRACEPOINT = "syscalls:sys_enter_getppid"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time in seconds."""

    user: float
    system: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.user - other.user, self.system - other.system)

    def percent(self, seconds: float) -> float:
        """User and system time of one core over an interval."""
        return 100 * (self.user + self.system) / seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One run at one rate; what was not measured is None.

    Attributes:
        cpu: of the recorder, percent of a core.
        resident: MiB.
        sealing: CPU seconds per million events.
        perf_cpu: of `perf record`, percent of a core.
        recorded, lost: events.
        balance: recorded + lost - produced.
        stored, perf_stored: bytes per event.
    """

    cpu: float
    resident: int
    sealing: float | None = None
    perf_cpu: float | None = None
    recorded: int = 0
    lost: int = 0
    balance: int = 0
    stored: float | None = None
    perf_stored: float | None = None


def main() -> None:
    """Run every rate and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--rates", default="10000,165000,1000000")
    arguments.add_argument("--idle", type=int, default=20, help="seconds without load first")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="tapio-bench-") as name:
        directory = Path(name)
        tick = directory / "tick"
        subprocess.run(["gcc", "-O2", "-o", tick, HERE / "tick.c"], check=True)
        print("| events/s | recorder CPU % | perf record CPU % | recorder to perf record | sealing s per 1,000,000 "
              "| recorded | lost | recorded + lost - produced | bytes/event | perf bytes/event | resident MiB |")  # fmt: skip
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
        with _cgroup() as cgroup:
            if options.idle:
                idle = [_measure_idle(directory / f"idle-{run}", cgroup, options.idle) for run in range(options.runs)]
                print(_row("0 (idle)", idle), flush=True)
            for rate in (int(rate) for rate in options.rates.split(",")):
                runs = [
                    _measure_rate(directory / str(run), cgroup, tick, rate, options.seconds)
                    for run in range(options.runs)
                ]
                print(_row(f"{rate:,}", runs), flush=True)


def _row(name: str, runs: Sequence[Run]) -> str:
    perf = [run.perf_cpu for run in runs if run.perf_cpu is not None]
    cells = [
        name,
        spread([run.cpu for run in runs], 1),
        _spread_of([run.perf_cpu for run in runs], 1),
        ratio([run.cpu for run in runs], perf),
        _spread_of([run.sealing for run in runs], 2),
        f"{sum(run.recorded for run in runs):,}",
        f"{sum(run.lost for run in runs):,}",
        ", ".join(str(balance) for balance in sorted({run.balance for run in runs})),
        _spread_of([run.stored for run in runs], 2),
        _spread_of([run.perf_stored for run in runs], 1),
        spread([run.resident for run in runs], 0),
    ]
    return f"| {' | '.join(cells)} |"


def _spread_of(values: Sequence[float | None], digits: int) -> str:
    """Empty where nothing was measured."""
    known = [value for value in values if value is not None]
    return spread(known, digits) if known else ""


def _measure_idle(data: Path, cgroup: str, seconds: int) -> Run:
    with _recorder(data, cgroup) as recorder:
        time.sleep(2)
        before = _own_cpu(recorder.pid)
        time.sleep(seconds)
        used = _own_cpu(recorder.pid) - before
        return Run(used.percent(seconds), _resident_mib(recorder.pid))


def _measure_rate(directory: Path, cgroup: str, tick: Path, rate: int, seconds: int) -> Run:
    directory.mkdir(exist_ok=True)
    data = directory / str(rate)
    with _recorder(data, cgroup) as recorder, _load(tick, rate, seconds, cgroup) as load:
        before = _own_cpu(recorder.pid)
        loading = _children_cpu(recorder.pid)  # the compiler has ended
        produced, took = _run_load(load)
        time.sleep(1.5)  # the last drain and the sync after it belong to the work
        used = _own_cpu(recorder.pid) - before
        resident = _resident_mib(recorder.pid)
        sealing = _stop(recorder, data) - loading
    recorded, lost = _count(data)
    stored = sum(path.stat().st_size for path in data.rglob("tracepoint.arrow"))
    shutil.rmtree(data)
    perf_cpu, perf_stored = _measure_perf(directory, tick, rate, seconds, cgroup)
    return Run(
        cpu=used.percent(took),
        resident=resident,
        sealing=1e6 * (sealing.user + sealing.system) / max(recorded, 1),
        perf_cpu=perf_cpu,
        recorded=recorded,
        lost=lost,
        balance=recorded + lost - produced,
        stored=stored / max(recorded, 1),
        perf_stored=perf_stored,
    )


@contextmanager
def _cgroup() -> Iterator[str]:
    path = UNIFIED / f"tapio-bench-{os.getpid()}"
    path.mkdir()
    try:
        yield f"/{path.name}"
    finally:
        path.rmdir()


@contextmanager
def _recorder(data: Path, cgroup: str) -> Iterator[subprocess.Popen[bytes]]:
    """A recorder of that tracepoint alone; it ends with the block if it has not before."""
    data.mkdir()
    config = data / "recorder.yaml"
    sources: dict[str, dict[str, object]] = {
        name: {"enabled": False}
        for name in ("process", "oom", "tcp", "syscall_error", "request", "memory", "pressure", "kube_object",
                     "kube_event", "process_state", "cgroup_state", "socket_state", "interface_state")
    }  # fmt: skip
    sources["tracepoint"] = {"enabled": True, "events": [TRACEPOINT], "ring_bytes": 16 << 20}
    content: dict[str, object] = {
        "data_dir": str(data), "node_name": "bench", "metrics_listen": "", "sources": sources,
        "budget": {"cpu_percent": 100}, "ring": {"keep_free_bytes": "64MiB"}, "journal": {"max_bytes": "4MiB"},
    }  # fmt: skip
    config.write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "recorder.cli", "run", "--config", str(config), "--cgroup", cgroup]
    with (data / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            _wait_until_recording(data, process)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def _stop(recorder: subprocess.Popen[bytes], data: Path) -> Cpu:
    """End the recorder and give the CPU of all children that it ever had.

    Closed journals are sealed before, as it has a few seconds for the open one when it ends.
    """
    deadline = time.monotonic() + 60
    while request_reply(data / "control.sock", {"command": "status"})["unsealed_journals"]:
        if time.monotonic() > deadline:
            sys.exit("the recorder does not get its journals sealed")
        time.sleep(0.2)
    recorder.send_signal(signal.SIGTERM)
    os.waitid(os.P_PID, recorder.pid, os.WEXITED | os.WNOWAIT)
    children = _children_cpu(recorder.pid)  # of the zombie
    recorder.wait()
    return children


def _wait_until_recording(data: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status = request_reply(data / "control.sock", {"command": "status"})
        except Exception:  # noqa: BLE001 - not there yet
            status = {}
        if any(
            source["name"] == "tracepoint" and source["state"] == "recording" for source in status.get("sources", ())
        ):
            return
        time.sleep(0.1)
    sys.exit(f"the recorder did not begin to record: {(data / 'log').read_text()[-500:]}")


@contextmanager
def _load(tick: Path, rate: int, seconds: int, cgroup: str) -> Iterator[subprocess.Popen[str]]:
    """A tester that waits in the cgroup for its start."""
    with subprocess.Popen(
        [tick, str(rate), str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (UNIFIED / cgroup[1:] / "cgroup.procs").write_text(str(process.pid))
        yield process


def _run_load(load: subprocess.Popen[str]) -> tuple[int, float]:
    assert load.stdin is not None
    assert load.stdout is not None
    load.stdin.write("\n")
    load.stdin.flush()
    made, nanoseconds = load.stdout.readline().split()
    load.wait()
    return int(made), int(nanoseconds) / 1e9


def _measure_perf(
    directory: Path, tick: Path, rate: int, seconds: int, cgroup: str
) -> tuple[float | None, float | None]:
    """CPU in percent and bytes per event of `perf record` on the same load; None where there is no perf."""
    if shutil.which("perf") is None:
        return None, None
    output = directory / "perf.data"
    command = ["perf", "record", "-q", "-m", "8M", "-e", TRACEPOINT, "-o", str(output)]
    with _load(tick, rate, seconds, cgroup) as load:
        perf = subprocess.Popen([*command, "-p", str(load.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)  # perf does not say when it has attached
        made, took = _run_load(load)
        _, _, usage = os.wait4(perf.pid, 0)  # it ends with its target
        perf.returncode = 0
    size = output.stat().st_size
    output.unlink()
    return Cpu(usage.ru_utime, usage.ru_stime).percent(took), size / made


def _own_cpu(pid: int) -> Cpu:
    """Of a process without its children."""
    user, system, _, _ = _cpu_fields(pid)
    return Cpu(user, system)


def _children_cpu(pid: int) -> Cpu:
    """Of the children of a process that have ended."""
    _, _, user, system = _cpu_fields(pid)
    return Cpu(user, system)


def _cpu_fields(pid: int) -> tuple[float, ...]:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return tuple(int(value) / CLOCK_TICKS for value in fields[11:15])


def _resident_mib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def _count(data: Path) -> tuple[int, int]:
    """(rows recorded, events counted as lost) in segments, and in journals that were not sealed in time."""
    capture = open_capture(data / "ring")
    recorded = capture.tables.get("tracepoint", 0)
    lost = _count_lost(capture.batches("loss"))
    for path in (data / "journal").glob("*.journal"):
        journal = open_journal(path)
        recorded += journal.tables.get("tracepoint", 0)
        lost += _count_lost(journal.batches("loss"))
    return recorded, lost


def _count_lost(batches: Iterable[pa.RecordBatch | Damage]) -> int:
    return sum(
        row["loss.count"] or 0
        for batch in batches
        if not isinstance(batch, Damage)
        for row in batch.to_pylist()
        if row["loss.table"] == "tracepoint"
    )


if __name__ == "__main__":
    main()
