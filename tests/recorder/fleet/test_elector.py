"""Recorders that stand for election in threads of their own, against a real test server."""

from __future__ import annotations

import threading
import time

import pytest

from fixtures.lab.api_server.kinds import KINDS, LEASE
from recorder import doctor
from recorder.config import ElectionConfig
from recorder.fleet.election import ElectionRole
from recorder.fleet.elector import Elector
from recorder.kube.pacing import Timing
from recorder.leadership import Leadership
from recorder.linux.clocks import read_boot_time_ns
from tests.recorder.fleet.voters import holder_of
from tests.recorder.recorder_fakes import make_config

QUICK = Timing(list_interval=0.02, first_backoff=0.01, longest_backoff=0.05, denied_retry=0.05, silence=10.0)
PATIENCE_S = 20.0


@pytest.fixture
def kinds():
    return (*KINDS, LEASE)


@pytest.fixture
def stand(server, tmp_path, monkeypatch):
    """Lets nodes stand for election, with little patience."""
    monkeypatch.setattr("recorder.fleet.elector._TURN_S", 0.01)
    for name, value in (("DURATION_S", 2), ("DEADLINE_S", 1), ("RENEW_S", 0.1), ("_RETRY_S", 0.05), ("_JITTER_S", 0.1)):
        monkeypatch.setattr(f"recorder.fleet.election.{name}", value)
    standing = []

    def begin(node):
        election = ElectionConfig(enabled=True, kubeconfig=str(server.kubeconfig_path))
        leadership = Leadership(is_elected=True)
        leadership.join("kube_object")
        log: list[str] = []
        config = make_config(tmp_path / node, election=election, node_name=node)
        elector = Elector(config, leadership, threading.Event(), log=log.append, timing=QUICK)
        elector.start()
        standing.append(elector)
        return elector, leadership, log

    yield begin
    for elector in standing:
        elector.close()


def wait_until(condition):
    """Why polling: the peers are threads and a real server."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.005)


def leads(leadership):
    return leadership.term(read_boot_time_ns()) is not None


def test_one_leads_and_hands_over_when_it_ends(server, stand):
    # GIVEN three nodes
    members = [stand(f"node-{letter}") for letter in "abc"]
    wait_until(lambda: any(leads(leadership) for _, leadership, _ in members))
    wait_until(lambda: {elector.describe().leader for elector, _, _ in members} == {holder_of(server)})
    (leader, _, log) = next(member for member in members if leads(member[1]))
    wait_until(lambda: log)
    assert leader.describe().role == ElectionRole.LEADER
    assert log == ["election: this recorder was elected: it records what is cluster-wide"]
    before = holder_of(server)
    # WHEN the leader ends
    leader.close()
    # THEN it has released the Lease, and another one leads
    wait_until(lambda: holder_of(server) not in ("", before))
    wait_until(lambda: sum(leads(leadership) for _, leadership, _ in members) == 1)


def test_a_cluster_that_serves_no_leases_leaves_every_recorder_alone(server, stand):
    server.kinds = KINDS
    elector, leadership, log = stand("node-a")
    wait_until(lambda: leads(leadership) and log)
    status = elector.describe()
    assert (status.role, status.namespace) == (ElectionRole.ALONE, "tapio")
    assert "404" in status.problem
    assert log[-1].startswith("election: every recorder records what is cluster-wide: the API server returned 404")


def test_a_role_without_the_lease_leaves_every_recorder_alone_until_it_is_allowed(server, stand):
    server.forbidden = {"leases"}
    elector, leadership, _ = stand("node-a")
    wait_until(lambda: elector.describe().role == ElectionRole.ALONE and leads(leadership))
    server.forbidden = set()
    wait_until(lambda: elector.describe().role == ElectionRole.LEADER and leads(leadership))
    assert holder_of(server) == "node-a"


def test_what_is_wrong_is_told_and_an_api_server_that_comes_later_is_found(server, stand):
    kubeconfig = server.kubeconfig_path.read_text()
    server.kubeconfig_path.unlink()
    elector, leadership, log = stand("node-a")
    wait_until(lambda: elector.describe().problem)
    assert not leads(leadership)
    server.kubeconfig_path.write_text(kubeconfig)
    wait_until(lambda: leads(leadership))
    wait_until(lambda: elector.describe().problem == "")
    assert log


def test_doctor_says_who_leads(server, stand, tmp_path):
    election = ElectionConfig(enabled=True, kubeconfig=str(server.kubeconfig_path))

    def examine():
        (fact,) = doctor._examine_election(election)
        return fact

    assert (examine().is_good, examine().found) == (True, "namespace tapio: no recorder leads yet")
    _, leadership, _ = stand("node-a")
    wait_until(lambda: leads(leadership))
    assert examine().found == "namespace tapio: the recorder of node-a leads"
    server.forbidden = {"leases"}
    assert not examine().is_good
    assert "403" in examine().found
    assert "role" in examine().next_step
    assert list(doctor._examine_election(ElectionConfig())) == []
