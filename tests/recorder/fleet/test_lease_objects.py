"""What is written into a Lease is what other programs write and read there; what is read from it is not trusted."""

from __future__ import annotations

import re

import pytest

from formats.times import parse_time
from recorder.fleet.lease_objects import LEASE_NAME, LeaseVersions, SeenLease, make_lease, read_lease

NOW = parse_time("2026-11-22T03:20:00.123456789Z")


def lease(version="7", name=LEASE_NAME, **spec):
    return {"metadata": {"name": name, "namespace": "tapio", "uid": "u-1", "resourceVersion": version}, "spec": spec}


def test_a_new_lease_has_the_times_that_the_api_accepts():
    made = make_lease(SeenLease(), "tapio", "node-a", 15, NOW)
    assert made["metadata"] == {"name": LEASE_NAME, "namespace": "tapio"}
    assert made["spec"] == {
        "holderIdentity": "node-a",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
        # A MicroTime has six decimals: Kubernetes rejects others.
        "acquireTime": "2026-11-22T03:20:00.123456Z",
        "renewTime": "2026-11-22T03:20:00.123456Z",
    }


def test_a_renewal_keeps_since_when_it_is_held_and_a_new_holder_counts():
    held = read_lease(lease(holderIdentity="node-a", acquireTime="2026-11-22T03:00:00.000000Z", leaseTransitions=4))
    renewed, taken = (make_lease(held, "tapio", holder, 15, NOW)["spec"] for holder in ("node-a", "node-b"))
    assert (renewed["acquireTime"], renewed["leaseTransitions"]) == ("2026-11-22T03:00:00.000000Z", 4)
    assert (taken["acquireTime"], taken["leaseTransitions"]) == ("2026-11-22T03:20:00.123456Z", 5)


def test_a_released_lease_has_no_holder_and_the_next_one_counts():
    held = read_lease(lease(holderIdentity="node-a", leaseTransitions=4))
    released = make_lease(held, "tapio", "", 1, NOW)
    assert "holderIdentity" not in released["spec"]
    assert released["metadata"]["resourceVersion"] == "7", "not if somebody has taken it meanwhile"
    again = read_lease({**released, "metadata": {**released["metadata"], "resourceVersion": "8"}})
    assert make_lease(again, "tapio", "node-a", 15, NOW)["spec"]["leaseTransitions"] == 5


def test_labels_and_annotations_of_others_stay():
    raw = lease(holderIdentity="node-a")
    raw["metadata"] |= {"labels": {"a": "b"}, "managedFields": [{}]}
    made = make_lease(read_lease(raw), "tapio", "node-a", 15, NOW)
    assert made["metadata"]["labels"] == {"a": "b"}
    assert "managedFields" not in made["metadata"]


@pytest.mark.parametrize("raw", [None, {}, [], {"metadata": 1}, lease(name="other"), lease(version="")])
def test_what_is_not_the_lease_is_none(raw):
    assert read_lease(raw) is None


def test_a_holder_is_safe_to_show_and_wrong_types_read_as_absent():
    assert not re.search(r"[\x00-\x1f]", read_lease(lease(holderIdentity="a\x1b[2Jb\n")).holder)
    wrong = read_lease(lease(holderIdentity=7, leaseTransitions="many"))
    assert (wrong.holder, wrong.transitions) == ("", 0)


def test_each_version_is_told_once_and_so_is_absence():
    versions = LeaseVersions()

    def listed(*page):
        versions.begin_list()
        return [seen.version for seen in (*versions.list_page(page), *versions.end_list())]

    assert listed() == [""], "there is no Lease"
    assert listed() == []
    assert listed(lease("7")) == ["7"]
    assert listed(lease("7")) == []
    assert versions.told("MODIFIED", lease("8")).version == "8"
    assert versions.told("MODIFIED", lease("8")) is None
    assert versions.told("DELETED", lease("9")).version == ""
    assert versions.told("ADDED", lease("10")).version == "10"
    assert versions.told("ADDED", {"metadata": {}}) is None
    assert versions.rejected == 1
