"""Pressure of the node and of its pods."""

from __future__ import annotations

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.sources.cgroup_state import CgroupStateSource
from recorder.sources.memory import MemorySource
from recorder.sources.pressure import PressureSource
from tests.recorder.sources.fake_host import CONTAINER_V2, PSI, FakeHost, rows_of

BUDGET = 10**12


@pytest.mark.parametrize("kind", [MemorySource, PressureSource, CgroupStateSource])
def test_a_host_without_it_is_told_what_to_do(host: FakeHost, kind):
    with pytest.raises(UnavailableError) as caught:
        host.open(kind())
    assert caught.value.next_step


def test_pressure_of_the_node_and_of_pods(host: FakeHost):
    # GIVEN a node with pressure files, of which irq has no `some` line
    host.make_unified()
    for resource in ("cpu", "memory", "io"):
        host.write(host.proc / "pressure" / resource, PSI.format(some=100, full=0))
    host.write(host.proc / "pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=9\n")
    source = PressureSource()
    host.open(source)

    # WHEN a segment begins THEN every file is told
    rows = rows_of(source.snapshot())
    node = {row["pressure.resource"]: row for row in rows if row["cgroup.path"] is None}
    assert sorted(node) == ["cpu", "io", "irq", "memory"]
    assert (node["cpu"]["pressure.some_ns"], node["cpu"]["pressure.full_ns"]) == (100_000, 0)
    assert (node["irq"]["pressure.some_ns"], node["irq"]["pressure.full_ns"]) == (None, 9_000)
    assert sum(row["cgroup.path"] == CONTAINER_V2 for row in rows) == 3
    # AND afterwards only totals that move
    host.write(host.proc / "pressure/io", PSI.format(some=150, full=0))
    host.clock.pass_seconds(5)
    (row,) = rows_of(source.drain(BUDGET))
    assert (row["pressure.resource"], row["cgroup_id"], row["pressure.some_ns"]) == ("io", 0, 150_000)
    # AND a file of another form is counted, not told
    host.write(host.proc / "pressure/io", "nothing\n")
    host.clock.pass_seconds(5)
    assert source.drain(BUDGET) == []
    assert source.stats().missing == {LossReason.REJECTED: 1}
