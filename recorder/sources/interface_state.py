"""Source `interface_state`: the node's network interfaces and addresses, and what changes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.errors import UnavailableError
from formats.tables import interface_state
from recorder.interfaces import InterfaceAddress, list_interface_addresses
from recorder.polling import Interval
from recorder.source import Profile, SourceContext, SourceSpec, SourceStats

_INFO = 9
_WARNING = 13


class InterfaceStateSource:
    """Lists the interfaces each round and gives a row for every address that came, or changed its state.

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
        self._list_addresses = list_addresses
        self._context: SourceContext | None = None
        self._interval: Interval | None = None
        self._known: dict[tuple[str, str], InterfaceAddress] = {}
        self._produced = 0
        self._detail = ""

    def open(self, context: SourceContext) -> None:
        """Lists the interfaces once.

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
        self._context = context
        self._interval = Interval(int(context.options["interval_s"]) * 1_000_000_000, context.boot_time_ns)
        self._detail = _compare_namespaces(context)

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:  # noqa: ARG002 - one look is short
        """A row for every address that is new or whose interface went up, down or away (`is_up` is false then)."""
        if self._context is None or self._interval is None or not self._interval.is_over():
            return []
        before, self._known = self._known, _by_key(self._list_addresses())
        changed = [item for key, item in self._known.items() if before.get(key) != item]
        gone = [
            InterfaceAddress(item.name, item.index, item.address, is_up=False)
            for key, item in before.items()
            if key not in self._known
        ]
        return self._batch(self._context, "interface.changed", _WARNING, sorted(changed + gone))

    def snapshot(self) -> list[pa.RecordBatch]:
        """A row for every address."""
        if self._context is None:
            return []
        return self._batch(self._context, "interface.state", _INFO, sorted(self._known.values()))

    def stats(self) -> SourceStats:
        """The running totals."""
        return SourceStats(produced=self._produced, detail=self._detail)

    def wake_fds(self) -> tuple[int, ...]:
        """None: polling follows the timer."""
        return ()

    def close(self) -> None:
        """Forgets everything."""
        self._context = None
        self._interval = None
        self._known = {}

    def _batch(
        self, context: SourceContext, event_name: str, severity: int, addresses: Iterable[InterfaceAddress]
    ) -> list[pa.RecordBatch]:
        rows = [
            {
                "boot_time_ns": context.boot_time_ns(),
                "event_name": event_name,
                "severity_number": severity,
                "network.interface.name": item.name,
                "network.interface.index": item.index,
                "network.interface.is_up": item.is_up,
                "network.local.address": item.address or None,
            }
            for item in addresses
        ]
        self._produced += len(rows)
        return [batch_from_rows(interface_state.TABLE, rows)] if rows else []


def _by_key(addresses: list[InterfaceAddress]) -> dict[tuple[str, str], InterfaceAddress]:
    return {(item.name, item.address): item for item in addresses}


def _compare_namespaces(context: SourceContext) -> str:
    try:
        own, host = ((context.proc / pid / "ns" / "net").stat().st_ino for pid in ("self", "1"))
    except OSError:
        return ""
    return "" if own == host else "the recorder has a network namespace of its own: these are not the node's interfaces"
