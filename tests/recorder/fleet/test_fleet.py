"""A recorder on a bench that takes part in Captures of a test API server: threads, disk and HTTP are real."""

from __future__ import annotations

import threading
import time

import pytest

from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.kinds import CAPTURE, KINDS
from formats.capture.reading import open_capture
from recorder import doctor
from recorder.config import FleetConfig
from recorder.fleet.fleet import Fleet
from recorder.kube.pacing import Timing
from tests.recorder.fleet.nodes import SECOND
from tests.recorder.recorder_bench import Bench
from tests.recorder.recorder_fakes import make_config

QUICK = Timing(list_interval=0.05, first_backoff=0.01, longest_backoff=0.05, denied_retry=0.05, silence=10.0)
PATIENCE_S = 20.0


class Member:
    """A recorder on a bench, and its part in the fleet."""

    def __init__(self, server, directory, monkeypatch):
        monkeypatch.setattr("recorder.fleet.fleet._TURN_S", 0.01)
        monkeypatch.setattr("recorder.fleet.fleet._BUSY_TURN_S", 0.01)
        monkeypatch.setattr("recorder.fleet.participation._LOOK_NS", 0)
        monkeypatch.setattr("recorder.fleet.participation._PACE_NS", 0)
        fleet = FleetConfig(enabled=True, kubeconfig=str(server.kubeconfig_path), jitter_ns=0)
        self.log: list[str] = []
        self.fleet = Fleet(
            make_config(directory / "data", fleet=fleet),
            threading.Event(),
            log=self.log.append,
            timing=QUICK,
            now=self.now,
        )
        self.bench = Bench(directory / "data", on_trigger=self.fleet.announce)
        self.fleet.start(self.bench.daemon.request_freeze, lambda: self.bench.daemon.status.have_from_unix_nano)

    def now(self):
        return self.bench.daemon.store._wall_clock.at(self.bench.clock())

    def wait_until(self, condition):
        """Turn until the condition holds. Why polling: the peer is a real server, in threads of its own."""
        deadline = time.monotonic() + PATIENCE_S
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline, (self.fleet.describe(), self.log)
            self.bench.turn(0.05, rows=1)
            pause.wait(0.01)


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path / "server", kinds=(*KINDS, CAPTURE)) as running:
        yield running


@pytest.fixture
def make_member(server, tmp_path, monkeypatch, inline_children):
    members = []

    def make():
        members.append(Member(server, tmp_path, monkeypatch))
        server.store.read_time = lambda: members[-1].now().unix_nano / SECOND
        return members[-1]

    yield make
    for member in members:
        member.fleet.close()
        member.bench.daemon.finish()


def entry_of(server, name):
    status = (server.get("Capture", "tapio", name) or {}).get("status") or {}
    return status.get("nodes", {}).get("fake", {})


def put_capture(server, name, **spec):
    server.put({"kind": "Capture", "metadata": {"name": name, "namespace": "tapio"}, "spec": spec})


def test_a_capture_is_frozen_from_the_ring_and_told(server, make_member):
    # GIVEN a recorder that has recorded for a while
    member = make_member()
    member.bench.turn(5, rows=7)
    # WHEN somebody creates a Capture
    put_capture(server, "night", beforeSeconds=60, afterSeconds=1, reason="it broke")
    member.wait_until(lambda: entry_of(server, "night").get("state") == "Frozen")
    # THEN the file is what the entry says
    entry = entry_of(server, "night")
    (path,) = member.bench.directory.captures.iterdir()
    assert entry["file"] == str(path)
    assert entry["bytes"] == path.stat().st_size
    written = open_capture(path)
    assert (written.events, written.info.frozen_because) == (entry["events"], "it broke")
    # and so does the recorder itself, once the API server has confirmed the entry
    member.wait_until(lambda: member.fleet.describe().frozen == 1)
    status = member.fleet.describe()
    assert (status.namespace, status.problem, status.known) == ("tapio", "", 1)


