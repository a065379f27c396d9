"""What passes within its ordinary time makes no finding, and what does not pass does."""

from __future__ import annotations

import pytest

from fixtures.town.kernel import END_S
from tests.golden.town import Town


def end(town):
    town.builder.kube_object("ConfigMap", "end", {}, at=END_S)


@pytest.mark.parametrize(("lasts", "is_found"), [(25, False), (35, True)])
def test_a_service_that_is_empty_for_a_while_and_healed_is_ordinary(tmp_path, lasts, is_found):
    town = Town(tmp_path)
    labels = {"metadata": {"labels": {"kubernetes.io/service-name": "ledger"}}}
    ready = [{"addresses": ["10.1.0.1"]}]
    for moment, endpoints in ((1.0, ready), (40, []), (40 + lasts, ready)):
        town.builder.kube_object("EndpointSlice", "ledger-1", {**labels, "endpoints": endpoints}, at=moment)
    end(town)
    assert bool(town.analyze().findings) is is_found


@pytest.mark.parametrize("storage_class", [{}, {"storageClassName": "by-hand"}])
@pytest.mark.parametrize(("bound_after", "is_found"), [(14, False), (60, True)])
def test_a_claim_that_is_bound_when_its_binder_looks_again_is_ordinary(tmp_path, bound_after, is_found, storage_class):
    # GIVEN a claim that waits for a volume, perhaps of a class that nobody made, and a pod of a workload that waits for it
    town = Town(tmp_path)
    claim = {"spec": {"accessModes": ["ReadWriteOnce"], **storage_class}, "status": {"phase": "Pending"}}
    town.builder.kube_object("PersistentVolumeClaim", "books", claim, at=40, event="added")
    if storage_class:
        note = 'storageclass.storage.k8s.io "by-hand" not found'
        town.builder.kube_event("ProvisioningFailed", "PersistentVolumeClaim", "books", note=note, at=41)
    mounted = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "books"}}]}
    town.workload("archive", at=20, event="state")
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    town.unplaced("archive", "archive-1", at=40.2, message=message, spec=mounted)
    # WHEN it is bound
    bound = {**claim, "status": {"phase": "Bound"}}
    town.builder.kube_object("PersistentVolumeClaim", "books", bound, at=40 + bound_after)
    town.pod("archive", "archive-1", at=40.5 + bound_after, spec=mounted)
    end(town)
    # THEN
    assert bool(town.analyze().findings) is is_found


@pytest.mark.parametrize("late_s", [0.5, 4])
def test_pods_that_are_received_before_their_new_workload_are_its_start(tmp_path, late_s):
    # GIVEN a new pod that is not ready for some seconds, and a caller that it refuses meanwhile
    town = Town(tmp_path)
    town.builder.service("shop", cluster_ip="10.2.0.8", at=0.4)
    starting = [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]
    town.workload("shop", at=40 + late_s, event="added")
    town.pod("shop", "shop-1", at=40, event="added", conditions=starting, ip="10.1.0.8")
    for second in range(41, 49):
        town.call(2, "10.2.0.8", 9000, at=second, refused=True)
    town.builder.kube_object("ConfigMap", "end", {}, at=55)
    assert town.analyze().findings == ()
