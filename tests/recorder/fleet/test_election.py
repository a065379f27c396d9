"""One recorder leads, never two, and another one when it is gone: real requests to a test server, a clock that is moved."""

from __future__ import annotations

import pytest

from fixtures.lab.api_server.faults import Action, Fault
from fixtures.lab.api_server.kinds import KINDS, LEASE
from formats.times import parse_time
from recorder.fleet.election import DEADLINE_S, DURATION_S, ElectionRole
from recorder.fleet.lease_objects import LEASE_NAME
from tests.recorder.fleet.nodes import SECOND
from tests.recorder.fleet.voters import Voter, holder_of, lease_of, pass_time

NAMES = [f"node-{letter}" for letter in "abcde"]


@pytest.fixture
def kinds():
    return (*KINDS, LEASE)


@pytest.fixture
def voters(server, clock):
    return [Voter(server, name, clock) for name in NAMES]


def leader_of(voters):
    (leader,) = [voter for voter in voters if voter.is_leader]
    return leader


def test_of_many_that_start_together_one_leads_and_renews(server, clock, voters):
    pass_time(clock, voters, 30)
    leader = leader_of(voters)
    assert holder_of(server) == leader.name
    assert {voter.leadership.leader for voter in voters} == {leader.name}
    assert {voter.election.problem for voter in voters} == {""}
    # One creates it, few others try at the same time, and nobody asks for anything afterwards but the leader.
    assert server.count("create", "leases", 201) == 1
    assert server.count("create", "leases", 409) <= 3
    assert server.count("update", "leases", 200) in range(7, 11)
    assert server.count("update", "leases", 409) == 0


def test_a_leader_that_dies_is_replaced_after_the_duration(server, clock, voters):
    # GIVEN a leader that dies
    pass_time(clock, voters, 10)
    dead = leader_of(voters)
    living = [voter for voter in voters if voter is not dead]
    # WHEN less than the duration has passed THEN nobody leads
    pass_time(clock, living, DURATION_S - 4)
    assert not any(voter.leads for voter in living)
    # AND afterwards one does
    pass_time(clock, living, 8)
    assert leader_of(living).name == holder_of(server) != dead.name
    assert lease_of(server)["spec"]["leaseTransitions"] == 1


def test_a_leader_that_ends_in_order_is_replaced_at_once(server, clock, voters):
    pass_time(clock, voters, 10)
    ended = leader_of(voters)
    ended.election.release()
    assert not ended.leads
    assert "holderIdentity" not in lease_of(server)["spec"]
    pass_time(clock, [voter for voter in voters if voter is not ended], 3)
    assert holder_of(server) not in ("", ended.name)


def test_clocks_of_nodes_do_not_matter(server, clock):
    # GIVEN nodes whose wall clocks are apart by a day
    apart = [
        Voter(server, name, clock, wall_clock_ahead_s=days * 86_400)
        for name, days in zip(NAMES, (-1, 0, 1), strict=False)
    ]
    # WHEN one leads THEN the others let it, although its renewals are long over, or to come, by their clocks
    pass_time(clock, apart, 120)
    assert lease_of(server)["spec"]["leaseTransitions"] == 0
    assert parse_time(lease_of(server)["spec"]["renewTime"]) > 0


def test_a_leader_that_was_paused_records_nothing_when_it_goes_on(server, clock, voters):
    # GIVEN a leader that is paused, and replaced
    pass_time(clock, voters, 10)
    paused = leader_of(voters)
    term = paused.leadership.term(clock.now().boot_ns)
    others = [voter for voter in voters if voter is not paused]
    pass_time(clock, others, 60)
    assert leader_of(others).name == holder_of(server)
    # WHEN it goes on THEN its term is over before its election has done anything
    assert not term.is_on(clock.now().boot_ns)
    assert term.ended_ns <= clock.now().boot_ns - 60 * SECOND
    # AND it is a candidate like others
    pass_time(clock, voters, 10)
    assert paused.election.role is ElectionRole.CANDIDATE


def test_a_leader_leads_no_more_before_others_can(server, clock, voters):
    # GIVEN a leader whose requests are refused
    pass_time(clock, voters, 10)
    leader = leader_of(voters)
    server.add_fault(*(Fault(Action.STATUS, "update", "leases", code=503) for _ in range(100)))
    # WHEN it cannot renew THEN it ends its term at the deadline, which is before the others' patience ends
    pass_time(clock, voters, DEADLINE_S)
    assert not leader.leads
    assert "503" in leader.election.problem
    assert DEADLINE_S < DURATION_S


