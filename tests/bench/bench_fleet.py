"""`tapio corpus` on the captures of a fleet: time, bytes, memory and efficiency with one worker and with two.

The captures are hours of a node as in `bench_replay.py`, 40 of 125,000 events unless told otherwise. Each is run with
every number of workers, by turns, and once more with the dataset that is there; with `--dask`, also by as many workers of
a Dask cluster on this machine. Every dataset must have the same bytes.

* time: wall clock; CPU: of all processes.
* peak: the most memory of all processes at one time (proportional set size, every 50 ms).
* read: what of the captures the analysis had mapped (every 50 ms), in addition to the one pass for the digest.
* efficiency: time with one worker, divided by that with N and by N.

usage: bench_fleet.py [--captures 40] [--events 125000] [--workers 1,2] [--runs 3] [--dask] [--keep DIRECTORY]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from formats.journal.layout import digest_of
from tests.bench.bench_replay import write_hour
from tests.bench.spread import spread

REPOSITORY = Path(__file__).parents[2]
LOOK_S = 0.05
_CLUSTER = """
import json, sys
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=int(sys.argv[1]), threads_per_worker=1, dashboard_address=None, host="127.0.0.1")
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
    cluster.close()
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command; bytes are those of all captures together."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    mapped_bytes: int
    dataset: str


def main() -> None:
    """Make the captures, run everything, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--captures", type=int, default=40)
    arguments.add_argument("--events", type=int, default=125_000)
    arguments.add_argument("--workers", default="1,2")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--dask", action="store_true")
    arguments.add_argument("--keep", type=Path, help="keep the captures here, and use those that are there")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        archive = (options.keep or Path(scratch)) / f"{options.captures}-of-{options.events}"
        archive.mkdir(parents=True, exist_ok=True)
        for number in range(options.captures):
            path = archive / f"hour-{number}.tapio"
            if not path.exists():
                # The same hour each time; the name makes it another capture.
                write_hour(path, options.events, f"bench {number}")
        report(archive, options, Path(scratch))


def report(archive: Path, options: argparse.Namespace, scratch: Path) -> None:
    """Runs the command in all ways, by turns, and prints a line for each."""
    workers = [int(number) for number in options.workers.split(",")]
    ways = [f"--workers={number}" for number in workers]
    ways += [f"dask {number}" for number in workers if options.dask]
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for turn in range(options.runs):
        for way in ways:
            runs[way].append(run_way(way, archive, scratch / f"corpus-{turn}-{way.replace(' ', '-')}"))
            print(f"{way}: {runs[way][-1]}", file=sys.stderr, flush=True)
    again = [run_way(ways[0], archive, scratch / f"corpus-{turn}-{ways[0]}") for turn in range(options.runs)]
    datasets = {run.dataset for each in (*runs.values(), again) for run in each}
    if len(datasets) != 1:
        sys.exit("the datasets differ")
    stored = sum(path.stat().st_size for path in archive.iterdir())
    print(f"{options.captures} captures of {options.events:,} events, {stored / 1e6:,.0f} MB")
    print("| run | time, s | CPU, s | peak, MiB | read for the analysis, MB | efficiency |")
    print("| --- | --- | --- | --- | --- | --- |")
    alone = statistics.median(run.seconds for run in runs[ways[0]])
    for way, each in (*runs.items(), ("nothing new", again)):
        count = int(re.sub(r"\D", "", way) or 1)
        median = statistics.median(run.seconds for run in each)
        efficiency = "" if way == "nothing new" else f"{alone / median / count:.2f}"
        print(
            f"| {way} | {spread([run.seconds for run in each], 1)} | {spread([run.cpu_seconds for run in each], 1)} "
            f"| {spread([run.peak_mib for run in each], 0)} | {max(run.mapped_bytes for run in each) / 1e6:,.0f} "
            f"| {efficiency} |",
            flush=True,
        )


def run_way(way: str, archive: Path, dataset: Path) -> Run:
    """One run; `way` is an option of the command, or `dask N`."""
    command = [str(Path(sys.executable).with_name("tapio")), "corpus", str(archive), "-o", str(dataset)]
    if not way.startswith("dask"):
        return measure([*command, way], dataset)
    with start_cluster(way.split()[1]) as (address, process):
        return measure([*command, "--scheduler", address], dataset, process)


@contextmanager
def start_cluster(workers: str) -> Iterator[tuple[str, int]]:
    """A scheduler and workers on loopback: its address and its process."""
    with tempfile.TemporaryDirectory() as scratch:
        program = Path(scratch) / "cluster.py"
        program.write_text(_CLUSTER)
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        with subprocess.Popen(
            [sys.executable, str(program), workers],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process.pid
            process.stdin.close()


def measure(command: list[str], dataset: Path, cluster: int | None = None) -> Run:
    """Runs the command to its end and looks at it and at its children meanwhile."""
    mapped: dict[str, int] = {}
    peak = 0
    began, cpu_before = time.monotonic(), cpu_of(cluster)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, look([process.pid, *([cluster] if cluster else [])], mapped))
        time.sleep(LOOK_S)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    digest = digest_of(*(path.read_bytes() for path in sorted(dataset.iterdir()))).hex()
    cpu = usage.ru_utime + usage.ru_stime + cpu_of(cluster) - cpu_before
    return Run(seconds, cpu, peak / 1024, sum(mapped.values()), digest)


def look(roots: list[int], mapped: dict[str, int]) -> int:
    """KiB of memory of processes and all below them; notes how much of each capture is mapped."""
    total = 0
    for pid in descendants(roots):
        try:
            maps = Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has ended
        total += sum(int(size) for size in re.findall(r"^Pss: +([0-9]+)", maps, re.MULTILINE))
        resident: dict[str, int] = {}
        for path, size in re.findall(r" (/\S+\.tapio)\n(?:[A-Z]\S*: .*\n)*?Rss: +([0-9]+)", maps):
            resident[path] = resident.get(path, 0) + int(size) * 1024
        for path, size in resident.items():
            mapped[path] = max(mapped.get(path, 0), size)
    return total


def descendants(roots: list[int]) -> list[int]:
    """Processes with all their children, which are in other threads' lists as well."""
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found


def cpu_of(cluster: int | None) -> float:
    """Seconds of CPU of a cluster's processes and of all that have ended in them; 0 without one."""
    total = 0.0
    for pid in [] if cluster is None else descendants([cluster]):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    print(json.dumps({"processors": os.cpu_count(), "load": os.getloadavg()}))
    main()
