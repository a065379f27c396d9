"""The conversation with systemd: a thread that lists the chosen units and hears what changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.rows.unit_state import SERVICE_PROPERTIES, UNIT_PROPERTIES, Row, UnitState, read_unit_state, unit_row
from recorder.dbus.bus import Bus, BusError
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import SourceContext

SYSTEMD = "org.freedesktop.systemd1"
RESYNC_S = 30.0
"""A list without having been told: finds units that are new, and what a lost signal would have said."""
QUEUE_PATIENCE_S = 5.0
_MANAGER = DBusAddress("/org/freedesktop/systemd1", SYSTEMD, f"{SYSTEMD}.Manager")
_UNIT_INTERFACE = f"{SYSTEMD}.Unit"
_SERVICE_INTERFACE = f"{SYSTEMD}.Service"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_KEPT = {_UNIT_INTERFACE: UNIT_PROPERTIES, _SERVICE_INTERFACE: SERVICE_PROPERTIES}
_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class UnitLimits:
    """How much the conversation does.

    Attributes:
        units: patterns of the names of units that are followed.
        timeout_s: longest time for one call.
        max_units: that are followed.
        max_rows_per_minute: of one unit.
    """

    units: tuple[str, ...]
    timeout_s: float
    max_units: int
    max_rows_per_minute: int


class _Unit:
    """One unit that is followed: what systemd has told of it, and what was recorded of that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.properties: dict[str, Any] = {}
        self.told: UnitState | None = None
        self.minute_began_ns = 0
        self.rows_this_minute = 0

    def merge(self, interface: str, changed: Mapping[str, Any]) -> None:
        for key in _KEPT[interface] & changed.keys():
            self.properties[key] = changed[key][1]


class UnitConversation:
    """Lists the units when it begins, then records what changes. `begin` starts its thread.

    Args:
        path: the socket of the bus.
        queue: takes the rows.
        limits: how much it does.
        context: of the source.

    Attributes:
        detail: one sentence for `status`; empty if all is well.
        problem: why the thread ended; None while it runs.
    """

    def __init__(self, path: Path, queue: RowQueue[ColumnsRow], limits: UnitLimits, context: SourceContext) -> None:
        self._bus = Bus(path, SYSTEMD, limits.timeout_s)
        self._queue = queue
        self._limits = limits
        self._context = context
        self._lock = threading.Lock()
        self._units: dict[str, _Unit] = {}
        self._thread: threading.Thread | None = None
        self.detail = ""
        self._rate_limited = 0
        self._overflowed = 0
        self.problem: Exception | None = None

    @property
    def missing(self) -> Mapping[LossReason, int]:
        """Rows of units that changed too often, and rows for which the queue had no room."""
        return {LossReason.RATE_LIMITED: self._rate_limited, LossReason.QUEUE_FULL: self._overflowed}

    def begin(self) -> None:
        """Ask for all units, then go on in a thread.

        Raises:
            UnavailableError: systemd does not answer.
        """
        try:
            self._bus.call(_MANAGER, "Subscribe")
            self._list(is_first=True)
        except BusError as error:
            raise UnavailableError(
                f"systemd refuses to tell of its units ({error})", next_step="run the recorder as root"
            ) from error
        self._thread = threading.Thread(target=self._run, name="systemd", daemon=True)
        self._thread.start()

    def snapshot(self) -> list[Row]:
        """A row for every unit that was ever started, and for those that are wanted and never were."""
        with self._lock:
            return [unit_row(unit.told, "unit.state") for unit in self._units.values() if unit.told is not None]

    def end(self, timeout_s: float) -> None:
        """End the thread, and wait for it at most so long."""
        self._bus.interrupt()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._thread is None or not self._thread.is_alive():
            self._bus.close()

    def _run(self) -> None:
        try:
            next_list_ns = self._context.boot_time_ns() + int(RESYNC_S * 1e9)
            while True:
                wait_s = (next_list_ns - self._context.boot_time_ns()) / 1e9
                if wait_s <= 0:
                    self._list(is_first=False)
                    next_list_ns = self._context.boot_time_ns() + int(RESYNC_S * 1e9)
                    continue
                signal = self._bus.next_signal(min(wait_s, RESYNC_S))
                if signal is not None:
                    self._hear(signal.header.fields, signal.body)
        except Exception as error:  # noqa: BLE001 - the source tells it when it is drained
            self.problem = error

    def _list(self, *, is_first: bool) -> None:
        """Ask for the units and, of each, for everything: what was not heard of is recorded now."""
        listed = self._bus.call(_MANAGER, "ListUnitsByPatterns", "asas", [], list(self._limits.units))[0]
        chosen = sorted(
            (str(path), str(name), str(state), str(sub_state))
            for name, _, load, state, sub_state, _, path, *_ in listed
            if load == "loaded" and str(name).endswith(".service")
        )
        limit = self._limits.max_units
        self.detail = f"only {limit} of {len(chosen)} units: raise max_units" if len(chosen) > limit else ""
        with self._lock:
            for gone in self._units.keys() - {path for path, *_ in chosen[:limit]}:
                del self._units[gone]
        for path, name, state, sub_state in chosen[:limit]:
            known = self._units.get(path)
            if known is None or known.told is None or (known.told.state, known.told.sub_state) != (state, sub_state):
                self._ask(path, known or _Unit(name), is_first=is_first)

    def _ask(self, path: str, unit: _Unit, *, is_first: bool) -> None:
        try:
            if unit.told is None:
                self._bus.subscribe(f"type='signal',sender='{SYSTEMD}',interface='{_PROPERTIES}',path='{path}'")
            for interface in _KEPT:
                address = DBusAddress(path, SYSTEMD, _PROPERTIES)
                unit.merge(interface, self._bus.call(address, "GetAll", "s", interface)[0])
        except BusError:  # it was unloaded meanwhile, or its name is longer than the bus allows
            return
        with self._lock:
            self._units[path] = unit
        self._tell(unit, is_first=is_first)

    def _hear(self, fields: Mapping[HeaderFields, Any], body: Sequence[Any]) -> None:
        unit = self._units.get(str(fields.get(HeaderFields.path)))
        if unit is None or fields.get(HeaderFields.interface) != _PROPERTIES or len(body) != 3:
            return
        interface, changed, _ = body
        if interface in _KEPT and isinstance(changed, dict):
            unit.merge(interface, changed)
            if interface == _UNIT_INTERFACE:  # what the service says always comes before it
                self._tell(unit, is_first=False)

    def _tell(self, unit: _Unit, *, is_first: bool) -> None:
        state = read_unit_state(unit.name, unit.properties)
        if state.pid is not None and state.state in {"inactive", "failed"}:
            return  # it is being started: with this pid, this was never a state; the next signal tells
        with self._lock:
            is_new, unit.told = state != unit.told, state
        if is_first or not is_new:
            return
        now = self._context.boot_time_ns()
        if now - unit.minute_began_ns >= _MINUTE_NS:
            unit.minute_began_ns, unit.rows_this_minute = now, 0
        unit.rows_this_minute += 1
        if unit.rows_this_minute > self._limits.max_rows_per_minute:
            self._rate_limited += 1
        elif not self._queue.wait_for_room(QUEUE_PATIENCE_S):
            self._overflowed += 1
        else:
            self._queue.put([ColumnsRow(unit_row(state, "unit.changed"))])
