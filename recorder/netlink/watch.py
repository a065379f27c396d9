"""What the source `link` knows of all namespaces: it is heard over netlink, and read where nothing is heard."""

from __future__ import annotations

import errno
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from formats.loss import LossReason
from recorder.cgroup_tree import read_text, read_text_or_raise
from recorder.netlink.messages import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELNSID,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    Interface,
    NetlinkMessage,
    Route,
    read_failed_neighbour,
    read_link,
    read_local_address,
    read_messages,
    read_nsid,
    read_route,
)
from recorder.netlink.namespaces import Namespace, find_node_namespace, find_pod_namespaces
from recorder.netlink.proc_files import (
    Counters,
    read_counters,
    read_routes,
    read_routes_v6,
    read_silent_neighbours,
    read_tracked,
)
from recorder.netlink.route_socket import find_nsid, list_links, open_hearing, receive
from recorder.netlink.view import NamespaceView, Row
from recorder.source import SourceContext

MAX_MESSAGES = 512
"""Notifications that are read at once. Why: who makes more of them fills the buffer of the kernel, and not the CPU."""
DEAF_NS = 2_000_000_000
"""How long nothing is heard after some were lost, until all is listed again."""
SOON_NS = 3_000_000_000
"""How soon pods are looked for again after one is heard that is not known."""
_MAX_GAPS = 16
_NEEDS = "the interfaces of pods are read from /proc: the recorder needs CAP_NET_BROADCAST and CAP_NET_ADMIN"
_LOST = "the kernel had to drop notifications: interfaces or routes changed faster than they were read"


@dataclass(slots=True)
class _Hearing:
    """One socket that hears of changes.

    Attributes:
        is_of_pods: whether it hears of all namespaces.
        opened: the socket; None after a loss, and if it cannot be opened.
        heard_ns: when it had been read to its end the last time.
        again_ns: after a loss, when all is to be listed again; None otherwise.
    """

    is_of_pods: bool
    opened: socket.socket | None = None
    heard_ns: int = 0
    again_ns: int | None = None


@dataclass(slots=True)
class _Followed:
    """One namespace.

    Attributes:
        view: what is known of it.
        nsid: its number in the namespace of this program; None if nothing is heard of it.
    """

    view: NamespaceView
    nsid: int | None = None


