"""Storage as the kubelet counts it: real-looking answers, and answers that nobody should send."""

from __future__ import annotations

import json

import pytest

from formats.rows.kubelet_summary import StorageUsages
from tests.recorder.kubelet.fake_kubelet import DISK, UID, summary, usage


def test_every_use_of_storage_is_a_row() -> None:
    answer = summary(
        containers=[{"name": "store", "rootfs": usage(10), "logs": usage(20), "memory": {"usageBytes": 1}}],
        volume=[
            usage(30) | {"name": "scratch"},
            usage(400, capacityBytes=1000, availableBytes=600) | {"name": "data", "pvcRef": {"name": "data-store-0"}},
        ],
        **{"ephemeral-storage": usage(60)},
    )
    rows = {
        (row["storage.kind"], row["k8s.container.name"] or row["k8s.volume.name"]): row
        for row in StorageUsages().tell(answer)
    }
    assert {key: row["storage.used_bytes"] for key, row in rows.items()} == {
        ("node", None): DISK // 2,
        ("images", None): 5 << 30,
        ("pod", None): 60,
        ("rootfs", "store"): 10,
        ("logs", "store"): 20,
        ("volume", "scratch"): 30,
        ("volume", "data"): 400,
    }
    claimed = rows["volume", "data"]
    assert (claimed["k8s.persistentvolumeclaim.name"], claimed["k8s.pod.uid"]) == ("data-store-0", UID)
    assert (claimed["storage.available_bytes"], claimed["storage.capacity_bytes"]) == (600, 1000)
    assert rows["volume", "scratch"]["storage.capacity_bytes"] is None, "a directory has no room of its own"


def test_the_room_of_the_node_s_disk_changes_no_row_of_a_pod() -> None:
    usages = StorageUsages()
    parts = {"volume": [usage(30) | {"name": "scratch"}], "ephemeral-storage": usage(60)}
    usages.tell(summary(**parts))
    fuller = json.loads(summary(**parts).replace(str(DISK // 2).encode(), str(DISK // 4).encode()))
    assert [row["storage.kind"] for row in usages.tell(json.dumps(fuller).encode())] == ["node", "images"]
    assert len(usages.snapshot()) == 4


def test_what_is_gone_is_no_longer_told_and_new_again_when_it_comes_back() -> None:
    usages, of_pod = StorageUsages(), summary(**{"ephemeral-storage": usage(60)})
    usages.tell(of_pod)
    assert usages.tell(summary()) == []
    assert [row["storage.kind"] for row in usages.snapshot()] == ["node", "images"]
    assert [row["storage.kind"] for row in usages.tell(of_pod)] == ["pod"]


def test_figures_that_cannot_be_are_null() -> None:
    (row,) = (
        row
        for row in StorageUsages().tell(summary(**{"ephemeral-storage": usage(2**64 - 4096, inodesUsed=-1)}))
        if row["storage.kind"] == "pod"
    )
    assert (row["storage.used_bytes"], row["storage.inodes_used"]) == (None, None)


def test_names_are_cut() -> None:
    rows = StorageUsages().tell(summary(volume=[usage(1) | {"name": "v" * 5000}]))
    assert len(rows[-1]["k8s.volume.name"]) == 1024


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'{"node": {"fs": {"usedBytes": "many"}}}',
        b'{"node": {}, "pods": {}}',
        b"\xff",
    ],
)
def test_what_is_no_summary_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match="not an answer of /stats/summary"):
        StorageUsages().tell(answer)
