"""What recording costs those who run on the node: CPU time of loads with a recorder and without, by turns.

The loads (load.c) do nothing but what a recorder looks at, so that real programs pay less. Each configuration is a recorder of the
whole node: one source alone, or a profile. `strace -c` beside it does comparable work for one program. CPU time is user and system
time of the load and its children, with that of `strace` for the peer, the least of several repetitions; the percentages are against
the load without a recorder in the same run. Writes the block of docs/overhead.md if --write is given.

usage: bench_overhead.py [--runs 5] [--repeats 3] [--only default,lean] [--write]        needs root, gcc, strace (optional)
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recorder.control import request_reply
from recorder.registry import SOURCES
from recorder.source import Profile
from tests.bench.spread import spread

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "overhead.md"
BEGIN, END = "<!-- generated: overhead -->\n", "<!-- end -->"
LOADS = {"calls": 2_000_000, "processes": 300, "http": 3_000, "keepalive": 15_000}
"""How often each load does what it does: some tenths of a second."""
OFF = "off"
STRACE = "`strace -c`"


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to record.

    Attributes:
        profile: of the recorder.
        only: the one source that is switched on; None: those of the profile.
        options: of that source.
    """

    profile: Profile = Profile.DEFAULT
    only: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)


SETTINGS: Mapping[str, Setting] = {
    "`process`": Setting(only="process"),
    "`tcp`": Setting(only="tcp"),
    "`request`": Setting(only="request"),
    "`dns`": Setting(only="dns"),
    "`run_queue`": Setting(only="run_queue"),
    "`syscall_error`": Setting(only="syscall_error"),
    "`syscall_error` all the time": Setting(only="syscall_error", options={"every_s": 0}),
    "profile `lean`": Setting(Profile.LEAN),
    "profile `default`": Setting(Profile.DEFAULT),
    "profile `deep`": Setting(Profile.DEEP),
}


def main() -> None:
    """Run every setting and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--only", default="", help="parts of names of settings")
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    parts = [part for part in options.only.split(",") if part]
    settings = {name: one for name, one in SETTINGS.items() if not parts or any(part in name for part in parts)}
    seconds: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="tapio-overhead-") as temporary:
        directory = Path(temporary)
        load = directory / "load"
        subprocess.run(["gcc", "-O2", "-o", load, HERE / "load.c"], check=True)
        strace = ["strace", "-f", "-c", "-o", os.devnull]
        for run in range(options.runs):
            for name, setting in settings.items():
                _measure(seconds, OFF, run, load, [], options.repeats)  # each time: the machine's mood changes
                with _recorder(directory / str(time.monotonic_ns()), setting):
                    _measure(seconds, name, run, load, [], options.repeats)
            if shutil.which("strace"):
                _measure(seconds, STRACE, run, load, strace, 1, share=20)
    table = "\n".join(_table(seconds))
    print(table)
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def _measure(  # noqa: PLR0917 - where the figures go, what runs, and how often
    seconds: dict[str, dict[str, list[float]]],
    name: str,
    run: int,
    load: Path,
    around: Sequence[str],
    repeats: int,
    share: int = 1,
) -> None:
    """Add the least CPU time of each load to the figures of a setting, in seconds for the whole load.

    Args:
        seconds: by setting and load, one figure per run.
        name: the setting's.
        run: its number; of several measurements in one run, the least counts.
        load: the program.
        around: a command that runs it.
        repeats: of each load; the least counts.
        share: run only this part of the load, and multiply.
    """
    figures = seconds.setdefault(name, {kind: [] for kind in LOADS})
    for kind, count in LOADS.items():
        command = [*around, str(load), kind, str(count // share)]
        least = share * min(_cpu_seconds(command) for _ in range(repeats))
        figures[kind][run:] = [min([least, *figures[kind][run:]])]


def _cpu_seconds(command: Sequence[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def _table(seconds: Mapping[str, Mapping[str, Sequence[float]]]) -> Iterator[str]:
    yield "| | " + " | ".join(f"{kind} %" for kind in LOADS) + " |"
    yield "| --- |" + " --- |" * len(LOADS)
    for name, figures in seconds.items():
        if name != OFF:
            cells = [_slowdown(figures[kind], seconds[OFF][kind]) for kind in LOADS]
            yield f"| {name} | {' | '.join(cells)} |"
    off = [f"{1e6 * min(seconds[OFF][kind]) / count:,.2f} us each" for kind, count in LOADS.items()]
    yield f"| without a recorder | {' | '.join(off)} |"


def _slowdown(on: Sequence[float], off: Sequence[float]) -> str:
    """The least against the least, in percent, and of the runs min / median / max."""
    pairs = [100 * (with_it / without - 1) for with_it, without in zip(on, off, strict=True)]
    return f"**{100 * (min(on) / min(off) - 1):+.1f}** ({spread(pairs, 1)})"


@contextmanager
def _recorder(data: Path, setting: Setting) -> Iterator[None]:
    """A recorder of the whole node, while the block runs."""
    data.mkdir()
    sources: dict[str, dict[str, object]] = {
        source.spec.name: {"enabled": False}
        for source in SOURCES
        if setting.only not in {None, source.spec.name}
        or source.spec.name in {"kube_object", "kube_event", "tracepoint"}
    }
    if setting.only is not None:
        sources[setting.only] = {"enabled": True, **setting.options}
    content = {
        "data_dir": str(data),
        "node_name": "bench",
        "metrics_listen": "",
        "profile": str(setting.profile),
        "sources": sources,
        "budget": {"cpu_percent": 100},
        "ring": {"keep_free_bytes": "64MiB"},
    }
    config = data / "recorder.yaml"
    config.write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "recorder.cli", "run", "--config", str(config)]
    with (data / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            _wait_until_recording(data, process)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            shutil.rmtree(data)


def _wait_until_recording(data: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status = request_reply(data / "control.sock", {"command": "status"})
        except Exception:  # noqa: BLE001 - not there yet
            status = {}
        states = {source["name"]: source["state"] for source in status.get("sources", ())}
        if states and set(states.values()) == {"recording"}:
            return
        time.sleep(0.1)
    sys.exit(f"the recorder did not begin to record: {(data / 'log').read_text()[-500:]}")


if __name__ == "__main__":
    main()