class LinkWatch:
    """All namespaces. The methods are called by one thread, `snapshot` by another.

    Args:
        context: of the source, with its options.
        open_socket: opens what hears of changes; a parameter for tests.

    Attributes:
        detail: one sentence for `status`; empty if all is well.
        gaps: when notifications were lost.
    """

    def __init__(self, context: SourceContext, open_socket: Callable[..., socket.socket] = open_hearing) -> None:
        options = context.options
        self._context = context
        self._open_socket = open_socket
        self._interval_ns = int(float(options["interval_s"]) * 1e9)
        self._receive_bytes = int(options["ring_bytes"])
        self._max_namespaces = int(options["max_namespaces"])
        self._max_routes = int(options["max_routes"])
        self._max_rows = int(options["max_rows_per_minute"])
        self._lock = threading.Lock()
        self._node = _Followed(self._make_view(find_node_namespace(context)))
        self._is_node_heard = False
        self._pods: dict[int, _Followed] = {}
        self._by_nsid: dict[int, _Followed] = {}
        self._hearings = (_Hearing(is_of_pods=False), _Hearing(is_of_pods=True))
        self._poll_ns = 0
        self._limited_before = 0
        self._rejected = 0
        self._conntrack_max: int | None = None
        self._problem = ""
        self._may_list = True
        self.detail = ""
        self.gaps: deque[tuple[int, int, LossReason, str]] = deque(maxlen=_MAX_GAPS)

    # What the source says.

    @property
    def rate_limited(self) -> int:
        """Rows that were left out so far."""
        followed = (self._node, *self._pods.values())
        return self._limited_before + sum(one.view.rate_limited for one in followed)

    @property
    def rejected(self) -> int:
        """Files of /proc that did not have the expected form so far."""
        return self._rejected

    def sockets(self) -> list[socket.socket]:
        """Those that become readable when there is something to hear."""
        return [hearing.opened for hearing in self._hearings if hearing.opened is not None]

    def wait_s(self) -> float:
        """How long there is nothing to do if nothing is heard."""
        now = self._context.boot_time_ns()
        dues = [self._poll_ns, *(one.again_ns for one in self._hearings if one.again_ns is not None)]
        return max(0.0, (min(dues) - now) / 1e9)

    # What it does.

    def begin(self) -> None:
        """Begin to hear, then list all that there is."""
        now = self._context.boot_time_ns()
        own = _read_inode(Path("/proc/thread-self/ns/net"))
        if own not in {None, self._node.view.namespace.inode}:
            self._problem = "the recorder has a network namespace of its own: run it with hostNetwork"
        for hearing in self._hearings:
            self._open(hearing, now)
        with self._lock:
            self._read_state(self._node, is_first=True)
            self._look_for_pods()
        self._poll_ns = now + self._interval_ns

    def hear(self) -> None:
        """Read what there is to hear, and list all again where something was lost."""
        now = self._context.boot_time_ns()
        for hearing in self._hearings:
            if hearing.again_ns is not None and now >= hearing.again_ns:
                self._hear_again(hearing, now)
            elif hearing.opened is not None:
                with self._lock:
                    self._hear(hearing, hearing.opened, now)
        with self._lock:
            for one in self._all():
                if one.view.wants_routes:
                    self._read_routes(one, is_first=False)

    def poll(self) -> None:
        """At the interval: read counters, and what is not heard of; look for pods that are new or gone."""
        now = self._context.boot_time_ns()
        if now < self._poll_ns:
            return
        self._poll_ns = now + self._interval_ns
        with self._lock:
            self._look_for_pods()
            for one in self._all():
                self._read_figures(one, is_first=False)
                if not self._is_heard(one):
                    self._read_state(one, is_first=False)

    def take_rows(self) -> list[Row]:
        """The rows that are due."""
        now = self._context.boot_time_ns()
        with self._lock:
            return [row for one in self._all() for row in one.view.take_rows(now)]

    def snapshot(self) -> list[Row]:
        """A row for every interface and route that there is."""
        with self._lock:
            return [row for one in self._all() for row in one.view.snapshot(self._conntrack_max)]

    def close(self) -> None:
        """Close the sockets."""
        for hearing in self._hearings:
            if hearing.opened is not None:
                hearing.opened.close()
                hearing.opened = None

    # Hearing.

    def _all(self) -> Iterator[_Followed]:
        yield self._node
        yield from self._pods.values()

    def _is_heard(self, one: _Followed) -> bool:
        return self._is_node_heard if one is self._node else one.nsid is not None

    def _open(self, hearing: _Hearing, now: int) -> None:
        hearing.heard_ns, hearing.again_ns = now, None
        if self._problem:
            return
        try:
            hearing.opened = self._open_socket(self._receive_bytes, all_namespaces=hearing.is_of_pods)
        except OSError as error:
            self.detail = (
                _NEEDS if hearing.is_of_pods else f"netlink cannot be used ({error}): what /proc and /sys tell is read"
            )
        if not hearing.is_of_pods:
            self._is_node_heard = hearing.opened is not None

    def _hear(self, hearing: _Hearing, opened: socket.socket, now: int) -> None:
        try:
            for _ in range(MAX_MESSAGES):
                received = receive(opened)
                if received is None:
                    hearing.heard_ns = now
                    return
                nsid, data = received
                for message in read_messages(data):
                    self._tell(hearing, nsid, message)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            opened.close()
            hearing.opened, hearing.again_ns = None, now + DEAF_NS

    def _tell(self, hearing: _Hearing, nsid: int | None, message: NetlinkMessage) -> None:
        if message.kind == RTM_DELNSID and nsid is None:
            gone = read_nsid(message.body)
            if gone is not None and (forgotten := self._by_nsid.pop(gone, None)) is not None:
                forgotten.nsid = None
            return
        if hearing.is_of_pods != (nsid is not None):
            return  # of the node, which has a socket of its own
        if nsid is None:
            _tell_view(self._node.view, message)
        elif nsid in self._by_nsid:
            _tell_view(self._by_nsid[nsid].view, message)
        elif message.kind == RTM_NEWLINK:  # a pod that is new, most likely
            self._poll_ns = min(self._poll_ns, self._context.boot_time_ns() + SOON_NS)

    def _hear_again(self, hearing: _Hearing, now: int) -> None:
        """Open the socket anew, and only then list all, so that nothing changes unheard in between."""
        since = hearing.heard_ns
        self._open(hearing, now)
        with self._lock:
            for one in self._all():
                if (one is not self._node) == hearing.is_of_pods:
                    self._read_state(one, is_first=False)
        self.gaps.append((since, self._context.boot_time_ns(), LossReason.KERNEL_RING_FULL, _LOST))

    # Reading.

    def _make_view(self, namespace: Namespace) -> NamespaceView:
        return NamespaceView(namespace, self._max_rows, self._max_routes)

    def _look_for_pods(self) -> None:
        node = self._node.view.namespace
        found, problem = find_pod_namespaces(self._context, node, self._max_namespaces)
        present = {namespace.inode: namespace for namespace in found}
        for gone in self._pods.keys() - present.keys():
            self._limited_before += self._pods.pop(gone).view.rate_limited
        hears = self._may_list and (self._hearings[1].opened is not None or self._hearings[1].again_ns is not None)
        by_nsid = {}
        unheard = 0
        for inode, namespace in present.items():
            known = self._pods.get(inode)
            one = known or _Followed(self._make_view(namespace))
            one.view.namespace = namespace  # the process that it was read by may have ended
            one.nsid = _ask_nsid(namespace) if hears else None
            if one.nsid is None:
                unheard += 1
            else:
                by_nsid[one.nsid] = one
            if known is None:
                self._pods[inode] = one
                self._read_state(one, is_first=True)
                self._read_figures(one, is_first=True)
        self._by_nsid = by_nsid
        if not self._may_list:
            self.detail = _NEEDS
        elif hears:
            self.detail = (
                f"the interfaces of {unheard} of {len(present)} pods are read from /proc alone" if unheard else ""
            )
        self.detail = problem or self._problem or self.detail

    def _read_state(self, one: _Followed, *, is_first: bool) -> None:
        """Interfaces and routes as they are."""
        links = self._list_links(one)
        if links is not None:
            one.view.read_links(links, is_first=is_first)
        elif not is_first:
            text = read_text(one.view.namespace.files / "arp")
            with suppress(ValueError):
                one.view.read_failures(read_silent_neighbours(text))
        self._read_routes(one, is_first=is_first)
        if is_first and one is self._node:
            self._read_figures(one, is_first=True)

    def _list_links(self, one: _Followed) -> list[Interface] | None:
        """None if they cannot be listed."""
        if not self._is_heard(one):
            return _read_links(self._context.sysfs) if one is self._node else None
        try:
            return list_links(one.nsid)
        except OSError as error:  # the namespace is gone, or it may not be asked for
            if one is not self._node:
                one.nsid = None
                self._may_list = self._may_list and not isinstance(error, PermissionError)
            return None

    def _read_routes(self, one: _Followed, *, is_first: bool) -> None:
        one.view.wants_routes = False
        routes: list[Route] = []
        try:
            for name, parse in (("route", read_routes), ("ipv6_route", read_routes_v6)):
                routes += parse(read_text(one.view.namespace.files / name))
        except ValueError:
            self._rejected += 1
            return
        if not (one.view.namespace.files / "route").exists():
            return  # the process that it is read by has ended: nothing is known, which is not that there are none
        one.view.read_routes(routes, is_first=is_first)

    def _read_figures(self, one: _Followed, *, is_first: bool) -> None:
        files = one.view.namespace.files
        try:
            one.view.read_counters(_read_counters(files / "dev"), is_first=is_first)
            tracked = read_tracked(read_text(files / "stat/nf_conntrack"))
            if tracked is not None:
                self._conntrack_max = _read_number(self._context.proc / "sys/net/netfilter/nf_conntrack_max")
                one.view.read_tracked(tracked, self._conntrack_max)
        except OSError:
            return  # as above
        except ValueError:
            self._rejected += 1


