"""What the recorder costs when it runs: memory and CPU with all sources on, beside a shop that works.

Starts the lab's shop (real processes, a real conversation with the test API server), records it with every source of the
profile `deep`, and prints resident memory, CPU and losses once a minute.

usage: soak.py [--minutes 10] [--runs 5]        needs root and eBPF
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import yaml

from fixtures.lab.api_server import ApiServer
from fixtures.lab.cgroups import read_hierarchies
from fixtures.lab.names import choose_names
from fixtures.lab.recorder_process import RecorderProcess, Setup
from fixtures.lab.recording import end_on_signals
from fixtures.lab.running_lab import RunningLab
from tests.bench.spread import spread

TRACEPOINTS = ["sched:sched_wakeup_new", "signal:signal_generate"]
MINUTE = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class _DeepSetup(Setup):
    """Everything that there is."""

    def write(self, path: Path, data_directory: Path) -> None:
        Setup.write(self, path, data_directory)
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        config["profile"] = "deep"
        config["sources"]["tracepoint"] = {"events": TRACEPOINTS}
        path.write_text(yaml.safe_dump(config), encoding="utf-8")


def main() -> None:
    """Run and print one line a minute."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=int, default=10)
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    end_on_signals()
    last = [_run(options.minutes) for _ in range(options.runs)]
    print("| after | resident MiB, min / median / max | CPU % of a core, min / median / max |")
    print("| --- | --- | --- |")
    resident, cpu = zip(*last, strict=True)
    print(f"| {options.minutes} min, {options.runs} runs | {spread(resident, 0)} | {spread(cpu)} |")


def _run(minutes: int) -> tuple[float, float]:
    """One soak: resident memory in MiB and CPU in percent of a core at its end."""
    names = choose_names(0)
    with (
        tempfile.TemporaryDirectory(prefix="tapio-soak-") as name,
        ApiServer(Path(name) / "api") as api,
    ):
        directory = Path(name)
        (directory / "logs").mkdir()
        with RunningLab(names, read_hierarchies(), api, directory / "logs") as lab:
            lab.start()
            setup = _DeepSetup(names.node, lab.pods_cgroup, api.kubeconfig_path, before="2m", after="1s")
            with RecorderProcess(setup, directory) as recorder:
                recorder.start(lambda: lab.run(0.2))
                return _watch(lab, recorder, minutes)


def _watch(lab: RunningLab, recorder: RecorderProcess, minutes: int) -> tuple[float, float]:
    resident, cpu = 0.0, 0.0
    print("| minute | resident MiB | CPU % of a core | events | lost | sources |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for minute in range(minutes + 1):
        status = recorder.status()
        assert status is not None
        sources = status["sources"]
        resident, cpu = status["resident_bytes"] / (1 << 20), status["cpu_percent"]
        recording = sum(source["state"] == "recording" for source in sources)
        print(
            f"| {minute} | {resident:.0f} | {cpu:.2f} "
            f"| {sum(source['events'] for source in sources):,} | {sum(source['lost'] for source in sources):,} "
            f"| {recording} of {len(sources)} |",
            flush=True,
        )
        if minute < minutes:
            began = time.monotonic()
            lab.run(began + MINUTE - time.monotonic())
    return resident, cpu


if __name__ == "__main__":
    main()
