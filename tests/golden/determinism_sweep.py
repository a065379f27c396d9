"""Every fixture, analyzed by interpreters that differ in all that must not matter: the documents are the same bytes.

Hash seeds 0 to 4, one and two threads, time zones, locales, and the capture's members unpacked and in another order. Slow,
so it is a target of its own (`make determinism`); `test_k8s_recordings.py` does it for some fixtures at every run.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIXTURES = [
    *sorted((ROOT / "fixtures").glob("captures/*.tapio")),
    *sorted((ROOT / "fixtures").glob("incidents/*.tapio")),
]
SEEDS = range(5)
ENVIRONMENTS: tuple[dict[str, str], ...] = (
    {},
    {"TZ": "Asia/Kathmandu"},
    {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    {"LC_ALL": "C"},
    {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"},
)


def main() -> int:
    """Run every variant and say which documents differ; 1 if any does."""
    if sys.argv[1:]:
        _print_digests(int(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
        return 0
    with tempfile.TemporaryDirectory() as name:
        shuffled = [_unpack(path, Path(name)) for path in FIXTURES]
        expected = _run({"PYTHONHASHSEED": "0"}, 1, FIXTURES)
        differing = 0
        runs = 1
        for seed, environment in zip(SEEDS, ENVIRONMENTS, strict=True):
            for threads, paths in ((1, shuffled), (2, FIXTURES)):
                found = _run({**environment, "PYTHONHASHSEED": str(seed)}, threads, paths)
                runs += 1
                differing += sum(one != other for one, other in zip(expected, found, strict=True))
    print(f"{len(FIXTURES)} fixtures, {runs} interpreters: {differing} documents differ")
    return 1 if differing else 0


def _unpack(path: Path, directory: Path) -> Path:
    """The segments of a capture as a directory, written in the other order and under other names."""
    target = directory / path.stem
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.namelist(), reverse=True):
            prefix, _, file = member.partition(".")
            if prefix.startswith("s0"):
                segment = target / f"{99_999 - int(prefix[1:]):05d}-segment"
                segment.mkdir(parents=True, exist_ok=True)
                (segment / file).write_bytes(archive.read(member))
    return target


def _run(environment: dict[str, str], threads: int, paths: list[Path]) -> list[str]:
    answer = subprocess.run(
        [sys.executable, __file__, str(threads), *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return answer.stdout.split()


def _print_digests(threads: int, paths: list[Path]) -> None:
    from analyzer.analyze import analyze_capture
    from analyzer.knowledge.shipped import read_knowledge
    from formats.capture.reading import open_capture
    from formats.postmortem.document import to_json

    knowledge = read_knowledge(())
    for path in paths:
        capture = open_capture(path)
        document = json.loads(to_json(analyze_capture(capture, knowledge, threads=threads)))
        # Why a freeze happened is said by the capture's own listing, which a directory of segments does not have.
        document["capture"].pop("frozen_because")
        text = json.dumps(document, sort_keys=True, ensure_ascii=False)
        print(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


if __name__ == "__main__":
    sys.exit(main())