def _tell_view(view: NamespaceView, message: NetlinkMessage) -> None:
    kind, body = message.kind, message.body
    if kind in {RTM_NEWLINK, RTM_DELLINK} and (link := read_link(body)) is not None:
        if kind == RTM_NEWLINK:
            view.hear_link(link)
        else:
            view.hear_removed(link.index)
    elif kind in {RTM_NEWROUTE, RTM_DELROUTE} and (route := read_route(body)) is not None:
        view.hear_route(route, is_added=kind == RTM_NEWROUTE)
    elif kind in {RTM_NEWADDR, RTM_DELADDR} and (address := read_local_address(body)) is not None:
        view.hear_address(address, is_added=kind == RTM_NEWADDR)
    elif kind == RTM_NEWNEIGH and (neighbour := read_failed_neighbour(body)) is not None:
        view.hear_failure(neighbour)


def _ask_nsid(namespace: Namespace) -> int | None:
    try:
        return find_nsid(namespace.handle)
    except OSError:
        return None


def _read_counters(file: Path) -> dict[str, Counters]:
    return read_counters(read_text_or_raise(file))


def _read_links(sysfs: Path) -> list[Interface]:
    """The interfaces of the node as /sys has them."""
    found = []
    for place in sorted((sysfs / "class/net").glob("*")):
        flags, index = read_text(place / "flags").strip(), _read_number(place / "ifindex")
        if index is None or not flags.startswith("0x"):
            continue
        peer = _read_number(place / "iflink") or 0
        found.append(
            Interface(
                index=index,
                name=place.name,
                kind="",
                is_up=bool(int(flags, 16) & 1),
                has_carrier=_read_number(place / "carrier") == 1,
                mtu=_read_number(place / "mtu") or 0,
                carrier_changes=_read_number(place / "carrier_changes") or 0,
                peer_index=0 if peer == index else peer,
            )
        )
    return found


def _read_number(file: Path) -> int | None:
    text = read_text(file).strip()
    return int(text) if text.isdecimal() else None


def _read_inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except OSError:
        return None
