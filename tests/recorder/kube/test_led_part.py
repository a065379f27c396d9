"""What is followed while a recorder leads: begun and ended with its terms, against a real test server."""

from __future__ import annotations

import threading

import pytest

from fixtures.lab.api_server.faults import Action, Fault
from formats.loss import LossReason
from recorder.leadership import Leadership, Term
from recorder.source import SourceContext
from recorder.sources.kube_event import KubeEventSource
from recorder.sources.kube_object import KubeObjectSource
from tests.recorder.kube.following import QUICK, Following, pod, read_boot_time_ns

SECOND = 1_000_000_000


class Led(Following):
    """A source of one node in an election that the test decides."""

    def __init__(self, server, node="node-1", kind=KubeObjectSource, **options):
        self.server = server
        self.leadership = Leadership(is_elected=True)
        self.source = kind(QUICK)
        chosen = {**self.source.spec.options, "kubeconfig": str(server.kubeconfig_path), **options}
        self.context = SourceContext(node, chosen, read_boot_time_ns, leadership=self.leadership)
        self.rows = []
        self.source.open(self.context)

    def lead(self, reign="a/0", seconds=3_600.0):
        now = read_boot_time_ns()
        term = Term(reign, now, now + int(seconds * SECOND))
        self.leadership.begin(term)
        return term

    @property
    def pauses(self):
        self.drain()
        return self.source.stats().pauses


@pytest.fixture
def follow(server):
    opened = []

    def begin(*given, **options):
        opened.append(Led(server, *given, **options))
        return opened[-1]

    yield begin
    for following in opened:
        following.close()


def settings(name, **data):
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data}


def test_a_candidate_follows_the_pods_of_its_node_alone(server, follow):
    # GIVEN pods of two nodes, one without a node, and something cluster-wide
    server.put(pod("mine", nodeName="node-1"))
    server.put(pod("theirs", nodeName="node-2"))
    server.put(pod("waiting"))
    server.put(settings("settings"))
    # WHEN a recorder opens that does not lead
    candidate = follow(resources=("pods", "configmaps"))
    candidate.wait_until(lambda: candidate.rows)
    # THEN it has its pod, and says that it lacks the rest since it was opened
    assert candidate.told() == [("state", "mine", False)]
    assert server.count("list", "configmaps") == 0
    assert (candidate.pauses.ended, candidate.pauses.reason) == ((), LossReason.STARTING)
    assert candidate.pauses.since_ns is not None
    # AND that another recorder has it, as soon as that is known
    candidate.leadership.leader = "node-1"
    assert candidate.pauses.reason is LossReason.STARTING, "this one did, before it was restarted"
    candidate.leadership.leader = "node-2"
    assert candidate.pauses.reason is LossReason.NOT_LEADER


def test_a_leader_follows_everything_else_too_and_pods_without_a_node(server, follow):
    server.put(pod("mine", nodeName="node-1"))
    server.put(pod("theirs", nodeName="node-2"))
    server.put(pod("waiting"))
    server.put(settings("settings"))
    leader = follow(resources=("pods", "configmaps"))
    leader.lead()
    leader.wait_until(lambda: len(leader.rows) == 3)
    assert {row["k8s.object.name"] for row in leader.rows} == {"mine", "waiting", "settings"}
    # AND the pause is over when all of it has been listed
    leader.wait_until(lambda: leader.pauses.since_ns is None)
    ((begin, end),) = leader.pauses.ended
    assert begin < end <= read_boot_time_ns()
    assert leader.pauses.reason is LossReason.STARTING, (
        "the first leader has missed nothing that another one could have"
    )


def test_events_are_followed_by_the_leader_alone(server, follow):
    event = {"kind": "Event", "metadata": {"name": "e", "namespace": "shop"}, "reason": "Killing", "type": "Normal"}
    server.put({**event, "involvedObject": {"kind": "Pod", "name": "a"}})
    candidate = follow(kind=KubeEventSource)
    candidate.drain()
    assert server.count("list", "events") == 0
    candidate.lead()
    candidate.wait_until(lambda: candidate.rows)
    assert candidate.rows[0]["event_name"] == "k8s.event.state"


def test_a_pod_that_gets_a_node_has_left_and_is_followed_there(server, follow):
    # GIVEN a leader, and the recorder of another node
    leader, other = follow(resources=("pods",)), follow("node-2", resources=("pods",))
    leader.lead()
    leader.wait_until(lambda: leader.pauses.since_ns is None)
    other.wait_until(lambda: server.count("watch", "pods") == 3)
    # WHEN a pod is created, and scheduled to that node
    created = server.put(pod("api"))
    leader.wait_until(lambda: len(leader.rows) == 1)
    scheduled = server.put(
        {**pod("api", nodeName="node-2"), "metadata": {**created["metadata"], "resourceVersion": ""}}
    )
    leader.wait_until(lambda: len(leader.rows) == 2)
    other.wait_until(lambda: len(other.rows) == 1)
    # THEN the leader does not say that it was deleted, and both tell the same version
    assert leader.told() == [("added", "api", False), ("left", "api", False)]
    assert other.told() == [("added", "api", False)]
    assert leader.versions()[1] == other.versions()[0]
    assert other.versions()[0][1] == scheduled["metadata"]["resourceVersion"]


