"""The lab's shop on the real kernel: it serves, is killed at its limit, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.lab.cgroups import CgroupTree, read_hierarchies
from fixtures.lab.incident import Role
from fixtures.lab.names import choose_names
from fixtures.lab.object_store import Object
from fixtures.lab.running_lab import RunningLab
from fixtures.lab.slots import remove_leftovers, take_slot
from fixtures.lab.steps import edit_config, restart_rollout, stop_listening

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="control groups are made by root"),
]

REPOSITORY = Path(__file__).parents[2]


class NoSink:
    """Nobody listens."""

    def put(self, obj: Object, /) -> None:
        pass

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        pass


@pytest.fixture
def lab(tmp_path: Path):
    hierarchies = read_hierarchies()
    with RunningLab(choose_names(0), hierarchies, NoSink(), tmp_path) as running:
        running.start()
        yield running


def ask(lab: RunningLab, service: str) -> str:
    """First line of the answer of a Service, or the name of what failed."""
    address = lab.store.get("Service", "shop", service)["spec"]["clusterIP"]
    try:
        with socket.create_connection((address, 80), 2) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(100).decode().splitlines()[0]
    except OSError as error:
        return type(error).__name__


def container_status(lab: RunningLab, app: str) -> Object:
    pods = [pod for pod in lab.store.list("Pod") if pod["metadata"]["labels"]["app"] == app]
    return pods[-1]["status"].get("containerStatuses", [{}])[0] if pods else {}


def test_shop_serves_and_every_process_is_in_its_containers_cgroup(lab: RunningLab) -> None:
    # GIVEN a running shop
    # WHEN
    answer = ask(lab, "frontend")
    # THEN
    assert answer == "HTTP/1.0 200 OK"
    for pod in lab.store.list("Pod"):
        container_id = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
        path = f"{lab.pods_cgroup}/burstable/pod{pod['metadata']['uid']}/{container_id}"
        unified = read_hierarchies().v2
        assert unified is not None
        pids = (unified / path.lstrip("/") / "cgroup.procs").read_text().split()
        assert len(pids) == 1
        assert Path(f"/proc/{pids[0]}/comm").read_text().strip() == pod["metadata"]["labels"]["app"]


def test_cache_above_its_limit_is_oom_killed_and_backs_off(lab: RunningLab) -> None:
    # GIVEN
    edit_config(0, Role.CAUSE, "cache-config", "CACHE_MB", "400").do(lab)
    restart_rollout(0, Role.FOLLOW_UP, "cache").do(lab)
    # WHEN
    lab.run_until(
        lambda: container_status(lab, "cache").get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff",
        20,
        "the cache is in CrashLoopBackOff",
    )
    # THEN
    status = container_status(lab, "cache")
    assert status["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert status["restartCount"] == 1
    # Where the node is slow, its next run may be killed while it is asked.
    assert ask(lab, "cache") in {"ConnectionRefusedError", "ConnectionResetError"}
    assert ask(lab, "frontend") == "HTTP/1.0 502 Bad Gateway"


def test_process_that_stops_listening_lives_on_and_is_not_ready(lab: RunningLab) -> None:
    # GIVEN
    before = container_status(lab, "cache")["containerID"]
    # WHEN
    stop_listening(0, Role.CAUSE, "cache").do(lab)
    lab.run_until(lambda: not container_status(lab, "cache")["ready"], 10, "the cache is not ready")
    # THEN
    status = container_status(lab, "cache")
    assert (status["containerID"], status["restartCount"]) == (before, 0)
    assert "running" in status["state"]


def test_lab_that_is_killed_leaves_nothing_that_the_next_one_does_not_remove(tmp_path: Path) -> None:
    # GIVEN a lab in a process of its own, which is killed without warning
    program = (
        "import sys, pathlib\n"
        "from fixtures.lab.cgroups import find_hierarchies\n"
        "from fixtures.lab.names import choose_names\n"
        "from fixtures.lab.running_lab import RunningLab\n"
        "class NoSink:\n"
        "    def put(self, obj): pass\n"
        "    def delete(self, kind, namespace, name): pass\n"
        "mounts = find_hierarchies(pathlib.Path('/proc/self/mounts').read_text())\n"
        "lab = RunningLab(choose_names(0), mounts, NoSink(), pathlib.Path(sys.argv[1]))\n"
        "lab.start()\n"
        "print(lab.pods_cgroup, flush=True)\n"
        "lab.run(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    root = process.stdout.readline().strip().removesuffix("/kubepods")
    hierarchies = read_hierarchies()
    tree = CgroupTree(hierarchies, root)
    assert tree.pids()
    # WHEN
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    removed = remove_leftovers(hierarchies)
    # THEN
    assert root in {leftover.cgroup_root for leftover in removed}
    assert not tree.exists()


def test_slots_of_labs_that_run_side_by_side_differ() -> None:
    # GIVEN / WHEN
    with take_slot() as first, take_slot() as second:
        # THEN
        assert first.number != second.number
        assert first.pod_address(1) != second.pod_address(1)
        assert first.service_address(1) not in {first.pod_address(1), second.pod_address(1)}
