"""CPU of short commands: `tapio --help`, `why` and `analyze` on a capture of 250 kB and on 1,000,000 events.

Every run is a process of its own, with the interpreter's start, all imports, and the cache of checked knowledge in a
directory of the benchmark's own, filled by a run before the first one that counts. Kept analyses are removed before
each run, but for the rows `again`.

usage: bench_why.py [--runs 5] [--events 1000000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from analyzer.analysis_cache import SUFFIX
from tests.bench.bench_replay import write_hour
from tests.bench.spread import spread

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "fixtures/incidents/demo.tapio"


def main() -> None:
    """Run everything and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--events", type=int, default=1_000_000, help="of the large capture; 0 = none")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="tapio-bench-") as scratch:
        environment = {**os.environ, "XDG_CACHE_HOME": scratch, "PYTHONPYCACHEPREFIX": str(Path(scratch) / "bytecode")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's second run does not compile the sources again
        print("| command | capture | CPU s, min / median / max | wall s, min / median / max |")
        print("| --- | --- | --- | --- |", flush=True)
        commands = [("--help", ["--help"], ""), *_commands(SMALL, "deploy/frontend", f"{SMALL.stat().st_size:,} bytes")]
        if options.events:
            large = Path(scratch) / "large.tapio"
            write_hour(large, options.events)
            commands += _commands(large, "deploy/cache", f"{options.events:,} events")
        for name, command, capture in commands:
            measure(command, environment)
            runs = [measure(command, environment, forgets=not name.endswith("again")) for _ in range(options.runs)]
            cpu, wall = zip(*runs, strict=True)
            print(f"| `tapio {name}` | {capture} | {spread(cpu)} | {spread(wall)} |", flush=True)


def _commands(capture: Path, named: str, size: str) -> list[tuple[str, list[str], str]]:
    analyze, why = ["analyze", str(capture)], ["why", str(capture), named]
    return [
        ("analyze", analyze, size),
        ("why", why, size),
        ("analyze, again", analyze, size),
        ("why, again", why, size),
    ]


def measure(arguments: list[str], environment: dict[str, str], *, forgets: bool = False) -> tuple[float, float]:
    """CPU and wall clock of one run, in seconds; `forgets`: kept analyses are removed before it."""
    for entry in Path(environment["XDG_CACHE_HOME"]).glob(f"tapio/*{SUFFIX}") if forgets else ():
        entry.unlink()
    begin = time.monotonic()
    program = [str(Path(sys.executable).with_name("tapio")), *arguments]
    process = subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(program)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin


if __name__ == "__main__":
    main()
