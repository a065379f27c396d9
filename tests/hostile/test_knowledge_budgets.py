"""A rule of somebody else's knowledge that takes all memory or all time ends the command, and is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.importers.capturing import import_kubernetes

pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the limits of Linux"),
]

ROOT = Path(__file__).resolve().parents[2]
NOTE = "x" * 16_000


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of 1,000 events with a note of 16 kB each."""
    directory = tmp_path_factory.mktemp("notes")
    at = 1_795_200_000_000_000_000
    lines = [
        {
            "t": at + number,
            "boot_ns": number,
            "resource": "events",
            "type": "ADDED",
            "object": {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"e{number}", "namespace": "n", "uid": f"u{number}"},
                "involvedObject": {"kind": "Pod", "name": "p", "namespace": "n", "uid": "p"},
                "reason": "R",
                "type": "Warning",
                "message": f"m{number} {NOTE}",
            },
        }
        for number in range(1_000)
    ]
    source = directory / "lines.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    import_kubernetes([source], directory / "notes.tapio", node_name="n")
    return directory / "notes.tapio"


def joined(count: int) -> str:
    """An expression that puts the note of an event together so many times."""
    parts = ["note"] * count
    while len(parts) > 1:
        parts = ["(" + "||".join(parts[at : at + 8]) + ")" for at in range(0, len(parts), 8)]
    return parts[0]


def analyze(capture: Path, directory: Path, where: str, **environment: str) -> tuple[int, str]:
    """Exit code and messages of an analysis with one symptom of one's own."""
    knowledge = directory / "own.yaml"
    knowledge.write_text(
        "kind: Symptom\nname: own-rule\nnature: symptom\nseverity: error\ncondition: erroring\ntitle: own rule\n"
        f"from: kubernetes_event\nwhere: {json.dumps(where)}\n",
        encoding="utf-8",
    )
    command = ["analyze", str(capture), "--knowledge", str(knowledge)]
    done = subprocess.run(
        [sys.executable, "-c", "from analyzer.cli import main; main()", *command],
        cwd=ROOT,
        env={**os.environ, "TAPIO_CACHE": "off", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_rule_that_takes_all_memory_is_named(capture: Path, tmp_path: Path) -> None:
    code, messages = analyze(capture, tmp_path, f"length({joined(400)}) > 1")

    assert code == 65
    assert messages.startswith(f"tapio: symptom `own-rule` in {tmp_path}/own.yaml:1:1 needs more than")
    assert "TAPIO_MAX_MEMORY" in messages


def test_a_rule_that_takes_too_long_is_named(capture: Path, tmp_path: Path) -> None:
    slow = " OR ".join(f"regexp_matches(upper(note), '(.*X){{20}}{number}')" for number in range(60))

    code, messages = analyze(capture, tmp_path, slow, TAPIO_MAX_RULE_TIME="100ms")

    assert code == 65
    assert messages == (
        f"tapio: symptom `own-rule` in {tmp_path}/own.yaml:1:1 took more than 100 ms; "
        "simplify it, or set TAPIO_MAX_RULE_TIME=10m\n"
    )


def test_an_ordinary_rule_is_within_its_budget(capture: Path, tmp_path: Path) -> None:
    assert analyze(capture, tmp_path, "note ILIKE '%nothing%'") == (0, "")
