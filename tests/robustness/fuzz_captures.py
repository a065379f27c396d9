"""Mutates real captures and reads each: tables, damage or one sentence, whatever the file holds; no crash, no excess.

Each mutation is read in a process of its own: `tapio verify`, `info`, `analyze`, `report` or `anonymize` without the
command line, with the same libraries. A failure is kept as a file, with the seed that makes it.

usage: fuzz_captures.py [--minutes 10 | --count 40] [--seed 1] [--keep DIRECTORY]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from analyzer.analyze import analyze_capture
from analyzer.document.recording_summary import summarize_recording
from analyzer.sharing.sharing import anonymize_capture
from formats.capture.reading import open_capture
from formats.errors import TapioError
from formats.postmortem.document import to_json
from reports.markdown import render_markdown
from reports.terminal import render
from tests.analyzed import shipped_knowledge
from tests.hostile.mutations import MUTATIONS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = tuple(
    ROOT / "fixtures" / name
    for name in (
        "incidents/demo.tapio",
        "incidents/stops-listening.tapio",
        "captures/configmap-oom-crashloop.tapio",
        "states/scaled-to-zero.tapio",
    )
)
MAX_CPU_S = 20
"""CPU seconds of one reading. Why: an analysis of the largest source needs 3 s."""

MAX_GROWTH_BYTES = 400 << 20
"""Memory that one reading may use beyond what the libraries have. Why: an analysis uses 100 MiB, 16 MiB are mutated."""


def verify(path: Path, _scratch: Path) -> None:
    """Reads every value."""
    list(open_capture(path).verify())


def summarize(path: Path, _scratch: Path) -> None:
    """As `tapio info`."""
    summarize_recording(open_capture(path))


def analyze(path: Path, _scratch: Path) -> None:
    """As `tapio analyze`, in every form."""
    document = analyze_capture(open_capture(path), shipped_knowledge())
    to_json(document)
    render_markdown(document)
    render(document, width=100, color=False)


def anonymize(path: Path, scratch: Path) -> None:
    """As `tapio anonymize`."""
    anonymize_capture(path, scratch / "anonymized.tapio", key=bytes(32))


READINGS: tuple[Callable[[Path, Path], None], ...] = (verify, summarize, summarize, analyze, anonymize)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutation.

    Attributes:
        name: source, mutation, reading and seed.
        failure: what must not happen; None if nothing.
    """

    name: str
    failure: str | None


def try_one(seed: int, scratch: Path) -> Outcome:
    """Makes the mutation of a seed and reads it in a process of its own."""
    chance = random.Random(seed)
    source, mutate = chance.choice(SOURCES), chance.choice(MUTATIONS)
    read = chance.choice(READINGS)
    path = scratch / "mutated.tapio"
    mutate(source, path, chance)
    name = f"{source.stem} / {mutate.__name__} / {read.__name__} / seed {seed}"
    (scratch / "error").unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _read_in_child(read, path, scratch)
    _, status, _ = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        return Outcome(name, f"ended by {signal.Signals(os.WTERMSIG(status)).name}")
    if os.WEXITSTATUS(status):
        return Outcome(name, (scratch / "error").read_text(encoding="utf-8", errors="replace"))
    return Outcome(name, None)


def _read_in_child(read: Callable[[Path, Path], None], path: Path, scratch: Path) -> None:
    """Reads and ends the process: 0, or 1 with a traceback in the file `error`."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 0
    try:
        read(path, scratch)
    except TapioError as error:
        if len(str(error)) > 5_000:
            (scratch / "error").write_text(f"a message of {len(str(error)):,} characters", encoding="utf-8")
            code = 1
    except BaseException:  # noqa: BLE001 - whatever it is, it is a failure
        (scratch / "error").write_text(traceback.format_exc(), encoding="utf-8", errors="replace")
        code = 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    if code == 0 and grown > MAX_GROWTH_BYTES:
        (scratch / "error").write_text(f"{grown >> 20:,} MiB of memory", encoding="utf-8")
        code = 1
    os._exit(code)


def main() -> int:
    """Fuzzes for some minutes; 1 if something failed."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--count", type=int, default=0, help="mutations, instead of minutes")
    arguments.add_argument("--seed", type=int, default=1, help="of the first mutation; the others follow")
    arguments.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where failures are kept")
    options = arguments.parse_args()
    end = time.monotonic() + 60 * options.minutes
    kinds: Counter[str] = Counter()
    shipped_knowledge()  # once, for all readings
    tried = failed = 0
    with tempfile.TemporaryDirectory(prefix="tapio-fuzz-") as directory:
        while tried < options.count or (not options.count and time.monotonic() < end):
            outcome = try_one(options.seed + tried, Path(directory))
            tried += 1
            if outcome.failure is not None:
                failed += 1
                kinds[outcome.failure.strip().splitlines()[-1][:100]] += 1
                options.keep.mkdir(parents=True, exist_ok=True)
                (Path(directory) / "mutated.tapio").rename(options.keep / f"{options.seed + tried - 1}.tapio")
                print(f"{outcome.name}\n{outcome.failure[-1500:]}", flush=True)
    print(f"{tried:,} mutations, {failed:,} failures")
    for kind, count in kinds.most_common():
        print(f"{count:6,}  {kind}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
