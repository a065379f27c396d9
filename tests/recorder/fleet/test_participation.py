"""One freeze reaches every node: against a test API server, with a clock and a recorder that do as told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.lab.api_server.faults import Action, Fault
from formats.errors import UnavailableError
from formats.times import parse_time
from recorder.fleet import participation
from recorder.store.captures import measure_capture
from recorder.store.freeze import BusyError
from tests.recorder.fleet.nodes import NOW, SECOND, capture

DEMO = Path(__file__).parents[3] / "fixtures" / "incidents" / "demo.tapio"


def status_of(server, name):
    return (server.get("Capture", "tapio", name) or {}).get("status") or {}


def test_every_node_freezes_the_window_and_the_status_says_so(server, make_node):
    # GIVEN three nodes
    nodes = [make_node(f"node-{letter}") for letter in "abc"]

    # WHEN somebody creates a Capture
    stored = server.put(capture("night", beforeSeconds=60, afterSeconds=5, reason="it broke"))
    for node in nodes:
        node.step()
    assert status_of(server, "night")["state"] == "Freezing"
    assert "frozen" not in status_of(server, "night"), "how many will answer is not known yet"
    for node in nodes:
        node.finish()
        node.step(1, times=2)

    # THEN each has frozen the same window, named by the Capture, within its limit of captures
    window = (NOW - 60 * SECOND, NOW + 5 * SECOND)
    name = f"night-{stored['metadata']['uid'][:8]}"
    assert [[(asked.name, asked.window_unix_nano, asked.is_bounded) for asked in node.asked] for node in nodes] == [
        [(name, window, True)]
    ] * 3
    assert {asked.reason for node in nodes for asked in node.asked} == {"it broke"}
    # AND the status has an entry of every node, and their sum
    status = status_of(server, "night")
    assert (status["state"], status["frozen"]) == ("Frozen", "3/3")
    assert status["nodes"]["node-b"] == {
        "state": "Frozen",
        "file": f"/var/lib/tapio/captures/{name}.tapio",
        "bytes": 1_000,
        "sha256": "ab" * 32,
        "events": 42,
        "losses": 3,
        "from": "2026-11-22T03:19:00.000000000Z",
        "to": "2026-11-22T03:20:05.000000000Z",
    }
    assert [node.part.pending for node in nodes] == [0, 0, 0]
    assert stored["spec"] == server.get("Capture", "tapio", "night")["spec"]


def test_a_moment_in_the_past_is_the_middle_of_the_window(server, make_node):
    node = make_node("node-a")
    server.put(capture("earlier", at="2026-11-22T02:00:00Z"))
    node.step()
    at = parse_time("2026-11-22T02:00:00Z")
    assert [asked.window_unix_nano for asked in node.asked] == [(at - 600 * SECOND, at + 30 * SECOND)]


def test_only_the_nodes_that_are_named_freeze(server, make_node):
    there, elsewhere = make_node("node-a"), make_node("node-b")
    server.put(capture("one", nodes=["node-a", "node-c"]))
    for node in (there, elsewhere):
        node.step()
    there.finish()
    there.step(1, times=2)
    assert (len(there.asked), len(elsewhere.asked)) == (1, 0)
    assert elsewhere.entry("one") is None
    assert status_of(server, "one")["frozen"] == "1/2", "node-c was named and has not answered"


def test_a_node_that_was_away_takes_part_when_it_is_back(server, make_node, clock):
    # GIVEN a Capture that others have answered a day ago
    present = make_node("node-a")
    server.put(capture("night"))
    present.step()
    present.finish()
    present.step(1, times=2)
    clock.passed += 86_400 * SECOND

    # WHEN a node comes back whose ring has only a part of the window
    late = make_node("node-b", begins_at=NOW - 10 * SECOND)
    late.step()
    late.finish()
    late.step(1, times=2)

    # THEN it freezes that window, and says what is missing of it
    assert late.asked[0].window_unix_nano == (NOW - 600 * SECOND, NOW + 30 * SECOND)
    assert status_of(server, "night")["frozen"] == "2/2"
    assert late.entry("night")["message"] == (
        "the window begins at 2026-11-22T03:10:00Z; the recording of this node begins later"
    )
    assert "message" not in present.entry("night")


def test_a_window_that_the_ring_no_longer_has_is_told(server, make_node):
    node = make_node("node-a")
    server.put(capture("night"))
    node.step()
    node.finish(UnavailableError("the freeze failed: nothing was recorded in the window"))
    node.step(1, times=2)
    assert node.entry("night") == {
        "state": "Failed",
        "message": "the freeze failed: nothing was recorded in the window",
    }
    assert status_of(server, "night")["state"] == "Failed"
    assert (node.part.figures.frozen, node.part.figures.failed) == (0, 1)


def test_a_node_that_is_newer_than_the_window_says_so_and_freezes_nothing(server, make_node):
    # GIVEN a node that joined after many Captures were made
    node = make_node("node-new", begins_at=NOW + 31 * SECOND)
    for number in range(20):
        server.put(capture(f"c{number}"))
    # WHEN it sees them
    node.step(60)
    node.step(1)
    # THEN no segment is ended for them
    assert node.asked == []
    assert {node.entry(f"c{number}")["message"] for number in range(20)} == {
        "the recording of this node begins at 2026-11-22T03:20:31Z, after the window"
    }


def test_an_answered_capture_is_not_frozen_again_after_a_restart(server, make_node):
    first = make_node("node-a")
    server.put(capture("night"))
    first.step()
    first.finish()
    first.step(1, times=2)
    again = make_node("node-a")
    again.step(1, times=3)
    assert again.asked == []
    assert again.part.pending == 0


def test_a_file_that_was_written_before_the_recorder_ended_is_told_and_not_written_again(server, make_node):
    # GIVEN a recorder that ended between writing its file and saying so
    first = make_node("node-a")
    stored = server.put(capture("night"))
    first.step()
    assert first.entry("night") == {"state": "Freezing"}
    place = first.directory / f"night-{stored['metadata']['uid'][:8]}.tapio"
    shutil.copy(DEMO, place)

    # WHEN the next one starts
    again = make_node("node-a")
    again.step(1, times=3)

    # THEN
    assert again.asked == []
    entry, figures = again.entry("night"), measure_capture(DEMO)
    assert (entry["state"], entry["file"], entry["bytes"]) == ("Frozen", str(place), DEMO.stat().st_size)
    assert (entry["events"], entry["sha256"]) == (figures.events, figures.sha256)


def test_entries_of_nodes_that_write_at_once_are_all_kept(server, make_node, clock):
    # GIVEN two nodes that know the same version of the Capture
    one, other = make_node("node-a"), make_node("node-b")
    server.put(capture("night"))
    for node in (one, other):
        node.step()
        node.finish()
    # WHEN the summary of one meets what the other has written since
    server.add_fault(Fault(Action.STATUS, verb="patch", plural="captures", code=409))
    for node in (one, other):
        node.step(1, times=2)
    one.step(5, times=2)
    # THEN nothing is lost
    assert set(status_of(server, "night")["nodes"]) == {"node-a", "node-b"}
    assert status_of(server, "night")["frozen"] == "2/2"


def test_an_api_server_that_fails_is_asked_again_and_nothing_is_lost(server, make_node):
    # GIVEN a trigger that fires, and a Capture, while the server is in trouble
    node = make_node("node-a")
    server.put(capture("night"))
    node.look()
    for verb in ("get", "patch", "create"):
        server.add_fault(Fault(Action.STATUS, verb=verb, plural="captures", code=503, times=2, retry_after=7))
    node.fire()
    node.step()
    assert "503" in node.part.figures.problem
    # WHEN time passes
    node.step(10, times=6)
    node.finish()
    node.step(10, times=6)
    # THEN
    assert node.entry("night")["state"] == "Frozen"
    assert len([name for name in server.list_objects("Capture") if name["metadata"]["name"].startswith("auto-")]) == 1
    assert server.faults.waiting == 0


def test_a_server_that_is_away_is_no_failure_of_the_recorder(server, make_node):
    node = make_node("node-a")
    server.put(capture("night"))
    node.look()
    server.stop()
    node.part.step(node.clock.now())
    assert "cannot connect" in node.part.figures.problem
    assert node.part.pending == 1


def test_a_deleted_capture_is_forgotten(server, make_node):
    node = make_node("node-a")
    server.put(capture("night"))
    node.step()
    server.delete("Capture", "tapio", "night")
    node.finish()
    node.step(1, times=2)
    assert node.part.pending == 0
    assert node.part.figures.frozen == 0


def test_a_busy_recorder_freezes_later(server, make_node):
    node = make_node("node-a")
    server.put(capture("night"))
    node.step()
    node.finish(BusyError("8 freezes are in progress"))
    node.step(1)
    assert node.entry("night")["state"] == "Freezing"
    node.step(31)
    node.finish()
    node.step(1, times=2)
    assert len(node.asked) == 2
    assert node.entry("night")["state"] == "Frozen"


def test_many_captures_are_frozen_one_after_the_other(server, make_node):
    node = make_node("node-a")
    for number in range(9):
        server.put(capture(f"c{number}"))
    node.step()
    assert len(node.asked) == 1
    node.step(2, times=9)
    assert len(node.asked) == 4, "no more than four at once"
    for _ in range(5):
        node.finish()
        node.step(2, times=5)
    assert {node.entry(f"c{number}")["state"] for number in range(9)} == {"Frozen"}


def test_each_step_waits_a_random_time_within_the_jitter(server, make_node):
    node = make_node("node-a", jitter_s=10)
    server.put(capture("night"))
    node.step()
    assert node.asked == []
    node.step(10)
    node.finish()
    node.step(0.5)
    assert node.entry("night")["state"] == "Freezing"
    node.step(10)
    assert node.entry("night")["state"] == "Frozen"


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"at": "tomorrow"}, "`at` of the Capture is not a time"),
        ({"beforeSeconds": -1}, "out of range"),
        ({"afterSeconds": 100_000}, "out of range"),
    ],
)
def test_a_window_that_is_none_is_refused_where_the_server_has_no_schema(server, make_node, spec, problem):
    node = make_node("node-a")
    server.put(capture("evil", **spec))
    node.step(1, times=2)
    assert node.asked == []
    assert problem in node.entry("evil")["message"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a.tapio", "A", "x" * 64, "-rf", "a\nb"])
def test_a_name_that_the_schema_forbids_is_never_frozen(server, make_node, name):
    node = make_node("node-a")
    server.put(capture(name))
    node.step(1, times=2)
    assert node.asked == []
    assert node.versions.rejected > 0


def test_what_a_person_wrote_is_shown_safely(server, make_node):
    node = make_node("node-a")
    server.put(capture("night", reason="it\x1b[31m broke\n" + "x" * 1_000))
    node.step()
    assert node.asked[0].reason.startswith("it\\x1b[31m broke\\x0a")
    assert len(node.asked[0].reason) <= 500


# Triggers.


def captures_of(server):
    return sorted(found["metadata"]["name"] for found in server.list_objects("Capture"))


def test_a_trigger_creates_a_capture_and_its_own_freeze_is_this_nodes_part(server, make_node):
    # GIVEN two nodes
    hit, other = make_node("node-a"), make_node("node-b")
    # WHEN a trigger of one fires
    reply = hit.fire()
    for node in (hit, other):
        node.step(1, times=2)
    # THEN there is a Capture that says why, with the window of the freeze that has begun
    assert captures_of(server) == ["auto-oom-kill-20261122t032000z"]
    spec = server.get("Capture", "tapio", "auto-oom-kill-20261122t032000z")["spec"]
    assert spec["reason"] == "node-a: cache was killed"
    assert (spec["at"], spec["beforeSeconds"], spec["afterSeconds"]) == ("2026-11-22T03:20:00.000000000Z", 600, 30)
    # AND the other node freezes, while this one says what its own freeze gave
    assert (len(hit.asked), len(other.asked)) == (0, 1)
    reply.set_result(hit.result("auto-oom-kill-20261122T032000.000Z", (NOW, NOW)))
    other.finish()
    for node in (hit, other):
        node.step(1, times=2)
    assert hit.entry(captures_of(server)[0])["file"].endswith("/auto-oom-kill-20261122T032000.000Z.tapio")
    assert status_of(server, captures_of(server)[0])["frozen"] == "2/2"
    assert hit.part.figures.created == 1


def test_a_storm_over_the_whole_cluster_makes_one_capture(server, make_node, clock):
    # GIVEN ten nodes on which the same trigger fires within a second
    nodes = [make_node(f"node-{number}") for number in range(10)]
    for node in nodes:
        node.fire()
        node.part.step(clock.now())
        clock.passed += SECOND // 10
    # AND again, some minutes later, across the border of two intervals
    clock.passed += 200 * SECOND
    for node in nodes:
        node.fire()
        node.step()
    # THEN there is one, and so many requests were made and no more
    assert captures_of(server) == ["auto-oom-kill-20261122t032000z"]
    assert sum(node.part.figures.created for node in nodes) == 1
    assert server.count("create", "captures") == 10


def test_another_trigger_or_a_later_one_makes_its_own(server, make_node, clock):
    node = make_node("node-a")
    for key in ("oom-kill", "pod_Evicted"):
        node.fire(key)
        node.step(1)
    clock.passed += 301 * SECOND
    node.fire()
    node.step()
    assert captures_of(server) == [
        "auto-oom-kill-20261122t032000z",
        "auto-oom-kill-20261122t032500z",
        "auto-pod-evicted-20261122t032000z",
    ]


def test_triggers_create_no_more_captures_when_nobody_deletes_them(server, make_node, monkeypatch):
    monkeypatch.setattr(participation, "MAX_CAPTURES", 3)
    node = make_node("node-a")
    for number in range(3):
        server.put(capture(f"c{number}"))
    node.look()
    node.fire()
    node.step()
    assert "the namespace has 3 Captures" in node.part.figures.problem
    assert len(captures_of(server)) == 3


def test_a_forbidden_creation_is_told_and_given_up(server, make_node):
    node = make_node("node-a")
    server.forbidden.add("captures")
    node.fire()
    node.step(1, times=3)
    assert node.part.figures.problem == (
        'a Capture cannot be created: the API server returned 403 (captures is forbidden: User "lab" cannot create)'
    )
    assert server.count("create", "captures") == 1


def test_a_trigger_whose_capture_cannot_be_created_for_long_is_given_up(server, make_node):
    node = make_node("node-a")
    server.add_fault(Fault(Action.STATUS, verb="create", plural="captures", code=500, times=1_000))
    node.fire()
    node.step(60, times=40)
    asked = server.count("create", "captures")
    assert 5 < asked < 30
    node.step(60, times=5)
    assert server.count("create", "captures") == asked


# Uploads.


def freeze_night(server, node, **spec):
    """The node freezes its part; gives the name of the file."""
    server.put(capture("night", **spec))
    node.step(1)
    node.finish()
    file = f"{node.asked[-1].name}.tapio"
    (node.directory / file).write_bytes(b"a capture")
    node.step(1, times=2)
    assert node.entry("night")["state"] == "Frozen"
    assert "uploaded" not in node.entry("night")
    assert node.part.pending == 0
    return file


def test_the_entry_says_where_the_capture_was_uploaded_to_once_it_was(server, make_node):
    uploaded = {}
    node = make_node("node-a", uploaded=uploaded)
    file = freeze_night(server, node)
    requests = server.count("get", "captures") + server.count("patch", "captures")
    node.step(1, times=20)
    assert server.count("get", "captures") + server.count("patch", "captures") == requests, "nobody is asked meanwhile"
    # WHEN it is at the destination, and the server is in trouble
    uploaded[file] = f"s3://bucket/node-a/{file}"
    server.add_fault(Fault(Action.STATUS, verb="patch", plural="captures", code=503))
    node.step(1)
    assert "503" in node.part.figures.problem
    node.step(60)
    # THEN the entry has it, beside all else
    assert node.entry("night")["uploaded"] == f"s3://bucket/node-a/{file}"
    assert node.entry("night")["bytes"] == 1_000
    assert node.part._uploads == {}


def test_a_recorder_that_ended_before_the_upload_says_so_later(server, make_node):
    first = make_node("node-a", uploaded={})
    file = freeze_night(server, first)
    uploaded = {}
    again = make_node("node-a", uploaded=uploaded)
    again.step(1, times=3)
    assert again.asked == []
    uploaded[file] = "s3://bucket/x"
    again.step(1)
    assert again.entry("night")["uploaded"] == "s3://bucket/x"
    # AND what is told is told once
    third = make_node("node-a", uploaded=uploaded)
    patches = server.count("patch", "captures")
    third.step(1, times=3)
    assert server.count("patch", "captures") == patches


def test_a_capture_that_is_deleted_or_whose_file_is_deleted_is_waited_for_no_longer(server, make_node):
    uploaded = {}
    node = make_node("node-a", uploaded=uploaded)
    file = freeze_night(server, node)
    server.delete("Capture", "tapio", "night")
    uploaded[file] = "s3://bucket/x"
    node.step(1)
    assert node.part._uploads == {}
    other = make_node("node-b", uploaded={})
    (other.directory / freeze_night(server, other)).unlink()
    other.step(1)
    assert other.part._uploads == {}


def test_a_capture_for_the_node_alone_is_not_uploaded(server, make_node):
    node = make_node("node-a", uploaded={})
    freeze_night(server, node, destination="Node")
    assert node.asked[-1].stays_on_node
    assert node.part._uploads == {}
    again = make_node("node-a", uploaded={})
    again.step(1, times=3)
    assert again.part._uploads == {}


def test_a_capture_chooses_no_other_destination(server, make_node):
    node = make_node("node-a", uploaded={})
    server.put(capture("night", destination="s3://attacker/x"))
    node.step(1, times=3)
    assert node.asked == []
    assert node.entry("night")["message"] == "`destination` of the Capture must be Upload or Node"
