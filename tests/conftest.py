"""What holds for every test: none reads or leaves anything in the home of whoever runs it; and which are unit tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

from tests.scheduling import TogetherScheduling

ROOT = Path(__file__).parent

NOT_UNIT_FOLDERS = ("browser", "cluster", "deploy", "kernel", "lab", "robustness")
"""Folders whose tests need root, a kernel, a browser, a cluster, or tools beyond Python."""

NOT_UNIT_FILES = ("test_standard_tools.py",)
"""Files whose tests need a package of 40 MB (polars)."""

LINUX_FOLDERS = ("recorder",)
"""Folders whose tests read /proc and /sys or use system calls that only Linux has."""

NOT_UNIT_MARKS = ("browser", "cluster", "kernel", "neo4j", "root", "slow")

CHILDREN_ARE_TRACED = "COVERAGE_PROCESS_CONFIG"
"""Environment variable by which coverage traces the programs that tests start; half of the time of a short program."""

settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, max_examples=2_000, deadline=None)
# A run must not depend on chance: new examples are looked for by `make explore`, which gives the other profile.
settings.load_profile("same-every-time")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--unit", action="store_true", help="only what needs no root, kernel, Java, browser or network")
    parser.addoption("--sweeps", action="store_true", help="only the cases of laws that other runs leave out")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling | None:
    return TogetherScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # workers inherit it, so that knowledge is checked once for all of them
        cache = TemporaryDirectory(prefix="tapio-tests-")
        os.environ["XDG_CACHE_HOME"] = cache.name
        config.add_cleanup(cache.cleanup)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Programs that are started by a test which is not traced are not traced either."""
    traced = os.environ.pop(CHILDREN_ARE_TRACED, None) if item.get_closest_marker("no_cover") else None
    try:
        return (yield)
    finally:
        if traced is not None:
            os.environ[CHILDREN_ARE_TRACED] = traced


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    folder = "".join(collection_path.relative_to(ROOT).parts[:1]) if collection_path.is_relative_to(ROOT) else ""
    is_elsewhere = folder in LINUX_FOLDERS and sys.platform != "linux"
    is_left_out = folder in NOT_UNIT_FOLDERS or collection_path.name in NOT_UNIT_FILES or is_elsewhere
    return True if config.getoption("--unit") and is_left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marks_left_out = NOT_UNIT_MARKS if config.getoption("--unit") else ()
    left_out = {
        item
        for item in items
        if bool(item.get_closest_marker("sweep")) is not config.getoption("--sweeps")
        or any(item.get_closest_marker(mark) for mark in marks_left_out)
    }
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
