"""Source `interface_state`: the node's network interfaces and addresses, and what changes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from formats.errors import UnavailableError
from formats.severity import SeverityNumber
from formats.tables import interface_state
from recorder.linux.network_interfaces import InterfaceAddress, list_interface_addresses
from recorder.polled_source import PolledSource, Row
from recorder.source import Profile, SourceContext, SourceSpec


class InterfaceStateSource(PolledSource):
    """Lists the interfaces and records every address that came, went, or changed its state.

    Args:
        list_addresses: what there is; a parameter for tests.
    """

    spec = SourceSpec(
        table=interface_state.TABLE,
        needs=(),
        profile=Profile.LEAN,
        cost="one netlink dump per interval: 0.2 ms",
        shed_order=60,
        options={"interval_s": 15},
    )

    def __init__(self, list_addresses: Callable[[], list[InterfaceAddress]] = list_interface_addresses) -> None:
        super().__init__()
        self._list_addresses = list_addresses
        self._known: dict[tuple[str, str], InterfaceAddress] = {}

    def begin(self, context: SourceContext) -> None:
        """List the interfaces once.

        Raises:
            UnavailableError: the kernel refuses to list them.
        """
        try:
            self._known = _by_key(self._list_addresses())
        except OSError as error:
            raise UnavailableError(
                f"the network interfaces cannot be listed ({error})",
                where="getifaddrs(3)",
                next_step="allow AF_NETLINK sockets in the recorder's seccomp profile",
            ) from error
        self.detail = _compare_namespaces(context)

    def rows(self, context: SourceContext) -> Iterator[Row]:  # noqa: ARG002 - getifaddrs(3) needs no path
        """A row for every address that the last look found: what changed since is recorded by the next one."""
        yield from map(_to_row, sorted(self._known.values()))

    def changes(self, context: SourceContext) -> Iterator[Row]:  # noqa: ARG002 - same
        """A row for every address that is new or whose interface went up, down or away (`is_up` is false then)."""
        before, self._known = self._known, _by_key(self._list_addresses())
        changed = [item for key, item in self._known.items() if before.get(key) != item]
        gone = [replace(item, is_up=False) for key, item in before.items() if key not in self._known]
        for item in sorted(changed + gone):
            yield {"event_name": "interface.changed", "severity_number": SeverityNumber.WARN, **_to_row(item)}


def _to_row(item: InterfaceAddress) -> Row:
    return {
        "network.interface.name": item.name,
        "network.interface.index": item.index,
        "network.interface.is_up": item.is_up,
        "network.local.address": item.address or None,
    }


def _by_key(addresses: list[InterfaceAddress]) -> dict[tuple[str, str], InterfaceAddress]:
    return {(item.name, item.address): item for item in addresses}


def _compare_namespaces(context: SourceContext) -> str:
    try:
        own, host = ((context.proc / pid / "ns" / "net").stat().st_ino for pid in ("self", "1"))
    except OSError:
        return ""
    return "" if own == host else "the recorder has a network namespace of its own: these are not the node's interfaces"
