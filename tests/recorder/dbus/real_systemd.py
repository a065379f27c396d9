"""A real systemd as process 1 of namespaces of its own, with a real bus and a real journal.

It sees the machine's files, but writes only to file systems in memory and to a cgroup of its own; of the units of the
machine it starts none but the journal.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_TARGET = """[Unit]
DefaultDependencies=no
Requires=dbus.socket dbus.service systemd-journald.service {wanted}
"""
_BUS_SOCKET = """[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/dbus/system_bus_socket
"""
_BUS = """[Unit]
DefaultDependencies=no
Requires=dbus.socket
After=dbus.socket
[Service]
Type=notify
ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only
"""
SERVICE = """[Unit]
DefaultDependencies=no
StartLimitIntervalSec=0
[Service]
ExecStart={command}
Restart={restart}
RestartSec=100ms
TimeoutStopSec=5
"""
_BOOT = """set -e
mount --make-rprivate /
mount -t proc proc /proc
for place in /run /var/log /sys/fs/cgroup; do mount -t tmpfs tmpfs $place; done
mkdir -p /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /run/systemd/system /run/dbus
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
cp "$1"/* /run/systemd/system/
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=test.target --log-level=info
"""
_HIERARCHIES = tuple(Path("/sys/fs/cgroup") / name for name in ("systemd", "unified"))
PATIENCE_S = 30.0


def missing() -> str:
    """Why no systemd can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "a systemd of its own needs root"
    if not Path("/lib/systemd/systemd").exists() or not shutil.which("dbus-daemon"):
        return "systemd and dbus-daemon are not installed: deploy/setup.sh test"
    if Path("/proc/1/comm").read_text().strip() == "systemd":
        return "systemd runs this machine; another one beside it would take its cgroups"
    if not all(path.is_dir() for path in _HIERARCHIES):
        return "the machine has no hybrid cgroups (name=systemd and a cgroup2 tree)"
    return ""


class RealSystemd:
    """Running; `run` runs a command inside."""

    def __init__(self, process: subprocess.Popen[bytes], pid: int) -> None:
        self._process = process
        self.pid = pid
        self.root = Path(f"/proc/{pid}/root")
        self.socket = self.root / "run/dbus/system_bus_socket"

    def run(self, *command: str) -> str:
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-p", "-i", "-u", "-n", "-C", *command],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        ).stdout


@contextlib.contextmanager
def boot(directory: Path, services: Mapping[str, tuple[str, str]]) -> Iterator[RealSystemd]:
    """Boot it with services: name → (command, value of `Restart`)."""
    units = directory / "units"
    units.mkdir()
    (units / "test.target").write_text(_TARGET.format(wanted=" ".join(services)))
    (units / "dbus.socket").write_text(_BUS_SOCKET)
    (units / "dbus.service").write_text(_BUS)
    for name, (command, restart) in services.items():
        (units / name).write_text(SERVICE.format(command=command, restart=restart))
    cgroups = [hierarchy / f"tapio-test-{os.getpid()}" for hierarchy in _HIERARCHIES]
    for cgroup in cgroups:
        cgroup.mkdir()
    enter = "".join(f"echo $$ > {cgroup}/cgroup.procs\n" for cgroup in cgroups)
    command = 'exec unshare --pid --mount --cgroup --uts --ipc --net --fork --kill-child sh -c "$1" sh "$2"'
    process = subprocess.Popen(
        ["sh", "-c", enter + command, "sh", _BOOT, str(units)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        pid = _wait_for_child(process)
        running = RealSystemd(process, pid)
        _wait_until(running.socket.is_socket, process)
        _wait_until(lambda: "running" in _is_running(running), process)
        yield running
    finally:
        process.kill()  # with --kill-child, process 1 of the namespace goes too, and everything in it
        process.communicate()
        for cgroup in cgroups:
            _remove(cgroup)


def _is_running(running: RealSystemd) -> str:
    with contextlib.suppress(subprocess.CalledProcessError):
        running.run("busctl", "status", "org.freedesktop.systemd1")  # it connects to the bus when that runs
        return running.run("systemctl", "is-active", "test.target").replace("active", "running")
    return ""


def _wait_for_child(process: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    found: list[int] = []

    def has_child() -> bool:
        found[:] = [int(pid) for pid in children.read_text().split()]
        return bool(found) and Path(f"/proc/{found[0]}/comm").read_text().strip() == "systemd"

    _wait_until(has_child, process)
    return found[0]


def _wait_until(condition: object, process: subprocess.Popen[bytes]) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "it did not start"
        time.sleep(0.02)


def _remove(cgroup: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    for child in [*sorted(cgroup.rglob("*"), key=lambda path: -len(path.parts)), cgroup]:
        while child.is_dir():
            try:
                child.rmdir()
            except OSError:
                assert time.monotonic() < deadline, child
                time.sleep(0.02)
