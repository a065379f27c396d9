"""The lab's Deployment controller and Events, without any process."""

import random

import pytest

from fixtures.lab.deployments import DeploymentController, is_deleted
from fixtures.lab.endpoints import reconcile_endpoints
from fixtures.lab.event_log import EventLog
from fixtures.lab.incidents import INCIDENTS
from fixtures.lab.names import choose_names
from fixtures.lab.object_store import Object, ObjectStore, set_condition
from fixtures.lab.shop import shop_objects

ADDRESSES = ["127.77.1.1", "127.77.1.2", "127.77.1.3", "127.77.1.4"]


class RecordingSink:
    """Keeps everything that was published."""

    def __init__(self) -> None:
        self.put_objects: list[Object] = []
        self.deleted: list[tuple[str, str | None, str]] = []

    def put(self, obj: Object, /) -> None:
        self.put_objects.append(obj)

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        self.deleted.append((kind, namespace, name))


class Cluster:
    """Controllers over a store; `make_ready` plays the kubelet."""

    def __init__(self) -> None:
        self.names = choose_names(0)
        self.sink = RecordingSink()
        self.store = ObjectStore(self.sink)
        self.events = EventLog(self.store, "node-a")
        self.controller = DeploymentController(self.store, self.events, "node-a", random.Random(1))
        for wanted in shop_objects(self.names, ADDRESSES):
            self.store.put(wanted)

    def settle(self) -> None:
        """Reconcile and start every new pod, and end every deleted one, until nothing changes."""
        version = -1
        while version != self.store.version:
            version = self.store.version
            self.controller.reconcile()
            for pod in self.store.list("Pod"):
                if is_deleted(pod):
                    self.store.delete("Pod", "shop", pod["metadata"]["name"])
                else:
                    self.make_ready(pod)

    def make_ready(self, pod: Object) -> None:
        pod["status"]["podIP"] = f"127.77.0.{1 + len(pod['metadata']['name']) % 200}"
        set_condition(pod["status"]["conditions"], "Ready", "True")
        self.store.put(pod)

    def pods(self, app: str) -> list[Object]:
        return [pod for pod in self.store.list("Pod") if pod["metadata"]["labels"]["app"] == app]

    def rollout(self, app: str) -> None:
        def edit(found: Object) -> None:
            found["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}

        self.store.change("Deployment", "shop", app, edit)


def test_pods_are_owned_through_a_replica_set_and_labelled_with_its_hash() -> None:
    # GIVEN
    cluster = Cluster()
    # WHEN
    cluster.settle()
    # THEN
    pods = cluster.pods("api")
    assert len(pods) == 2
    for pod in pods:
        owner = pod["metadata"]["ownerReferences"][0]
        replica_set = cluster.store.get("ReplicaSet", "shop", owner["name"])
        assert replica_set["metadata"]["uid"] == owner["uid"]
        assert pod["metadata"]["labels"]["pod-template-hash"] in owner["name"]
        assert replica_set["metadata"]["ownerReferences"][0]["name"] == "api"


def test_rolling_update_never_has_fewer_ready_pods_than_wished() -> None:
    # GIVEN
    cluster = Cluster()
    cluster.settle()
    cluster.rollout("api")
    seen = set()
    # WHEN each new pod needs a step to become ready
    for _ in range(12):
        cluster.controller.reconcile()
        live = [pod for pod in cluster.pods("api") if not is_deleted(pod)]
        seen.add(len(live))
        for pod in cluster.pods("api"):
            if is_deleted(pod):
                cluster.store.delete("Pod", "shop", pod["metadata"]["name"])
            else:
                cluster.make_ready(pod)
    # THEN
    assert seen <= {2, 3}
    assert {pod["metadata"]["ownerReferences"][0]["name"] for pod in cluster.pods("api")} == {
        cluster.pods("api")[0]["metadata"]["ownerReferences"][0]["name"]
    }


def test_recreate_starts_the_new_pod_only_when_the_old_one_is_gone() -> None:
    # GIVEN
    cluster = Cluster()
    cluster.settle()
    old = cluster.pods("cache")[0]["metadata"]["name"]
    cluster.rollout("cache")
    # WHEN
    cluster.controller.reconcile()
    cluster.controller.reconcile()
    # THEN the old one is being ended, and there is no other
    assert [pod["metadata"]["name"] for pod in cluster.pods("cache")] == [old]
    assert is_deleted(cluster.pods("cache")[0])
    # WHEN it is gone
    cluster.settle()
    # THEN
    assert len(cluster.pods("cache")) == 1
    assert cluster.pods("cache")[0]["metadata"]["name"] != old


def test_repeated_event_is_one_object_with_a_count() -> None:
    # GIVEN
    cluster = Cluster()
    deployment = cluster.store.get("Deployment", "shop", "api")
    # WHEN
    for _ in range(3):
        cluster.events.by_controller("test", deployment, "Again", "the same message")
    # THEN
    events = [event for event in cluster.store.list("Event") if event["reason"] == "Again"]
    assert [event["count"] for event in events] == [3]


def test_service_without_ready_pod_has_no_address_in_the_proxy_table() -> None:
    # GIVEN
    cluster = Cluster()
    cluster.settle()
    assert all(reconcile_endpoints(cluster.store).values())
    # WHEN
    pod = cluster.pods("cache")[0]
    set_condition(pod["status"]["conditions"], "Ready", "False")
    cluster.store.put(pod)
    # THEN
    assert reconcile_endpoints(cluster.store)["127.77.1.3:80"] == []


def test_an_object_that_is_as_it_was_is_not_published_again() -> None:
    # GIVEN
    cluster = Cluster()
    cluster.settle()
    published = len(cluster.sink.put_objects)
    # WHEN
    cluster.store.put(cluster.store.get("Deployment", "shop", "api"))
    # THEN
    assert len(cluster.sink.put_objects) == published


def test_generation_counts_changes_of_the_spec_alone() -> None:
    # GIVEN
    cluster = Cluster()
    cluster.settle()
    before = cluster.store.get("Deployment", "shop", "api")["metadata"]["generation"]
    # WHEN the status changes, and then the spec
    cluster.store.change("Deployment", "shop", "api", lambda found: found["status"].update(replicas=9))
    after_status = cluster.store.get("Deployment", "shop", "api")["metadata"]["generation"]
    cluster.rollout("api")
    # THEN
    assert after_status == before
    assert cluster.store.get("Deployment", "shop", "api")["metadata"]["generation"] == before + 1


@pytest.mark.parametrize("name", INCIDENTS)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_timeline_is_in_order_and_its_truth_is_not_a_decoy(name: str, seed: int) -> None:
    # GIVEN
    names = choose_names(seed)
    # WHEN
    incident = INCIDENTS[name].incident(names)
    # THEN
    times = [step.at_seconds for step in incident.steps]
    assert times == sorted(times)
    assert times[-1] < incident.duration_seconds
    assert incident.name == name
    decoys = {(step.kind, step.name) for step in incident.steps if step.role == "decoy"}
    if incident.root_cause:
        assert all((kind, incident.root_cause.name) not in decoys for kind in incident.root_cause.kinds)


def test_seeds_give_names_that_differ() -> None:
    # GIVEN / WHEN
    drawn = [choose_names(seed) for seed in range(1, 20)]
    # THEN
    assert len({(names.namespace, names.memory_setting, names.config_suffix) for names in drawn}) > 12
    assert choose_names(5) == choose_names(5)
