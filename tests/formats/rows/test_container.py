"""What a container runtime tells becomes rows of what has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from formats.batches import batch_from_rows
from formats.rows.container import Container, ContainerState, ContainerVersions, Listing, Sandbox, Told
from formats.tables import container as table

SECOND = 1_000_000_000
SANDBOX = Sandbox("s1", "shop", "api-1", "uid-1", 0, is_ready=True, created_ns=1)
CREATED = Container("c1", "s1", "api", 2, ContainerState.CREATED, created_ns=10 * SECOND)
RUNNING = replace(CREATED, state=ContainerState.RUNNING, started_ns=11 * SECOND, image="api:1", image_id="sha256:1")
EXITED = replace(RUNNING, state=ContainerState.EXITED, finished_ns=12 * SECOND, exit_code=1, reason="Error")


def look(versions: ContainerVersions, *containers: Container, sandboxes: tuple[Sandbox, ...] = (SANDBOX,)) -> Told:
    """One look, with lists and statuses as a runtime gives them."""
    listed = [replace(one, started_ns=0, finished_ns=0, exit_code=0, reason="", image="") for one in containers]
    listing = Listing(sandboxes, listed)
    asked = versions.find_changed(listing)
    statuses = {one.container_id: replace(one, sandbox_id="") for one in containers if one.container_id in asked}
    told = versions.tell(listing, statuses)
    rows = [row | {"boot_time_ns": 1} for row in told.rows + versions.snapshot()]
    assert not rows or batch_from_rows(table.TABLE, rows).num_rows == len(rows), "rows fit the table"
    return told


def events(told: Told) -> list[str]:
    return [row["event_name"] for row in told.rows]


def test_the_first_look_is_the_snapshot_and_later_ones_tell_what_changed() -> None:
    versions = ContainerVersions()
    assert events(look(versions, CREATED)) == []
    assert [row["event_name"] for row in versions.snapshot()] == ["sandbox.state", "container.state"]
    assert events(look(versions, RUNNING)) == ["container.started"]
    assert events(look(versions, RUNNING)) == []
    told = look(versions, EXITED)
    assert events(told) == ["container.exited"]
    (row,) = told.rows
    assert (row["k8s.pod.name"], row["container.exit.code"], row["container.exit.reason"]) == ("api-1", 1, "Error")
    assert (row["container.started_unix_nano"], row["container.finished_unix_nano"]) == (11 * SECOND, 12 * SECOND)
    assert [one.container_id for one in told.crashed] == ["c1"]
    assert events(look(versions, sandboxes=())) == ["sandbox.removed", "container.removed"]
    assert versions.snapshot() == []


def test_status_is_asked_once_per_change() -> None:
    versions = ContainerVersions()
    listing = Listing([SANDBOX], [RUNNING])
    assert versions.find_changed(listing) == ["c1"]
    versions.tell(listing, {"c1": RUNNING})
    assert versions.find_changed(listing) == []


def test_a_container_that_crashed_before_the_first_look_is_among_the_crashed() -> None:
    told = look(ContainerVersions(), EXITED)
    assert told.rows == []
    assert told.crashed == [EXITED]


@pytest.mark.parametrize("code", [0, 137, 143])
def test_the_end_of_work_and_being_ended_by_others_are_no_crashes(code: int) -> None:
    versions = ContainerVersions()
    look(versions)
    told = look(versions, replace(EXITED, exit_code=code))
    assert events(told) == ["container.exited"]
    assert told.crashed == []


def test_several_changes_are_in_the_order_in_which_they_happened() -> None:
    versions = ContainerVersions()
    look(versions)
    second = replace(RUNNING, container_id="c0", started_ns=13 * SECOND)
    assert [row["container.id"] for row in look(versions, second, EXITED).rows] == ["c1", "c0"]


def test_a_sandbox_that_stops_and_one_that_replaces_it() -> None:
    versions = ContainerVersions()
    look(versions)
    stopped = replace(SANDBOX, is_ready=False)
    assert events(look(versions, sandboxes=(stopped,))) == ["sandbox.stopped"]
    second = replace(SANDBOX, sandbox_id="s2", attempt=1)
    assert events(look(versions, sandboxes=(stopped, second))) == ["sandbox.started"]


def test_a_container_whose_sandbox_is_gone_keeps_its_pod() -> None:
    versions = ContainerVersions()
    look(versions, RUNNING)
    told = look(versions, EXITED, sandboxes=())
    assert events(told) == ["sandbox.stopped", "container.exited"]
    assert {row["k8s.pod.name"] for row in told.rows} == {"api-1"}
    assert [row["event_name"] for row in look(versions, sandboxes=()).rows] == ["sandbox.removed", "container.removed"]


def test_a_container_that_is_gone_before_it_was_asked_is_told_without_what_is_unknown() -> None:
    versions = ContainerVersions()
    look(versions)
    told = versions.tell(Listing([SANDBOX], [replace(CREATED, state=ContainerState.EXITED)]), {})
    (row,) = told.rows
    assert row["event_name"] == "container.exited"
    assert row["container.exit.code"] is None
    assert row["container.finished_unix_nano"] is None
    assert told.crashed == []


def test_a_state_that_nobody_knows_is_no_event() -> None:
    versions = ContainerVersions()
    look(versions, RUNNING)
    assert events(look(versions, replace(RUNNING, state=ContainerState.UNKNOWN))) == []


def test_evil_names_fit_the_table() -> None:
    evil = replace(
        EXITED, name="\x1b[2J" * 4000, image="\udc80", reason="<script>", attempt=2**32 - 1, container_id="i" * 10**6
    )
    told = look(ContainerVersions(), replace(evil, created_ns=-(2**63), finished_ns=2**63 - 1))
    assert told.crashed
    versions = ContainerVersions()
    look(versions)
    (row,) = look(versions, evil).rows
    assert len(row["k8s.container.name"]) <= 1024
    assert len(row["container.id"]) <= 1024
    assert row["container.exit.reason"] is None
