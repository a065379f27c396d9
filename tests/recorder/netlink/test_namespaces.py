"""Which network namespaces are whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.netlink.namespaces import find_node_namespace, find_pod_namespaces
from recorder.source import SourceContext
from recorder.sources.link import LinkSource
from tests.recorder.sources.fake_host import CONTAINER_V2, POD_V1, POD_V2, UID, FakeHost


def context_of(host: FakeHost) -> SourceContext:
    return SourceContext("n", dict(LinkSource.spec.options), host.clock, proc=host.proc, sysfs=host.sysfs)


def put_process(host: FakeHost, pid: int, namespace: Path) -> None:
    place = host.proc / str(pid) / "ns"
    place.mkdir(parents=True)
    (place / "net").symlink_to(namespace)


@pytest.fixture
def namespaces(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("node", "pod")}
    for path in made.values():
        path.touch()
    return made


def find(host: FakeHost, limit: int = 8):
    context = context_of(host)
    return find_pod_namespaces(context, find_node_namespace(context), limit)


def test_a_pod_is_found_by_the_cgroups_of_its_processes(host, namespaces):
    host.make_unified()
    put_process(host, 1, namespaces["node"])
    put_process(host, 40, namespaces["pod"])
    put_process(host, 41, namespaces["pod"])
    host.write(host.cgroups / POD_V2[1:] / "cgroup.procs", "41\n")
    host.write(host.cgroups / CONTAINER_V2[1:] / "cgroup.procs", "41\n40\n")
    (found,), detail = find(host)
    assert (found.pod_uid, found.inode, found.files) == (UID, namespaces["pod"].stat().st_ino, host.proc / "40/net")
    assert detail == ""
    # AND more of them than are wanted
    assert find(host, limit=0) == ([], "only the first 0 pods are followed: raise max_namespaces")


def test_a_pod_in_the_network_of_the_node_has_none_of_its_own(host, namespaces):
    host.make_unified()
    put_process(host, 1, namespaces["node"])
    put_process(host, 40, namespaces["node"])
    host.write(host.cgroups / CONTAINER_V2[1:] / "cgroup.procs", "40\n50\n")
    assert find(host) == ([], "")


def test_cgroups_of_version_1_tell_as_well(host, namespaces):
    host.make_hybrid()
    put_process(host, 1, namespaces["node"])
    put_process(host, 40, namespaces["pod"])
    host.write(host.cgroups / "memory" / POD_V1[1:] / "cgroup.procs", "40\n")
    (found,), _ = find(host)
    assert found.pod_uid == UID


def test_without_cgroups_no_interface_is_a_pods(host, namespaces):
    put_process(host, 1, namespaces["node"])
    assert find(host) == ([], "there is no cgroup hierarchy: which interfaces are whose pods' is not known")


def test_what_may_not_be_read_of_the_node_is_read_of_this_program(host, namespaces):
    put_process(host, 1, namespaces["node"])
    (host.proc / "self").symlink_to(host.proc / "1")
    assert find_node_namespace(context_of(host)).files == host.proc / "1/net"
    (host.proc / "1/ns/net").unlink()
    (host.proc / "self").unlink()
    put_process(host, 7, namespaces["pod"])
    (host.proc / "self").symlink_to(host.proc / "7")
    assert find_node_namespace(context_of(host)).files == host.proc / "self/net"
