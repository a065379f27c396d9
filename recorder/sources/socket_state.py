"""Source `socket_state`: the listening TCP sockets when a segment begins, in every network namespace."""

from __future__ import annotations

import os
from collections.abc import Iterator

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.proc import ListeningSocket, read_listening_sockets
from formats.tables import socket_state
from recorder.cgroup_tree import find_hierarchies, read_cgroup_id_by_pid
from recorder.polled_source import PolledSource, Row
from recorder.source import Need, Profile, SourceContext, SourceSpec


class SocketStateSource(PolledSource):
    """Reads /proc/PID/net/tcp and tcp6 of one process per network namespace, once per segment."""

    spec = SourceSpec(
        table=socket_state.TABLE,
        needs=(Need.PROC,),
        profile=Profile.LEAN,
        cost="one scan of the open files of every process per segment, at most max_descriptors; 10,000 files: 30 ms",
        loss_reasons=(LossReason.REJECTED,),
        fallback="without CAP_SYS_PTRACE only the recorder's own namespace is read, and processes are null",
        options={"max_descriptors": 50_000, "max_cgroups": 16384},
    )

    def begin(self, context: SourceContext) -> None:
        """Check that there is a /proc with sockets.

        Raises:
            UnavailableError: there is none.
        """
        if not (context.proc / "self" / "net" / "tcp").exists():
            raise UnavailableError(
                "no list of TCP sockets in /proc/net",
                where=str(context.proc / "self" / "net" / "tcp"),
                next_step="run with hostPID and the host's /proc",
            )

    def rows(self, context: SourceContext) -> Iterator[Row]:
        """A row for every listening socket, by namespace, address and port."""
        cgroup_ids = read_cgroup_id_by_pid(
            find_hierarchies(context.sysfs).unified,
            context.cgroup_paths or ("/",),
            limit=int(context.options["max_cgroups"]),
        )
        pids_by_namespace = _list_namespaces(context, cgroup_ids)
        listening: list[tuple[int, ListeningSocket]] = []
        for namespace, pids in pids_by_namespace.items():
            for name in ("tcp", "tcp6"):
                sockets = self.read(_read_sockets, f"{context.proc}/{pids[0]}/net/{name}")
                listening += [(namespace, socket) for socket in sockets or ()]
        pids = [pid for group in pids_by_namespace.values() for pid in group]
        holders = self._find_holders(context, pids, {socket.inode for _, socket in listening})
        for namespace, socket in sorted(listening, key=lambda item: (item[0], item[1].address, item[1].port)):
            pid = holders.get(socket.inode)
            if context.cgroup_ids and pid is None:
                continue  # not of the cgroups that are recorded
            yield {
                "process.pid": pid,
                "cgroup_id": 0 if pid is None else cgroup_ids.get(pid, 0),
                "network.type": socket.network_type,
                "network.local.address": socket.address,
                "network.local.port": socket.port,
                "tcp.network_namespace": namespace,
            }

    def _find_holders(self, context: SourceContext, pids: list[int], inodes: set[int]) -> dict[int, int]:
        """The process that holds each socket: the first one that has it open, which after a fork is the parent."""
        wanted = {f"socket:[{inode}]": inode for inode in inodes}
        holders: dict[int, int] = {}
        left = int(context.options["max_descriptors"])
        self.detail = ""
        for pid in sorted(pids):
            if len(holders) == len(inodes):
                break
            try:
                with os.scandir(f"{context.proc}/{pid}/fd") as entries:
                    for entry in entries:
                        left -= 1
                        inode = wanted.get(_read_link(entry.path))
                        if inode is not None:
                            holders.setdefault(inode, pid)
            except OSError:
                continue  # ended, or may not be looked at
            if left < 0:
                self.detail = "some sockets have no process: there are more open files than max_descriptors"
                break
        return holders


def _list_namespaces(context: SourceContext, cgroup_ids: dict[int, int]) -> dict[int, list[int]]:
    """The processes of each network namespace, by its inode; with `--cgroup` only processes in those."""
    namespaces: dict[int, list[int]] = {}
    for entry in sorted(context.proc.iterdir(), key=lambda entry: entry.name):
        if not entry.name.isdecimal() or (context.cgroup_ids and int(entry.name) not in cgroup_ids):
            continue
        try:
            namespace = os.stat(f"{entry}/ns/net").st_ino  # noqa: PTH116 - once per process; Path costs twice as much
        except OSError:
            continue  # it has ended, is a zombie, or may not be looked at
        namespaces.setdefault(namespace, []).append(int(entry.name))
    return namespaces


def _read_sockets(text: str) -> list[ListeningSocket]:
    return list(read_listening_sockets(text))


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - once per open file of the node; Path costs twice as much
    except OSError:
        return ""  # closed meanwhile
