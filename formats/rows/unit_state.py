"""What systemd tells about a service → a row. Properties come as D-Bus has them: a name, a type and a value.

Source: org.freedesktop.systemd1(5), interfaces Unit and Service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from formats.rows.node_services import find_role
from formats.severity import SeverityNumber
from formats.text import cut_text

Row: TypeAlias = dict[str, Any]

UNIT_PROPERTIES: Final = frozenset(
    {"Id", "LoadState", "ActiveState", "SubState", "StateChangeTimestamp", "ActiveExitTimestamp"}
)
SERVICE_PROPERTIES: Final = frozenset(
    {"Result", "NRestarts", "MainPID", "ExecMainCode", "ExecMainStatus"}
    | {"ExecMainStartTimestamp", "ExecMainExitTimestamp"}
)
"""What is kept; everything else that systemd tells, such as environments and command lines, is dropped at once."""

TEXT_LIMIT = 255
_CLD_EXITED: Final = 1
_CLD_KILLED: Final = 2
_CLD_DUMPED: Final = 3
"""Source: sigaction(2), si_code of SIGCHLD; 0 = has not exited."""
_MAX_INT32: Final = 2**31 - 1
_MAX_INT64: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class UnitState:
    """A service as systemd has it now. Times are unix ns by the clock of the node, None = never.

    Attributes:
        name: of the unit.
        state: `active`, `failed`, …
        sub_state: `running`, `auto-restart`, …
        result: why it is not running, `success` if that is as it should be.
        restarts: how often systemd restarted it by itself.
        pid: of its main process; None if it does not run.
        exit_code: of the last main process; None while it runs and if a signal killed it.
        exit_signal: that killed it.
        started_ns: when its main process started.
        exited_ns: when that exited.
        changed_ns: since when it has been in this state.
        is_stop_requested: whether systemd was to stop it before its main process exited; None while it runs.
    """

    name: str
    state: str
    sub_state: str
    result: str
    restarts: int
    pid: int | None
    exit_code: int | None
    exit_signal: int | None
    started_ns: int | None
    exited_ns: int | None
    changed_ns: int | None
    is_stop_requested: bool | None


def read_unit_state(name: str, properties: Mapping[str, Any]) -> UnitState:
    """The state of a unit by its properties; what is missing or of another type counts as not told."""
    code, status = _number(properties, "ExecMainCode"), _number(properties, "ExecMainStatus")
    exited_ns = _time(properties, "ExecMainExitTimestamp") if code else None
    stopped_ns = _time(properties, "ActiveExitTimestamp")
    state = _word(properties, "ActiveState")
    is_down = state in {"inactive", "failed", "deactivating"}
    return UnitState(
        name=cut_text(name, TEXT_LIMIT),
        state=state,
        sub_state=_word(properties, "SubState"),
        result=_word(properties, "Result"),
        restarts=_number(properties, "NRestarts"),
        pid=min(_number(properties, "MainPID"), _MAX_INT32) or None,
        exit_code=min(status, _MAX_INT32) if code == _CLD_EXITED else None,
        exit_signal=min(status, _MAX_INT32) if code in {_CLD_KILLED, _CLD_DUMPED} else None,
        started_ns=_time(properties, "ExecMainStartTimestamp"),
        exited_ns=exited_ns,
        changed_ns=_time(properties, "StateChangeTimestamp"),
        # A service that exits by itself is left by its process before it leaves the state `active`.
        is_stop_requested=_is_before(stopped_ns, exited_ns) if is_down else None,
    )


def unit_row(state: UnitState, event_name: str) -> Row:
    """The state as a row of the table `systemd`, without its time."""
    return {
        "event_name": event_name,
        "severity_number": _severity(state),
        "systemd.unit": state.name,
        "systemd.unit.role": find_role(state.name),
        "systemd.unit.state": state.state,
        "systemd.unit.sub_state": state.sub_state,
        "systemd.unit.result": state.result,
        "systemd.unit.restarts": state.restarts,
        "systemd.unit.stop": None
        if state.is_stop_requested is None
        else "requested"
        if state.is_stop_requested
        else "by_itself",
        "systemd.unit.changed_unix_nano": state.changed_ns,
        "systemd.main.pid": state.pid,
        "systemd.main.started_unix_nano": state.started_ns,
        "systemd.main.exited_unix_nano": state.exited_ns,
        "process.exit.code": state.exit_code,
        "process.exit.signal": state.exit_signal,
    }


def _severity(state: UnitState) -> SeverityNumber:
    if state.state == "failed":
        return SeverityNumber.ERROR
    return SeverityNumber.WARN if state.sub_state == "auto-restart" else SeverityNumber.INFO


def _is_before(stopped_ns: int | None, exited_ns: int | None) -> bool | None:
    if exited_ns is None:
        return None if stopped_ns is None else True  # its main process still runs, or it has none
    return stopped_ns is not None and stopped_ns < exited_ns


def _word(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    # The words of systemd are of such a form; a peer that says something else says nothing.
    is_word = isinstance(value, str) and value.isascii() and value.replace("-", "").replace("_", "").isalnum()
    return value[:64] if isinstance(value, str) and is_word else "unknown"


def _number(properties: Mapping[str, Any], name: str) -> int:
    value = properties.get(name)
    return min(value, _MAX_INT64) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _time(properties: Mapping[str, Any], name: str) -> int | None:
    microseconds = _number(properties, name)
    return microseconds * 1_000 if 0 < microseconds < _MAX_INT64 // 1_000 else None
