"""Lists of mounts, as the kernel writes them."""

from __future__ import annotations

import pytest

from formats.rows.mounts import Mount, read_mounts

UID = "65a6e55d-b724-4ec3-8525-4d21ee11553c"
VOLUMES = f"/var/lib/kubelet/pods/{UID}/volumes"
ROOT = "29 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,resv_strict"
CLAIM = f"90 29 259:1 / {VOLUMES}/kubernetes.io~csi/pvc-1/mount rw,relatime shared:2 - xfs /dev/nvme1n1 rw"


def test_disks_of_the_node_and_volumes_of_pods_are_listed():
    assert read_mounts(f"{ROOT}\n{CLAIM}\n") == [
        Mount("254:0", "ext4", "/", None, is_read_only=False),
        Mount("259:1", "xfs", f"{VOLUMES}/kubernetes.io~csi/pvc-1/mount", UID, is_read_only=False),
    ]


def test_a_volume_in_memory_is_listed_and_what_the_kubelet_writes_is_not():
    lines = [
        f"91 29 0:55 / {VOLUMES}/kubernetes.io~empty-dir/cache rw - tmpfs tmpfs rw,size=64k",
        f"92 29 0:56 / {VOLUMES}/kubernetes.io~projected/kube-api-access rw - tmpfs tmpfs rw",
        f"93 29 0:57 / {VOLUMES}/kubernetes.io~secret/key rw - tmpfs tmpfs rw",
        "94 29 0:21 / /run rw - tmpfs tmpfs rw",
        "95 29 0:4 / /proc rw - proc proc rw",
        "96 29 0:60 / /run/containerd/rootfs rw - overlay overlay rw",
    ]
    assert [mount.device for mount in read_mounts("\n".join(lines))] == ["0:55"]


def test_a_device_is_listed_once_with_its_shortest_path_and_the_node_comes_before_a_pod():
    bound = f"90 29 254:0 /data {VOLUMES}/kubernetes.io~local-volume/disk rw - ext4 /dev/vda rw"
    other = "91 29 254:0 /x /mnt rw - ext4 /dev/vda rw"
    assert [(mount.mount_point, mount.pod_uid) for mount in read_mounts(f"{bound}\n{other}\n{ROOT}")] == [("/", None)]


@pytest.mark.parametrize("kind", ["squashfs", "iso9660", "nfs4", "ceph", "fuse.sshfs", "9p"])
def test_images_and_what_is_not_local_are_left_out(kind):
    assert read_mounts(f"90 29 7:0 / /mnt rw - {kind} server:/x rw") == []


@pytest.mark.parametrize(("own", "shared"), [("ro,relatime", "rw"), ("rw", "ro,errors=remount-ro")])
def test_a_file_system_that_cannot_be_written_says_so(own, shared):
    (mount,) = read_mounts(f"90 29 259:1 / /data {own} - ext4 /dev/sdb {shared}")
    assert mount.is_read_only


def test_spaces_in_a_path_are_read():
    (mount,) = read_mounts(r"90 29 259:1 / /my\040data\134x rw shared:1 master:2 - ext4 /dev/sdb rw")
    assert mount.mount_point == "/my data\\x"


@pytest.mark.parametrize("text", ["nothing", "1 2 3:4 / / rw ext4 /dev/vda rw", "1 2 - ext4"])
def test_a_line_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="not a line of mountinfo"):
        read_mounts(text)
