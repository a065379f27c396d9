"""A runtime is found, its version of the interface is agreed on, and it is only read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import recorder.cri
from formats.errors import UnavailableError
from formats.rows.container import ContainerState
from recorder.cri.messages import MESSAGES
from recorder.cri.runtime import SOCKETS, Runtime, find_sockets
from tests.recorder.cri.fake_runtime import BORN, SECOND, FakeContainer, FakeRuntime

TIMEOUT_S = 20.0


@pytest.mark.parametrize("version", ["v1", "v1alpha2"])
def test_the_newest_version_that_the_runtime_speaks_is_taken(tmp_path: Path, version: str) -> None:
    with FakeRuntime(tmp_path / "s.sock", version=version) as fake:
        runtime = Runtime([tmp_path / "s.sock"], TIMEOUT_S)
        assert (runtime.version, runtime.name) == (version, "fake 1.0")
        assert runtime.list().containers == []
        runtime.close()
        assert fake.calls == ["Version", "ListContainers", "ListPodSandbox"]


def test_a_runtime_of_another_time_is_refused(tmp_path: Path) -> None:
    with FakeRuntime(tmp_path / "s.sock", version="v3"), pytest.raises(UnavailableError, match="neither of") as caught:
        Runtime([tmp_path / "s.sock"], TIMEOUT_S)
    assert caught.value.next_step


def test_containers_are_told_with_fields_that_nobody_knows(tmp_path: Path) -> None:
    with FakeRuntime(tmp_path / "s.sock") as fake:
        fake.extra = bytes([15 << 3 | 2, 5]) + b"hello"
        fake.put(FakeContainer("c1", attempt=3, log_path="/var/log/pods/x/0.log"))
        fake.crash("c1", exit_code=137, seconds=4)
        runtime = Runtime([tmp_path / "s.sock"], TIMEOUT_S)
        listing = runtime.list()
        (listed,), (sandbox,) = listing.containers, listing.sandboxes
        status = runtime.get_status("c1")
        assert status is not None
        assert (listed.state, listed.attempt, listed.sandbox_id) == (ContainerState.EXITED, 3, "s1")
        assert (sandbox.pod, sandbox.is_ready) == ("api-1", True)
        assert (status.exit_code, status.finished_ns - BORN) == (137, 5 * SECOND)
        assert (status.image, status.log_path) == ("registry.test/api:1.0", "/var/log/pods/x/0.log")
        assert runtime.get_status("gone") is None
        runtime.close()


def test_an_answer_that_is_not_of_the_interface_is_refused(tmp_path: Path) -> None:
    with FakeRuntime(tmp_path / "s.sock") as fake:
        fake.answers["ListContainers"] = b"\x0a\xff\xff\xff\xff\x0f"
        runtime = Runtime([tmp_path / "s.sock"], TIMEOUT_S)
        with pytest.raises(UnavailableError, match="ListContainers cannot be read"):
            runtime.list()
        runtime.close()


def test_a_socket_that_nobody_serves_is_passed_over(tmp_path: Path) -> None:
    dead = tmp_path / "dead.sock"
    with FakeRuntime(dead):
        pass
    import socket

    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(dead))
    with FakeRuntime(tmp_path / "s.sock"):
        runtime = Runtime([tmp_path / "none.sock", dead, tmp_path / "s.sock"], TIMEOUT_S)
        assert runtime.socket == tmp_path / "s.sock"
        runtime.close()
    with pytest.raises(UnavailableError, match="cannot be reached"):
        Runtime([dead], TIMEOUT_S)
    with pytest.raises(UnavailableError, match="no socket of a container runtime") as caught:
        Runtime([tmp_path / "none.sock"], TIMEOUT_S)
    assert caught.value.next_step


def test_the_usual_places_are_looked_at_on_the_node() -> None:
    places = [str(place) for place in find_sockets("", Path("/host/proc"))]
    assert len(places) == 2 * len(SOCKETS)
    assert places[0] == "/host/run/containerd/containerd.sock"
    assert "/host/run/crio/crio.sock" in places
    assert "/host/proc/1/root/run/k3s/containerd/containerd.sock" in places
    assert [str(place) for place in find_sockets("/a.sock", Path("/proc"))] == ["/a.sock", "/proc/1/root/a.sock"]


def test_no_call_can_change_anything_and_none_asks_for_the_environment_of_a_container() -> None:
    # GIVEN every method that the code names: the socket would let it do anything
    package = Path(recorder.cri.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(package.glob("*.py")))
    called = set(re.findall(r'(?:_ask|_path)\(\s*"(\w+)"', source))
    # THEN they only read
    assert called == {"Version", "ListContainers", "ListPodSandbox", "ContainerStatus", "GetContainerEvents"}
    # AND `verbose`, with which a runtime tells the whole specification, cannot be sent
    assert [field.name for field in MESSAGES["ContainerStatusRequest"].DESCRIPTOR.fields] == ["container_id"]
