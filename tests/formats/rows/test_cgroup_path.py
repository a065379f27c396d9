"""A cgroup path tells whose it is, in every form that kubelets and runtimes build."""

from __future__ import annotations

import pytest

from formats.rows.cgroup_path import CgroupOwner, read_cgroup_path

UID = "65a6e55d-b724-4ec3-8525-4d21ee11553c"
UID_ = UID.replace("-", "_")
CID = "a0db4780e754c345b9a1bde453322d9a5dc8aca02b59cd2cd4c1426ba0b1104f"
OTHER = "f" * 64
HASH = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "pod_uid", "container_id"),
    [
        (f"/kubepods/burstable/pod{UID}/{CID}", UID, CID),
        (f"/kubepods/besteffort/pod{UID}", UID, None),
        (f"/kubepods/pod{UID}/{CID}", UID, CID),
        (f"/n21/kubepods/burstable/pod{UID}/{CID}", UID, CID),
        (f"/kubepods/burstable/pod{HASH}/{CID}", HASH, CID),
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice", UID, None),
        (f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{CID}.scope", UID, CID),
        (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{CID}.scope", UID, CID),
        (f"/kubepods.slice/kubepods-pod{UID_}.slice/crio-{CID}.scope/container", UID, CID),
        (f"/kubepods.slice/kubepods-pod{UID_}.slice/crio-conmon-{CID}.scope", UID, None),
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/docker-{CID}.scope", UID, CID),
        (f"/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{CID}", UID, CID),
        (
            f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-{CID}.scope",
            UID,
            CID,
        ),
        (f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{UID}/{CID}", UID, CID),
        (f"/kubepods/burstable/pod{UID}/{CID}/docker/{OTHER}", UID, CID),
        (f"/kubepods/pod{UID}/{CID}/kubelet/kubepods/pod{'0' * 8}-0000-0000-0000-{'0' * 12}/{OTHER}", UID, CID),
        (f"/kubepods/burstable/pod{UID}/{CID}/init.scope", UID, CID),
        (f"/../../pod{UID}/{CID}", UID, CID),
        (f"/docker/{CID}", None, CID),
        (f"/system.slice/docker-{CID}.scope", None, CID),
        (f"/machine.slice/libpod-{CID}.scope", None, CID),
        (f"/machine.slice/libpod-conmon-{CID}.scope", None, None),
        (f"/process_api/{HASH}", None, None),
        ("/system.slice/ssh.service", None, None),
        ("/kubepods/burstable", None, None),
        ("/", None, None),
        ("", None, None),
        ("/kubepods/podnotauid/x", None, None),
    ],
)
def test_every_path_form_is_read(path: str, pod_uid: str | None, container_id: str | None):
    assert read_cgroup_path(path) == CgroupOwner(pod_uid, container_id)
