"""The order in which live incidents are deployed, recorded and removed, with a cluster and a recorder that only note it."""

from pathlib import Path
from threading import Event

import pytest

from fixtures.live.actions import Action
from fixtures.live.application import Application
from fixtures.live.injection import list_kinds
from fixtures.live.plan import Plan, make_plan
from fixtures.live.recording import Clock, LiveRecording

KINDS = list_kinds()


class NotingCluster:
    """Notes what is done to it.

    Args:
        refused: namespace that does not become ready.
        awaited: namespace that must be deployed before anything is removed.
    """

    def __init__(self, refused: str = "", awaited: str = "") -> None:
        self.notes: list[str] = []
        self._refused = refused
        self._awaited = awaited
        self._is_deployed = Event()

    def deploy(self, application: Application, seconds: float) -> None:
        self.notes.append(f"deploy {application.namespace}")
        if application.namespace == self._awaited:
            self._is_deployed.set()
        if application.namespace == self._refused:
            raise RuntimeError("its pods are not ready")

    def do(self, action: Action, namespace: str) -> None:
        self.notes.append(f"{type(action).__name__} {namespace}")

    def remove(self, namespace: str) -> None:
        if self._awaited:
            assert self._is_deployed.wait(10), "the next application waits until this one is removed"
        self.notes.append(f"remove {namespace}")

    def wait_until_removed(self, namespace: str, seconds: float) -> None:
        self.notes.append(f"removed {namespace}")


class NotingRecorder:
    """Writes captures that are empty."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._journals = 0

    def list_journals(self) -> frozenset[str]:
        return frozenset(map(str, range(self._journals)))

    def freeze_to(self, output: Path, before_seconds: int, reason: str) -> None:
        output.touch()
        self._journals += 1
        if not output.name.startswith("."):
            self._notes.append(f"{output.stem} of {before_seconds} s")


class PassingTime:
    """A clock on which time passes only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def time() -> Clock:
    passing = PassingTime()
    return Clock(passing.now, passing.sleep)


def plans_of(*names: str) -> list[Plan]:
    return [make_plan(3, number, KINDS[name]) for number, name in enumerate(names)]


def record(cluster: NotingCluster, plans: list[Plan], output: Path, clock: Clock) -> list[str]:
    recording = LiveRecording(cluster, NotingRecorder(cluster.notes), output, lambda _: "tuned", clock)
    return [recorded.result().problem for recorded in recording.record_all(plans)]


def test_next_application_is_deployed_while_an_incident_develops(tmp_path, time) -> None:
    # GIVEN
    plans = plans_of("selector-mismatch", "healthy-restart")
    first, second = (plan.injection.application.namespace for plan in plans)
    cluster = NotingCluster(awaited=second)
    # WHEN
    problems = record(cluster, plans, tmp_path, time)
    # THEN
    assert problems == ["", ""]
    notes = cluster.notes
    assert notes.index(f"Patch {first}") < notes.index(f"deploy {second}") < notes.index(f"remove {first}")
    assert notes.index(f"removed {first}") < notes.index(f"Restart {second}")
    # AND each recording has the time before the fault and after it
    assert f"{plans[0].name} of {int(plans[0].lead_seconds + plans[0].injection.seconds)} s" in notes
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{plan.name}{suffix}" for plan in plans for suffix in (".tapio", ".truth.yaml")
    )


def test_nothing_is_deployed_while_the_node_is_not_as_it_should_be(tmp_path, time) -> None:
    # GIVEN
    plans = plans_of("node-cordoned", "healthy-restart")
    first, second = (plan.injection.application.namespace for plan in plans)
    cluster = NotingCluster()
    # WHEN
    record(cluster, plans, tmp_path, time)
    # THEN the node is put right, and then the next is deployed
    undone = [number for number, note in enumerate(cluster.notes) if note == f"Patch {first}"][-1]
    assert undone < cluster.notes.index(f"remove {first}") < cluster.notes.index(f"deploy {second}")


def test_what_an_application_needs_of_the_node_is_made_before_it_and_taken_away_after_it(tmp_path, time) -> None:
    # GIVEN
    (plan,) = plans_of("claim-full")
    namespace = plan.injection.application.namespace
    cluster = NotingCluster()
    # WHEN
    record(cluster, [plan], tmp_path, time)
    # THEN
    on_node = [number for number, note in enumerate(cluster.notes) if note == f"RunOnNode {namespace}"]
    assert on_node[0] < cluster.notes.index(f"deploy {namespace}")
    assert len(on_node) == 2
    assert on_node[1] > cluster.notes.index(f"Execute {namespace}")


def test_application_that_does_not_become_ready_does_not_stop_the_rest(tmp_path, time) -> None:
    # GIVEN
    plans = plans_of("selector-mismatch", "healthy-restart")
    first = plans[0].injection.application.namespace
    cluster = NotingCluster(refused=first)
    # WHEN
    problems = record(cluster, plans, tmp_path, time)
    # THEN
    assert problems == ["its pods are not ready", ""]
    assert f"remove {first}" in cluster.notes


def test_interrupted_recording_removes_what_it_deployed(tmp_path, time) -> None:
    # GIVEN
    plans = plans_of("selector-mismatch", "claim-full")
    cluster = NotingCluster()
    recording = LiveRecording(cluster, NotingRecorder(cluster.notes), tmp_path, lambda _: "tuned", time)
    recorded = recording.record_all(plans)
    next(recorded)
    # WHEN
    recorded.close()
    # THEN
    second = plans[1].injection.application.namespace
    assert f"remove {second}" in cluster.notes
    # AND what it made on the node before
    assert cluster.notes.count(f"RunOnNode {second}") == 2
