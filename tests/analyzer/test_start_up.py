"""A command imports what it needs and nothing else: most of what a short command costs is its imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.knowledge.shipped import read_knowledge

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "fixtures/incidents/demo.tapio"

_ASK = """
import contextlib, io, json, sys
sys.modules["cloudpickle"] = None  # pyarrow imports it where the extra `dask` is installed, in 3 ms
before = set(sys.modules)
from analyzer.cli import main
sys.argv = ["tapio", *sys.argv[1:]]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
print(json.dumps(sorted(set(sys.modules) - before)))
"""

NOT_FOR_HELP = (
    "duckdb",
    "formats.catalog",
    "importlib.metadata",
    "jinja2",
    "msgspec",
    "networkx",
    "numpy",
    "pyarrow",
    "yaml",
)
"""Heavy modules that a list of commands does not need."""

NOT_FOR_ANALYSIS = (
    *("analyzer.importers", "analyzer.knowledge.load", "analyzer.sharing", "formats.rows.kube_redaction"),
    *("formats.segment.sealing", "recorder"),
    *("reports.figures", "reports.graph_model", "reports.page"),
    *("jinja2", "kubernetes", "neo4j", "networkx", "pandas", "plotly", "polars", "yaml"),
    *("numpy.ma", "pyarrow.compute", "pyarrow.dataset", "pyarrow.parquet"),
    *("asyncio", "concurrent.futures", "difflib", "http.client", "logging", "ssl", "subprocess", "zoneinfo"),
)
"""Heavy modules that a terminal report of a small capture does not need, once its knowledge was checked."""


def _imported_by(*arguments: str) -> set[str]:
    # A bare environment: the measuring of coverage in child processes imports half of the list by itself.
    names = ("HOME", "PATH", "XDG_CACHE_HOME")
    environment = {name: os.environ[name] for name in names if name in os.environ} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _ASK, *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return set(json.loads(done.stdout))


def test_help_imports_no_engine_and_no_formats() -> None:
    imported = _imported_by("--help")
    assert "click" in imported
    assert sorted(imported.intersection(NOT_FOR_HELP)) == []


@pytest.fixture
def checked_knowledge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped knowledge, checked and in a cache that holds nothing else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    read_knowledge()


@pytest.mark.parametrize(
    "command",
    [pytest.param(["analyze", str(DEMO)], marks=pytest.mark.slow), ["why", str(DEMO), "deploy/frontend"]],
)
@pytest.mark.usefixtures("checked_knowledge")
def test_analysis_imports_only_what_it_needs(command: list[str]) -> None:
    imported = _imported_by(*command)
    assert "duckdb" in imported
    assert sorted(imported.intersection(NOT_FOR_ANALYSIS)) == []


@pytest.mark.slow
@pytest.mark.usefixtures("checked_knowledge")
def test_a_kept_analysis_imports_no_engine() -> None:
    assert "duckdb" in _imported_by("analyze", str(DEMO))
    for command in (["analyze", str(DEMO)], ["why", str(DEMO), "deploy/frontend"], ["timeline", str(DEMO)]):
        imported = _imported_by(*command)
        assert "formats.postmortem.document" in imported
        assert sorted(imported.intersection({"ctypes", "duckdb", "numpy", "pyarrow", "yaml"})) == [], command


def test_help_of_report_imports_nothing_that_writes_a_page() -> None:
    imported = _imported_by("report", "--help")
    assert "analyzer.commands.report" in imported
    assert sorted(imported.intersection({"jinja2", "plotly", "reports.page"})) == []