def test_a_pod_without_a_node_that_a_list_has_no_more_has_left(server, follow):
    leader = follow(resources=("pods",))
    server.put(pod("api"))
    leader.lead()
    leader.wait_until(lambda: server.count("watch", "pods") == 2)
    server.add_fault(Fault(Action.STATUS, code=503, times=4))
    server.drop_connections()
    server.delete("Pod", "shop", "api")
    server.compact()
    leader.wait_until(lambda: len(leader.rows) == 2)
    assert leader.told() == [("state", "api", False), ("left", "api", True)]


def test_a_term_that_ended_records_no_row_more(server, follow):
    # GIVEN a leader, whose term is over without its having noticed: it was paused
    leader = follow(resources=("configmaps",))
    term = leader.lead()
    server.put(settings("settings", a="1"))
    leader.wait_until(lambda: server.count("watch", "configmaps") == 1 and leader.rows)
    term._until_ns = 0
    # WHEN its connection tells what happened meanwhile
    server.put(settings("settings", a="2"))
    threads = [thread for thread in threading.enumerate() if thread.name == "watch configmaps"]
    for thread in threads:
        thread.join(5)
    # THEN it is not recorded, and the gap begins with the last renewal
    assert not any(thread.is_alive() for thread in threads)
    leader.drain()
    assert [row["event_name"] for row in leader.rows] == ["k8s.object.state"]
    assert (leader.pauses.since_ns, leader.pauses.reason) == (term.ended_ns, LossReason.NOT_LEADER)


def test_after_another_leader_everything_is_listed_as_state(server, follow):
    # GIVEN a leader that another one has replaced, and something that changed meanwhile
    leader = follow(resources=("configmaps",))
    server.put(settings("settings", a="1"))
    first = leader.lead("a/0")
    leader.wait_until(lambda: leader.rows)
    first.end(read_boot_time_ns())
    leader.wait_until(lambda: leader.pauses.since_ns is not None)
    server.put(settings("settings", a="2"))
    # WHEN it leads again THEN it tells no change: another one did
    leader.lead("a/2")
    leader.wait_until(lambda: len(leader.rows) == 2)
    assert leader.told("ConfigMap") == [("state", "settings", False)] * 2
    assert len(leader.pauses.ended) == 2


def test_within_one_reign_what_changed_meanwhile_is_inferred(server, follow):
    # GIVEN a leader that could not renew its term, while nobody else led
    leader = follow(resources=("configmaps",))
    server.put(settings("settings", a="1"))
    server.put(settings("other"))
    first = leader.lead("a/0")
    leader.wait_until(lambda: server.count("watch", "configmaps") == 1 and len(leader.rows) == 2)
    first.end(read_boot_time_ns())
    leader.wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "watch configmaps"])
    server.put(settings("settings", a="2"))
    server.delete("ConfigMap", "shop", "other")
    # WHEN it leads again THEN it says what changed, at the latest now
    leader.lead("a/0")
    leader.wait_until(lambda: len(leader.rows) == 4)
    assert sorted(leader.told("ConfigMap")[2:]) == [("deleted", "other", True), ("modified", "settings", True)]


def test_totals_of_a_term_that_is_over_are_kept(server, follow):
    leader = follow(resources=("configmaps",))
    server.add_fault(Fault(Action.GARBAGE, plural="configmaps"))
    server.put(settings("settings", a="1"))
    term = leader.lead()
    leader.wait_until(lambda: server.count("watch", "configmaps") == 1 and leader.rows)
    server.put(settings("settings", a="2"))
    leader.wait_until(lambda: leader.source.stats().missing[LossReason.REJECTED] == 1)
    before = leader.source.stats().produced
    term.end(read_boot_time_ns())
    leader.wait_until(lambda: leader.pauses.since_ns is not None)
    assert leader.source.stats().produced >= before
    assert leader.source.stats().missing[LossReason.REJECTED] == 1


def test_a_source_says_whether_it_needs_a_leader(server, follow):
    leader = follow(resources=("pods",))
    assert leader.leadership.is_needed
    leader.close()
    assert leader.leadership.absent == {"kube_object"}


def test_without_an_election_everything_is_followed_as_the_options_say(server):
    server.put(pod("theirs", nodeName="node-2"))
    server.put(settings("settings"))
    following = Following(server, resources=("pods", "configmaps"))
    try:
        following.wait_until(lambda: len(following.rows) == 2)
        assert following.source.stats().pauses.since_ns is None
    finally:
        following.close()