def test_an_api_server_that_is_away_for_a_minute_changes_no_leader(server, clock, voters):
    # GIVEN an API server that is away: nobody sees anything, and all requests fail
    pass_time(clock, voters, 10)
    leader = leader_of(voters)
    reign = leader.leadership.term(clock.now().boot_ns).reign
    for voter in voters:
        voter.is_in_contact = False
    server._port = int(server.url.rpartition(":")[2])
    server.stop()
    pass_time(clock, voters, 60)
    assert not any(voter.leads for voter in voters)
    # WHEN it is back THEN the same one leads again, in the same reign: nobody else has led meanwhile
    server.is_stopping = False
    server.start()
    for voter in voters:
        voter.is_in_contact = True
    pass_time(clock, voters, 5)
    assert leader_of(voters) is leader
    assert leader.leadership.term(clock.now().boot_ns).reign == reign


def test_a_conflict_is_no_reason_to_stop(server, clock, voters):
    # GIVEN a Lease that somebody else writes to: an annotation
    pass_time(clock, voters, 10)
    leader = leader_of(voters)
    lease = lease_of(server)
    lease["metadata"]["annotations"] = {"note": "looked at"}
    lease["metadata"].pop("resourceVersion")
    server.put(lease)
    # WHEN the leader writes what it knew, and looks again THEN it has conflicted once, and leads on
    leader.is_in_contact = False
    pass_time(clock, voters, 4)
    leader.is_in_contact = True
    pass_time(clock, voters, 20)
    assert server.count("update", "leases", 409) >= 1
    assert leader_of(voters) is leader
    assert lease_of(server)["spec"]["leaseTransitions"] == 0
    assert lease_of(server)["metadata"]["annotations"] == {"note": "looked at"}


def test_a_lease_that_is_deleted_is_created_again(server, clock, voters):
    pass_time(clock, voters, 10)
    server.delete("Lease", "tapio", LEASE_NAME)
    pass_time(clock, voters, 10)
    assert leader_of(voters).name == holder_of(server)


def test_a_lease_that_another_one_holds_ends_the_term(server, clock, voters):
    pass_time(clock, voters, 10)
    leader = leader_of(voters)
    lease = lease_of(server)
    lease["spec"]["holderIdentity"] = "node-z\x1b[31m"
    lease["metadata"].pop("resourceVersion")
    server.put(lease)
    leader.look()
    assert not leader.leads
    assert leader.leadership.leader == "node-z\\x1b[31m", "what is in a Lease is safe to show"


@pytest.mark.parametrize("code", [403, 405, 422])
def test_without_rights_every_recorder_leads_alone_and_says_why(server, clock, voters, code):
    # GIVEN a role that does not allow to create the Lease
    server.add_fault(*(Fault(Action.STATUS, "create", "leases", code=code) for _ in range(5)))
    for _ in range(6):
        clock.passed += SECOND
        for voter in voters:
            voter.step()
    # THEN all record everything
    assert all(voter.leads for voter in voters)
    assert {voter.election.role for voter in voters} == {ElectionRole.ALONE}
    assert all(f"returned {code} to the Lease" in voter.election.problem for voter in voters)
    # WHEN it is allowed THEN one is elected, within the time after which it is tried again
    pass_time(clock, voters, 700)
    assert leader_of(voters)
    assert sum(voter.leads for voter in voters) == 1


def test_a_lease_that_may_not_be_watched_leaves_all_alone(server, clock, voters):
    for _ in range(3):
        clock.passed += SECOND
        for voter in voters:
            voter.is_in_contact = False
            voter.step(denied="the API server returned 403")
    assert {(voter.election.role, voter.election.problem) for voter in voters} == {
        (ElectionRole.ALONE, "the API server returned 403")
    }
    assert all(voter.leads for voter in voters)


def test_who_records_nothing_of_the_cluster_does_not_lead(server, clock):
    idle, needed = Voter(server, "node-a", clock, fit=False), Voter(server, "node-b", clock)
    pass_time(clock, [idle, needed], 10)
    assert leader_of([idle, needed]) is needed


def test_a_leader_whose_source_was_shed_lets_another_one_lead(server, clock, voters):
    pass_time(clock, voters, 10)
    busy = leader_of(voters)
    busy.leadership.join("kube_event")
    busy.leadership.leave("kube_event")
    pass_time(clock, voters, 5)
    assert leader_of(voters) is not busy


def test_a_leader_whose_source_was_shed_leads_on_if_nobody_else_does(server, clock):
    alone = Voter(server, "node-a", clock)
    pass_time(clock, [alone], 10)
    alone.leadership.join("kube_event")
    alone.leadership.leave("kube_event")
    pass_time(clock, [alone], 2)
    assert not alone.leads
    pass_time(clock, [alone], 20)
    assert alone.is_leader
    pass_time(clock, [alone], 60)
    assert alone.is_leader, "and does not give it up over and over"


def test_a_restarted_recorder_takes_its_own_lease_at_once(server, clock):
    before = Voter(server, "node-a", clock)
    pass_time(clock, [before], 5)
    again = Voter(server, "node-a", clock)
    pass_time(clock, [again], 1)
    assert again.is_leader
    assert lease_of(server)["spec"]["leaseTransitions"] == 0
