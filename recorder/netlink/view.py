"""What is known of one network namespace, and the rows that follow from what is heard or read of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from formats.severity import SeverityNumber
from recorder.netlink.messages import FailedNeighbour, Interface, LocalAddress, Route
from recorder.netlink.namespaces import Namespace
from recorder.netlink.proc_files import Counters, TrackedConnections

Row: TypeAlias = dict[str, Any]
_MINUTE_NS = 60_000_000_000
_OF_ALL = 8
"""How many interfaces or routes of one namespace may each use up their rows of a minute."""
_NEIGHBOUR_NS = 5_000_000_000
MAX_NEIGHBOURS = 32
"""Neighbours of one namespace that are told at once. Why: who scans a network has one for each of its addresses."""
MAX_LINKS = 4096
"""Interfaces of one namespace that are known. Why: a pod that may make some may make any number."""
_LOOPBACK = "lo"
_HALF_FULL = 2
_STEPS = 50
"""Tracked connections are told again when they have changed by this part of what is possible."""


@dataclass(slots=True)
class _Known:
    """One interface.

    Attributes:
        link: as it is.
        told: as it was recorded last; None if it never was.
        changes: since then.
        minute_began_ns: when its present minute began.
        rows: that were recorded in that minute.
    """

    link: Interface
    told: Interface | None = None
    changes: int = 0
    minute_began_ns: int = 0
    rows: int = 0


class NamespaceView:
    """One network namespace.

    Args:
        namespace: which one.
        max_rows_per_minute: of one interface; what it does beyond is counted in its next row.
        max_routes: that are known, those with the shortest prefixes first.

    Attributes:
        rate_limited: rows that were left out so far.
        wants_routes: an interface changed, with which the kernel removes routes without telling.
    """

    def __init__(self, namespace: Namespace, max_rows_per_minute: int, max_routes: int) -> None:
        self.namespace = namespace
        self.rate_limited = 0
        self.wants_routes = False
        self._max_rows = max_rows_per_minute
        self._max_routes = max_routes
        self._links: dict[int, _Known] = {}
        self._names: dict[str, Counters] = {}
        self._routes: dict[tuple[int, str, int], Route] = {}
        self._failures: Counter[tuple[str | int, str]] = Counter()
        self._failures_told_ns = 0
        self._waiting: list[Row] = []
        self._tracked: TrackedConnections | None = None
        self._tracked_told = 0
        self._minute_began_ns = 0
        self._rows = 0

    # What is heard.

    def hear_link(self, link: Interface) -> None:
        """An interface is new, or as told now."""
        known = self._links.get(link.index)
        if known is None:
            if len(self._links) >= MAX_LINKS:
                self.rate_limited += 1
                return
            self._links[link.index] = _Known(link, changes=1)
            self.wants_routes = True
        else:
            if _condition(known.link) != _condition(link):
                known.changes += 1
                self.wants_routes = True
            known.link = link

    def hear_removed(self, index: int) -> None:
        """An interface is gone."""
        known = self._links.pop(index, None)
        if known is not None:
            self.wants_routes = True
            changes = known.changes + 1
            self._waiting.append(self._link_row("link.removed", known.link) | {"link.count": changes} | _WARN)

    def hear_address(self, address: LocalAddress, *, is_added: bool) -> None:
        """An address was added or removed. Those of a `dummy` are of Services (IPVS) and of local DNS servers."""
        known = self._links.get(address.index)
        if known is not None and known.link.kind == "dummy":
            return
        name = "address.added" if is_added else "address.removed"
        row = self._row(name) | self._interface(address.index) | {"network.local.address": address.address}
        self._waiting.append(row if is_added else row | _WARN)

    def hear_route(self, route: Route, *, is_added: bool) -> None:
        """A route was added or removed."""
        known = self._routes.get(route.key)
        if is_added:
            if known is None and len(self._routes) >= self._max_routes:
                return
            self._routes[route.key] = route
            if known is None or known.gateway != route.gateway:
                self._waiting.append(self._route_row("route.added", route))
        elif self._routes.pop(route.key, None) is not None:
            self._waiting.append(self._route_row("route.removed", route) | _WARN)

    def hear_failure(self, neighbour: FailedNeighbour) -> None:
        """A neighbour did not answer."""
        self._failures[neighbour.index, neighbour.address] += 1

    # What is read.

    def read_links(self, links: Iterable[Interface], *, is_first: bool) -> None:
        """All interfaces, when they were asked for: what differs from what is known was not heard of."""
        present = {link.index: link for link in links}
        for index in self._links.keys() - present.keys():
            self.hear_removed(index)
        for index, link in present.items():
            known = self._links.get(index)
            if is_first:
                self._links[index] = _Known(link, told=link)
                continue
            self.hear_link(link)
            if known is not None and known.told is not None and not known.changes:
                # It may have changed and be as before.
                known.changes = max(0, link.carrier_changes - known.told.carrier_changes)

    def read_routes(self, routes: Iterable[Route], *, is_first: bool) -> None:
        """All routes."""
        present = {route.key: route for route in sorted(routes)[: self._max_routes]}
        if is_first:
            self._routes = present
            return
        for route in [route for key, route in self._routes.items() if key not in present]:
            self.hear_route(route, is_added=False)
        for route in present.values():
            self.hear_route(route, is_added=True)

    def read_failures(self, neighbours: Iterable[tuple[str, str]]) -> None:
        """Neighbours that have not answered, where nothing is heard of them."""
        for name, address in neighbours:
            self._failures[name, address] += 1

    def read_counters(self, counters: dict[str, Counters], *, is_first: bool) -> None:
        """The counters of all interfaces: a row for each with more errors or drops than before."""
        before, self._names = self._names, counters
        for name, now in counters.items():
            then = Counters() if is_first else before.get(name, Counters())
            if is_first or now.received < then.received:
                continue  # the first look, or another interface of that name
            grown = (
                now.receive_errors - then.receive_errors,
                now.receive_drops - then.receive_drops,
                now.send_errors - then.send_errors,
                now.send_drops - then.send_drops,
            )
            if any(figure > 0 for figure in grown):
                self._waiting.append(
                    self._row("link.counters")
                    | self._named(name)
                    | {
                        "link.received_packets": now.received - then.received,
                        "link.sent_packets": max(0, now.sent - then.sent),
                        "link.receive_errors": max(0, grown[0]),
                        "link.receive_drops": max(0, grown[1]),
                        "link.send_errors": max(0, grown[2]),
                        "link.send_drops": max(0, grown[3]),
                    }
                )

    def read_tracked(self, now: TrackedConnections, most: int | None) -> None:
        """The tracked connections: a row if some were dropped, or if they fill half of the table and have changed."""
        then, self._tracked = self._tracked, now
        if then is None:
            then = now
        grown = [
            max(0, one - other)
            for one, other in zip(
                (now.insert_failures, now.drops, now.early_drops),
                (then.insert_failures, then.drops, then.early_drops),
                strict=True,
            )
        ]
        fullest = max(now.entries, self._tracked_told)
        has_moved = abs(now.entries - self._tracked_told) * _STEPS
        if any(grown) or (most is not None and fullest * _HALF_FULL >= most and has_moved >= most):
            self._tracked_told = now.entries
            self._waiting.append(self._tracked_row(now, most, *grown) | (_WARN if any(grown) else {}))

    # What is recorded.

    def take_rows(self, now_ns: int) -> Iterator[Row]:
        """The rows that are due: of what changes too often, one a minute."""
        if now_ns - self._minute_began_ns >= _MINUTE_NS:
            self._minute_began_ns, self._rows = now_ns, 0
        most = self._max_rows * _OF_ALL
        for known in self._links.values():
            if known.changes == 0:
                continue
            if now_ns - known.minute_began_ns >= _MINUTE_NS:
                known.minute_began_ns, known.rows = now_ns, 0
            if known.rows < self._max_rows and self._rows < most:
                known.rows += 1
                self._rows += 1
                row = self._link_row("link.changed", known.link) | {"link.count": known.changes}
                is_new = known.told is None
                known.told, known.changes = known.link, 0
                yield row if is_new else row | _WARN
        waiting, self._waiting = self._waiting, []
        if self._failures and now_ns - self._failures_told_ns >= _NEIGHBOUR_NS:
            waiting += self._take_failures()
            self._failures_told_ns = now_ns
        room = max(0, most - self._rows)
        self._rows += min(room, len(waiting))
        self.rate_limited += max(0, len(waiting) - room)
        yield from waiting[:room]

    def snapshot(self, most: int | None) -> Iterator[Row]:
        """What there is: interfaces, routes to networks, and tracked connections where there are some."""
        for known in list(self._links.values()):
            link = known.told or known.link
            if link.name != _LOOPBACK or not link.is_up:
                yield self._link_row("link.state", link)
        for route in sorted(self._routes.values()):
            if not _is_of_one_host(route):
                yield self._route_row("route.state", route)
        if self._tracked is not None and self._tracked.entries:
            yield self._tracked_row(self._tracked, most, 0, 0, 0)

    def _take_failures(self) -> list[Row]:
        failures, self._failures = self._failures, Counter()
        common = failures.most_common()
        self.rate_limited += len(common[MAX_NEIGHBOURS:])
        return [
            self._row("neighbour.failed")
            | self._interface(interface)
            | {"network.peer.address": address, "link.count": count}
            | _WARN
            for (interface, address), count in common[:MAX_NEIGHBOURS]
        ]

    def _row(self, event_name: str) -> Row:
        return {
            "event_name": event_name,
            "severity_number": SeverityNumber.INFO,
            "k8s.pod.uid": self.namespace.pod_uid,
            "link.network_namespace": self.namespace.inode,
        }

    def _link_row(self, event_name: str, link: Interface) -> Row:
        return self._row(event_name) | {
            "network.interface.name": link.name,
            "network.interface.index": link.index,
            "link.kind": link.kind or None,
            "link.is_up": link.is_up,
            "link.has_carrier": link.has_carrier,
            "link.mtu": link.mtu,
            "link.carrier_changes": link.carrier_changes,
            "link.peer_index": link.peer_index or None,
        }

    def _route_row(self, event_name: str, route: Route) -> Row:
        return (
            self._row(event_name)
            | self._interface(route.interface)
            | {
                "route.destination": route.destination,
                "route.prefix_length": route.prefix_length,
                "route.gateway": route.gateway or None,
                "route.metric": route.metric,
            }
        )

    def _tracked_row(
        self, now: TrackedConnections, most: int | None, insert_failures: int, drops: int, early_drops: int
    ) -> Row:
        return self._row("conntrack.counters") | {
            "conntrack.entries": now.entries,
            "conntrack.max": most,
            "conntrack.insert_failures": insert_failures,
            "conntrack.drops": drops,
            "conntrack.early_drops": early_drops,
        }

    def _interface(self, interface: str | int) -> Row:
        """Name and index, of which one is known."""
        if isinstance(interface, str):
            return self._named(interface)
        known = self._links.get(interface)
        return {
            "network.interface.name": None if known is None else known.link.name,
            "network.interface.index": interface,
        }

    def _named(self, name: str) -> Row:
        index = next((known.link.index for known in self._links.values() if known.link.name == name), None)
        return {"network.interface.name": name or None, "network.interface.index": index}


_WARN: Row = {"severity_number": SeverityNumber.WARN}


def _condition(link: Interface) -> tuple[str, bool, bool, int]:
    return (link.name, link.is_up, link.has_carrier, link.mtu)


def _is_of_one_host(route: Route) -> bool:
    return route.prefix_length == (128 if ":" in route.destination else 32)
