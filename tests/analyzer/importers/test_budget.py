"""An import costs what its limits say, and the refusal names the option that raises them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner, Result

from analyzer.cli import cli
from analyzer.importers.budget import ImportBudget, ImportLimits
from formats.errors import FormatError

FILE = Path("x.json")
POD = b'{"t":1,"boot_ns":1,"resource":"pods","type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}'


def test_the_total_is_counted_over_files_and_anew_for_each_pass() -> None:
    budget = ImportBudget(ImportLimits(total_bytes=100))
    budget.spend(60, FILE)
    budget.begin_pass()
    budget.spend(60, FILE)
    budget.spend(40, Path("y.json"))

    with pytest.raises(FormatError, match=r"y\.json: the input has more than 100 B; .* --max-total"):
        budget.spend(1, Path("y.json"))


def test_time_is_counted_from_the_begin() -> None:
    clock: Iterator[int] = iter([0, 5_000_000_000, 11_000_000_000])
    budget = ImportBudget(ImportLimits(time_ns=10_000_000_000), lambda: next(clock))
    budget.spend(1, FILE)

    with pytest.raises(FormatError, match=r"x\.json: the import took more than 10\.0 s; .* --max-time"):
        budget.spend(1, FILE)


def run(tmp_path: Path, content: bytes, *options: str) -> Result:
    source = tmp_path / "source"
    source.write_bytes(content)
    return CliRunner().invoke(cli, ["import", str(source), "-o", str(tmp_path / "new.tapio"), *options])


@pytest.mark.parametrize(
    ("content", "option", "too_little", "enough"),
    [
        (POD + b" " * 50_000 + b"\n", "--max-line", "10KiB", "60KiB"),
        (b" " * 50_000 + b"\n" + POD, "--max-line", "10KiB", "60KiB"),
        (b"\n" * 50_000 + POD, "--max-total", "10KiB", "60KiB"),
        (b'{"kind":"Pod","metadata":{"name":"a"}}' + b" \n" * 30_000, "--max-document", "10KiB", "60KiB"),
        (POD, "--max-time", "0s", "5m"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_what_exceeds_a_limit_is_refused_by_name_and_passes_with_the_option(
    content: bytes, option: str, too_little: str, enough: str, tmp_path: Path, *, compressed: bool
) -> None:
    stored = zstandard.compress(content) if compressed else content

    refused = run(tmp_path, stored, option, too_little)
    passed = run(tmp_path, stored, option, enough)

    assert isinstance(refused.exception, FormatError)
    assert option in str(refused.exception)
    assert passed.exit_code == 0, passed.output
    assert passed.output.endswith("rows\n")


def test_a_limit_that_is_no_amount_is_refused() -> None:
    answer = CliRunner().invoke(cli, ["import", "x", "-o", "y", "--max-line", "much"])

    assert answer.exit_code == 2
    assert "a size is a whole number" in answer.output


def test_a_line_without_end_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    # GIVEN 30 KB that stand for 900 MiB without a line break
    compressor = zstandard.ZstdCompressor().compressobj()
    parts = [compressor.compress(b"x" * (1 << 20)) for _ in range(900)]
    # WHEN they are imported
    refused = run(tmp_path, b"".join(parts) + compressor.flush())
    # THEN it is told at the limit
    assert "a line has more than 128 MiB" in str(refused.exception)