def test_an_oom_kill_makes_a_capture_whose_part_is_its_own_freeze(server, make_member):
    member = make_member()
    member.wait_until(lambda: server.count("watch", "captures") == 1)
    member.bench.kills.kill(member.bench.clock())
    member.wait_until(lambda: len(server.list_objects("Capture")) == 1)
    (made,) = server.list_objects("Capture")
    name = made["metadata"]["name"]
    assert name.startswith("auto-oom-kill-")
    assert "oom.kill" in made["spec"]["reason"]
    member.wait_until(lambda: entry_of(server, name).get("state") == "Frozen")
    (path,) = member.bench.directory.captures.iterdir()
    assert entry_of(server, name)["file"] == str(path), "one file, not two"


def test_a_window_before_the_recording_is_told_as_such(server, make_member):
    member = make_member()
    put_capture(server, "long-ago", at="1971-01-01T00:00:00Z")
    member.wait_until(lambda: entry_of(server, "long-ago").get("state") == "Failed")
    assert entry_of(server, "long-ago")["message"].startswith("the recording of this node begins at 1973-")


@pytest.mark.parametrize("trouble", ["the kind is missing", "the verbs are forbidden"])
def test_a_cluster_without_captures_is_no_failure_and_is_looked_at_again(server, make_member, trouble):
    # GIVEN
    if trouble == "the kind is missing":
        server.kinds = KINDS
    server.forbidden.add("captures")
    member = make_member()
    # WHEN a trigger fires
    member.wait_until(lambda: server.count("list", "captures") + server.count("discovery", "", 404) > 1)
    member.bench.kills.kill(member.bench.clock())
    member.wait_until(lambda: any(member.bench.directory.captures.iterdir()))
    # THEN this node freezes alone, and says why
    member.wait_until(lambda: member.fleet.describe().problem)
    assert "the API server returned 40" in member.fleet.describe().problem
    # AND it takes part as soon as it can
    server.kinds = (*KINDS, CAPTURE)
    server.forbidden.clear()
    put_capture(server, "night", afterSeconds=0)
    member.wait_until(lambda: entry_of(server, "night").get("state") == "Frozen")


def test_a_missing_kubeconfig_is_told(tmp_path, inline_children):
    config = make_config(tmp_path / "data", fleet=FleetConfig(enabled=True, kubeconfig=str(tmp_path / "none")))
    told = threading.Event()
    fleet = Fleet(config, threading.Event(), log=lambda _: told.set(), timing=QUICK)
    fleet.start(lambda _: pytest.fail("nothing asks for a freeze"), lambda: 0)
    assert told.wait(PATIENCE_S)
    assert "the kubeconfig cannot be read" in fleet.describe().problem
    fleet.close()


def test_it_follows_with_one_list_and_one_watch(server, make_member):
    member = make_member()
    put_capture(server, "night", afterSeconds=0)
    member.wait_until(lambda: entry_of(server, "night").get("state") == "Frozen")
    assert (server.count("list", "captures"), server.count("watch", "captures")) == (1, 1)
    assert server.count("get", "captures") == 1
    assert server.count("patch", "captures") <= 4


def test_doctor_says_whether_captures_can_be_listed(server, tmp_path):
    # GIVEN a recorder that takes part, and a cluster in several states
    def examine(kubeconfig):
        (fact,) = doctor._examine_fleet(FleetConfig(enabled=True, kubeconfig=str(kubeconfig)))
        return fact

    good = examine(server.kubeconfig_path)
    server.forbidden.add("captures")
    forbidden, missing = examine(server.kubeconfig_path), examine(tmp_path / "none")
    # THEN it says what is wrong and what to do
    assert (good.is_good, good.found, good.next_step) == (True, "namespace tapio: can be listed", "")
    assert "the API server returned 403" in forbidden.found
    assert "deploy/kubernetes/base" in forbidden.next_step
    assert "the kubeconfig cannot be read" in missing.found
    # AND nothing if it does not take part
    assert list(doctor._examine_fleet(FleetConfig())) == []
