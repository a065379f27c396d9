"""Captures whose digests are right and whose content is hostile: a summary or one sentence, soon and with little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from analyzer.document.recording_summary import summarize_recording
from formats.capture.reading import open_capture
from formats.errors import FormatError
from tests.hostile.forging import Content, Forge, write_raw

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "fixtures/states/scaled-to-zero.tapio"
EVIL = "\x1b]0;x\x07\n../../etc/passwd<script>\u202e"
EXTREMES = (2**63 - 1, -(2**63), 2**63, 10**30, -(10**3000))


def clocks(**values: int) -> Callable[[Content], object]:
    """Changes every clock snapshot."""
    return lambda manifest: [clock.update(values) for clock in manifest["clocks"]]


def two_clocks(first: tuple[int, int], second: tuple[int, int]) -> Callable[[Content], object]:
    """Replaces the clocks by two, each with its boot time and its unix time."""

    def change(manifest: Content) -> None:
        one = manifest["clocks"][0]
        manifest["clocks"] = [{**one, "boot_time_ns": boot, "time_unix_nano": unix} for boot, unix in (first, second)]

    return change


def bounds(*values: int, damaged: bool = False) -> Callable[[Content], object]:
    """Changes what the manifest says of the times and numbers of every batch."""

    def change(manifest: Content) -> None:
        for table in manifest["tables"]:
            for batch in table["batches"]:
                batch[4:10] = values
                batch[2] = "0" * 32 if damaged else batch[2]

    return change


CHANGES: dict[str, Callable[[Content], object]] = {
    **{f"unix clock {value:.0e}"[:24]: clocks(time_unix_nano=value) for value in EXTREMES[:4]},
    **{f"boot clock {value:.0e}"[:24]: clocks(boot_time_ns=value) for value in EXTREMES[:4]},
    **{f"clock error {value:.0e}"[:24]: clocks(max_error_ns=value, read_window_ns=value) for value in EXTREMES[:4]},
    "largest clock error": clocks(max_error_ns=4 * 10**18, read_window_ns=4 * 10**18),
    "span of clocks": two_clocks((-4 * 10**18, -4 * 10**18), (4 * 10**18, 4 * 10**18)),
    "offset of clocks": two_clocks((4 * 10**18, -4 * 10**18), (-4 * 10**18, 4 * 10**18)),
    "clocks at one moment": two_clocks((5, 5), (5, 4 * 10**18)),
    "bounds beyond 64 bits": bounds(2**63, 2**63, 2**63, 2**63, 2**63, 2**64),
    "bounds of 3,000 digits": bounds(*(-(10**3000), 10**3000) * 3),
    "extreme bounds": bounds(*(-(2**63), 2**63 - 1) * 2, 0, 2**63 - 1),
    "extreme bounds of damaged batches": bounds(*(-(2**63), 2**63 - 1) * 2, 0, 2**63 - 1, damaged=True),
    "reversed bounds": bounds(*(2**62, -(2**62)) * 3),
    "a node's name of 5 MB": lambda manifest: manifest.update({"k8s.node.name": "n" * 5_000_000}),
    "a node's name that is hostile": lambda manifest: manifest.update({"k8s.node.name": EVIL}),
    "a node's name that is no text": lambda manifest: manifest.update({"k8s.node.name": "\ud800"}),
    "a boot id that is not ASCII": lambda manifest: manifest.update({"host.boot_id": "\xe9"}),
    "a catalog of 4,000 digits": lambda manifest: manifest.update(catalog_version=10**4000),
    "100,000 losses": lambda manifest: manifest.update(
        loss=[{"table": "a", "reason": "x", "count": 1, "unknown_gaps": 0}] * 100_000
    ),
}


@pytest.fixture
def forge() -> Forge:
    return Forge(DEMO)


def is_read_or_refused_in_one_line(path: Path) -> bool:
    """Whether all that `tapio verify` and `tapio info` do succeeds, or is refused in one line."""
    try:
        capture = open_capture(path)
        list(capture.verify())
        summarize_recording(capture)
    except FormatError as refusal:
        return str(refusal).count("\n") == 0
    return True


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_forged_manifest_gives_a_summary_or_one_sentence(name: str, forge: Forge, tmp_path: Path) -> None:
    forge.change_manifest(CHANGES[name])

    assert is_read_or_refused_in_one_line(forge.write(tmp_path / "forged.tapio"))


@pytest.mark.parametrize("value", ["1e999", "-1e999", "9" * 4000, "null", '"\\ud800"', "[" * 100_000])
@pytest.mark.parametrize("field", ["asked_to_unix_nano", "achieved_from_unix_nano", "frozen_because"])
def test_a_forged_listing_gives_a_summary_or_one_sentence(field: str, value: str, forge: Forge, tmp_path: Path) -> None:
    forge.write(tmp_path / "forged.tapio", write_raw(forge.listing, field, value))

    assert is_read_or_refused_in_one_line(tmp_path / "forged.tapio")


_BASELINE_MIB = 200
"""What `tapio` needs for any capture."""


_MEASURE = """
import json, resource, subprocess, sys
code = subprocess.run([sys.executable, "-c", "from analyzer.cli import main; main()", *sys.argv[1:]]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]), file=sys.stderr)
"""
"""Runs a command. A small process of its own, as a process counts the memory of the one that it was forked from."""


def run_command(*arguments: str) -> tuple[int, str, float, float]:
    """Exit code, messages, CPU seconds and MiB of the largest process of a real command."""
    command = [sys.executable, "-c", _MEASURE, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=300, check=True
    )
    *messages, figures = done.stderr.splitlines()
    code, cpu_s, mib = json.loads(figures)
    return code, "\n".join(messages), cpu_s, mib


def _large_reason(forge: Forge, path: Path) -> None:
    forge.write(path, write_raw(forge.listing, "frozen_because", '"' + "\\u0041" * 5_000_000 + '"'))


def _headers(_forge: Forge, path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" * 12_500_000)


def _unknown_dictionaries(forge: Forge, path: Path) -> None:
    batch = next(item for item in open_capture(DEMO).batches("kube_object") if isinstance(item, pa.RecordBatch))
    long = pa.array(["a" * ((1 << 20) - 3) + f"{number:02}" for number in range(60)])
    extra = pa.DictionaryArray.from_arrays(pa.array([0] * batch.num_rows, pa.int32()), long)
    names = [*batch.schema.names, *(f"x{number}" for number in range(20))]
    forge.put_table("kube_object", [pa.RecordBatch.from_arrays([*batch.columns, *[extra] * 20], names=names)])
    forge.write(path)


def _many_nodes(forge: Forge, path: Path) -> None:
    content = {**forge.manifest(), "tables": []}
    forge.segments = {}
    for number in range(3_000):
        own = {"id": f"{number:032x}", "k8s.node.name": f"node-{number}", "host.boot_id": f"b{number}"}
        forge.put_manifest({**content, **own}, f"s{number:05}")
    forge.write(path)


@pytest.mark.no_cover
@pytest.mark.parametrize("make", [_large_reason, _headers, _unknown_dictionaries, _many_nodes])
@pytest.mark.parametrize("command", ["verify", "info"])
def test_a_large_claim_costs_little_time_and_memory(
    make: Callable[[Forge, Path], None], command: str, forge: Forge, tmp_path: Path
) -> None:
    make(forge, tmp_path / "forged.tapio")

    code, messages, cpu_s, mib = run_command(command, str(tmp_path / "forged.tapio"))

    assert code in {0, 1, 65}, messages
    assert "Traceback" not in messages
    assert cpu_s < 10
    assert mib < _BASELINE_MIB + 100 + (tmp_path / "forged.tapio").stat().st_size / (1 << 20)  # mapped, not allocated


@pytest.mark.no_cover
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the limits of Linux")
def test_what_no_bound_refuses_ends_at_the_limit_of_the_command(forge: Forge, tmp_path: Path) -> None:
    # GIVEN 60 batches of objects, each of 60 MiB when it is expanded
    batch = next(item for item in open_capture(DEMO).batches("kube_object") if isinstance(item, pa.RecordBatch))
    place = batch.schema.get_field_index("k8s.object.content")
    text = '"' + "a" * ((1 << 20) - 3) + '"'
    rows = batch.slice(0, 1).take(pa.array([0] * 60))
    rows = rows.set_column(place, batch.schema.field(place), pa.array([text] * 60, batch.schema.field(place).type))
    forge.put_table("kube_object", [rows], repeats=60)
    path = forge.write(tmp_path / "forged.tapio")

    # WHEN it is analyzed
    code, messages, _, mib = run_command("analyze", str(path))

    # THEN the command ends with a sentence
    assert code == 65
    assert messages.startswith(f"tapio: {path} needs more than")
    assert mib < 1024
