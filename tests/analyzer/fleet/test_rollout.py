"""Promises of the wait for an installation: progress once, each reason once, and an end."""

from __future__ import annotations

import pytest

from analyzer.fleet.rollout import explain_pod, wait_until_ready
from formats.errors import UnavailableError


def status(ready, nodes=2, **changes):
    counts = {
        "desiredNumberScheduled": nodes,
        "currentNumberScheduled": nodes,
        "updatedNumberScheduled": nodes,
        "numberAvailable": ready,
        "observedGeneration": 1,
    }
    return {"metadata": {"generation": 1}, "status": {**counts, **changes}}


def pod(node, container=None, **changes):
    given = [{"name": "recorder", "image": "r/t:1", **container}] if container else []
    return {
        "metadata": {"name": f"tapio-recorder-{node}"},
        "spec": {"nodeName": node},
        "status": {"phase": "Pending", "containerStatuses": given},
        **changes,
    }


def waiting(reason, message="", **more):
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


class Answers:
    """A cluster that answers as the test says: one step for each look at the DaemonSet."""

    namespace = "tapio"

    def __init__(self, *steps, pods=(), events=()):
        self.steps, self.pods, self.events = list(steps), list(pods), list(events)

    def request(self, method, path, *, query=None, **_):
        if path.endswith("/daemonsets/tapio-recorder"):
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            if isinstance(step, Exception):
                raise step
            return step
        return {"items": self.events if path.endswith("/events") else self.pods}


def wait(cluster, seconds=100):
    lines, clock = [], iter(range(1_000))
    rollout = wait_until_ready(
        cluster, seconds=seconds, told=lines.append, now=lambda: next(clock), pause=lambda _: None
    )
    return rollout, lines


def test_progress_is_told_once_per_step():
    cluster = Answers(status(0), status(0), status(1), status(1), status(2), pods=[pod("node-a")])
    rollout, lines = wait(cluster)
    assert rollout.is_done
    assert lines == ["ready on 0 of 2 nodes", "ready on 1 of 2 nodes", "ready on 2 of 2 nodes"]


def test_a_version_that_the_controller_has_not_seen_is_not_ready():
    # GIVEN an upgrade: the recorders of the version before are all ready
    old = status(2, observedGeneration=1)
    old["metadata"]["generation"] = 2
    rollout, lines = wait(Answers(old, status(2, updatedNumberScheduled=1), status(2)))
    assert rollout.is_done
    assert lines == ["ready on 1 of 2 nodes", "ready on 2 of 2 nodes"]


def test_each_reason_of_a_node_is_told_once_and_the_wait_ends():
    cluster = Answers(status(1), pods=[pod("node-b", waiting("ImagePullBackOff", "not\x1b[31m found"))])
    rollout, lines = wait(cluster, seconds=20)
    assert not rollout.is_done
    assert list(rollout.waiting) == ["node-b"]
    said = "node-b: the image r/t:1 cannot be pulled (ImagePullBackOff: not\\x1b[31m found)"
    said += "; name another one with --image, or import it on the node"
    assert lines == ["ready on 1 of 2 nodes", said]


def test_pods_that_are_not_created_are_told_with_the_event():
    events = [
        {"message": "old", "lastTimestamp": "2026-11-22T03:20:00Z"},
        {"message": "violates PodSecurity", "lastTimestamp": "2026-11-22T03:21:00Z"},
    ]
    _, lines = wait(Answers(status(0, currentNumberScheduled=0), events=events), seconds=5)
    assert lines[1:] == ["its pods cannot be created (violates PodSecurity)"]


def test_an_api_server_that_restarts_does_not_end_the_wait():
    away = UnavailableError("the connection failed")
    assert wait(Answers(*[away] * 20, status(2)))[0].is_done
    with pytest.raises(UnavailableError):
        wait(Answers(away))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod("n", {"state": {"running": {"startedAt": "x"}}, "ready": True}, status={"conditions": [{"type": "Ready", "status": "True"}]}), ""),
        (pod("n", {"state": {"running": {"startedAt": "x"}}}), "the recorder has started and is not ready yet"),
        (pod("n", waiting("ContainerCreating")), "its image is being pulled, or its container created"),
        (pod("n"), "its image is being pulled, or its container created"),
        (
            pod("n", waiting("CreateContainerError", "no such path")),
            "its container cannot be created (CreateContainerError: no such path)",
        ),
        (
            pod(
                "n",
                waiting(
                    "CrashLoopBackOff",
                    lastState={"terminated": {"exitCode": 78, "message": "a\nrecorder.yaml:1: not known\n"}},
                ),
            ),
            "the recorder exits with code 78 (recorder.yaml:1: not known); `tapio fleet logs n --previous` shows its log",
        ),
        (
            pod("n", metadata={"deletionTimestamp": "2026-11-22T03:20:00Z"}),
            "the recorder before is being stopped",
        ),
        (
            pod("n", status={"phase": "Failed", "reason": "Evicted", "message": "low on disk"}),
            "its pod has failed (Evicted: low on disk)",
        ),
        (
            pod(
                "",
                status={
                    "conditions": [{"type": "PodScheduled", "status": "False", "message": "1 Insufficient memory"}]
                },
            ),
            "its pod cannot be scheduled (1 Insufficient memory)",
        ),
    ],
)  # fmt: skip
def test_reasons_of_a_pod(found, said):
    assert explain_pod(found) == said


def test_a_pod_that_is_not_scheduled_names_the_node_that_it_is_for():
    terms = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "values": ["node-b"]}]}]}
    pending = pod("", waiting("ErrImagePull"))
    pending["spec"] = {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}
    rollout, _ = wait(Answers(status(0), pods=[pending]), seconds=2)
    assert list(rollout.waiting) == ["node-b"]
