"""Source `tracepoint`: which names are accepted, and hits as rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formats.errors import ConfigurationError, UnavailableError
from formats.tables import tracepoint
from recorder.source import SourceContext
from recorder.sources.tracepoint import HIT_RECORD, TracepointSource, to_batch

FORMAT = "name: sys_enter_close\nformat:\n\tfield:unsigned short common_type;\toffset:0;\n\tfield:int fd;\toffset:16;\n"


@pytest.fixture
def context(tmp_path: Path):
    """A context over a tracefs with two tracepoints."""
    for name in ("syscalls/sys_enter_close", "sched/sched_switch"):
        folder = tmp_path / "kernel/tracing/events" / name
        folder.mkdir(parents=True)
        (folder / "format").write_text(FORMAT)

    def make(*events: object) -> SourceContext:
        options = {**TracepointSource.spec.options, "events": list(events)}
        return SourceContext("node", options, lambda: 0, sysfs=tmp_path)

    return make


def test_each_name_becomes_a_probe_that_knows_its_position(context) -> None:
    # WHEN
    (request,) = TracepointSource().requests(
        context("syscalls:sys_enter_close", "sched:sched_switch", "sched:sched_switch")
    )

    # THEN
    assert request.probes.splitlines() == [
        "TRACEPOINT_PROBE(syscalls, sys_enter_close) { return record_hit(0); }",
        "RAW_TRACEPOINT_PROBE(sched_switch) { return record_hit(1); }",
    ]


@pytest.mark.parametrize(
    "name", ["", "sched", "sched:", ":x", "sched:a b", "sched:x) { return 0; }", "../sched:x", "a:b:c", 5, "sched:x\n"]
)
def test_a_name_that_is_none_is_refused_before_anything_is_compiled(context, name: object) -> None:
    with pytest.raises(ConfigurationError, match=r"sources\.tracepoint\.events: .* is not the name of a tracepoint"):
        TracepointSource().requests(context(name))


def test_a_tracepoint_that_the_kernel_lacks_is_named(context) -> None:
    with pytest.raises(UnavailableError, match="this kernel has no tracepoint sched:nothing"):
        TracepointSource().requests(context("sched:nothing"))


def test_too_many_names_are_refused(context) -> None:
    with pytest.raises(ConfigurationError, match="101 tracepoints are more than 100"):
        TracepointSource().requests(context(*(f"sched:x{number}" for number in range(101))))


def test_without_names_it_opens_and_says_that_it_records_nothing(context) -> None:
    # GIVEN
    source = TracepointSource()

    # WHEN
    source.open(context())

    # THEN
    assert source.drain(1) == []
    assert source.stats().detail == "no tracepoint is configured in sources.tracepoint.events"
    source.close()


def test_hits_become_rows() -> None:
    # GIVEN
    records = np.zeros(3, HIT_RECORD)
    records["boot_time_ns"], records["kind"], records["comm"] = [1, 2, 3], [1, 0, 1], [b"a", b"b", b"a"]

    # WHEN
    batch = to_batch(records, ["x:a", "x:b"])

    # THEN
    assert batch.schema == tracepoint.TABLE.drained_schema
    batch.validate(full=True)
    assert batch["tracepoint.name"].to_pylist() == ["x:b", "x:a", "x:b"]
    assert batch["process.command"].to_pylist() == ["a", "b", "a"]
    assert len(batch["process.command"].dictionary) == 2
