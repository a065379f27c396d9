"""A node and a pod of network namespaces of the test's own, joined by a pair of `veth`, and a host whose files lead to them."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

from tests.recorder.sources.fake_host import CONTAINER_V2, UID, FakeHost

_CLONE_NEWNET = 0x40000000
GATEWAY, POD = "10.9.0.1", "10.9.0.2"


class OwnNetwork:
    """The namespaces `node` and `pod`. This thread is in that of the node until `close`.

    Args:
        host: whose process 1 is in the node's namespace, and whose pod has a process in the pod's.
    """

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self._names = {name: f"tapio-{name}-{os.getpid()}" for name in ("node", "pod", "other")}
        self._own = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in self._names:
            self._ip("netns", "add", self._names[name])
        self.ip("node", "link add h0 type veth peer name eth0 netns " + self._names["pod"])
        self.ip("node", "link add h1 type veth peer name eth0 netns " + self._names["other"])
        self.ip("node", f"addr add {GATEWAY}/24 dev h0")
        for namespace, interface in (("node", "h0"), ("node", "h1"), ("pod", "lo"), ("pod", "eth0"), ("other", "eth0")):
            self.ip(namespace, f"link set {interface} up")
        self.ip("pod", f"addr add {POD}/24 dev eth0")
        self.ip("pod", f"route add default via {GATEWAY}")
        self.ip("pod", "addr add fd00::2/64 dev eth0 nodad")
        self.ip("pod", "route add default via fd00::1")
        for name in self._names:
            self._hold(name)
        self._make_files()
        self._enter(self._processes["node"].pid)

    def ip(self, namespace: str, command: str) -> None:
        """Run `ip` in a namespace."""
        self._ip("-n", self._names[namespace], *command.split())

    def batch(self, namespace: str, lines: list[str], file: Path) -> None:
        """Run many commands of `ip` as fast as it can."""
        file.write_text("\n".join(lines))
        self._ip("-n", self._names[namespace], "-batch", str(file))

    def set_quick_neighbours(self, namespace: str) -> None:
        """A neighbour is asked for every 10 ms, and not every second."""
        for family in ("arp_cache", "ndisc_cache"):
            self.ip(namespace, f"ntable change name {family} dev eth0 retrans 10")

    def send(self, namespace: str, address: str) -> None:
        """Send a datagram that nobody reads."""
        family = "AF_INET6" if ":" in address else "AF_INET"
        code = f"import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM).sendto(b'x', ('{address}', 9))"
        subprocess.run(["ip", "netns", "exec", self._names[namespace], "python3", "-c", code], check=True)

    def end_pod(self) -> None:
        """The pod has no process any more."""
        self._end("pod")
        (self.host.cgroups / CONTAINER_V2[1:] / "cgroup.procs").write_text("")

    def close(self) -> None:
        """Back to where this thread was, and remove the namespaces."""
        assert ctypes.CDLL(None).setns(self._own, _CLONE_NEWNET) == 0
        os.close(self._own)
        for name in list(self._processes):
            self._end(name)
        for name in self._names.values():
            self._ip("netns", "del", name)

    def _hold(self, name: str) -> None:
        """A process that is in a namespace, and has told so."""
        command = ["ip", "netns", "exec", self._names[name], "sh", "-c", "echo; exec sleep 600"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        self._processes[name] = process

    def _end(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def _make_files(self) -> None:
        host, node, pod = self.host, self._processes["node"].pid, self._processes["pod"].pid
        for name, pid in (("1", node), ("self", node), (str(pod), pod)):
            (host.proc / name).symlink_to(f"/proc/{pid}")
        (host.proc / "sys").symlink_to("/proc/sys")
        host.make_unified()
        host.write(host.cgroups / CONTAINER_V2[1:] / "cgroup.procs", f"{pod}\n")

    def _enter(self, pid: int) -> None:
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        assert ctypes.CDLL(None).setns(namespace, _CLONE_NEWNET) == 0
        os.close(namespace)

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)


POD_UID = UID
