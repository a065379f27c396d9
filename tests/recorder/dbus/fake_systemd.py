"""A real `dbus-daemon` with a made systemd on it, which says what a test wants it to say."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from pathlib import Path
from typing import Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import DBusConnection, open_dbus_connection

SYSTEMD = "org.freedesktop.systemd1"
_CONFIG = """<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"""

Properties = dict[str, tuple[str, Any]]
RUNNING: Properties = {
    "ActiveState": ("s", "active"),
    "SubState": ("s", "running"),
    "StateChangeTimestamp": ("t", 1_700_000_000_000_000),
    "ActiveExitTimestamp": ("t", 0),
}
SERVICE: Properties = {
    "Result": ("s", "success"),
    "NRestarts": ("u", 0),
    "MainPID": ("u", 77),
    "ExecMainCode": ("i", 0),
    "ExecMainStatus": ("i", 0),
    "ExecMainStartTimestamp": ("t", 1_700_000_000_000_000),
    "ExecMainExitTimestamp": ("t", 0),
    "Environment": ("as", ["TOKEN=hunter2-S3cr3t"]),
}


class BusDaemon:
    """The bus of the distribution, with a socket of its own."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "bus"
        config = directory / "bus.conf"
        config.write_text(_CONFIG.format(socket=self.socket))
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "it says where it listens when it does"

    def connect(self) -> DBusConnection:
        return open_dbus_connection(f"unix:path={self.socket}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class FakeSystemd:
    """Answers as systemd does for `units`, whose properties a test may change."""

    def __init__(self, bus: BusDaemon) -> None:
        self.units: dict[str, tuple[Properties, Properties]] = {}
        self.calls: list[str] = []
        self._connection = bus.connect()
        self._ask("RequestName", "su", SYSTEMD, 0)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def put(self, name: str, unit: Properties | None = None, service: Properties | None = None) -> None:
        self.units[name] = (RUNNING | (unit or {}), SERVICE | (service or {}))

    def change(self, name: str, unit: Properties, service: Properties, sender: DBusConnection | None = None) -> None:
        """Change and tell, in systemd's order; `sender`: tell it as somebody else, and change nothing."""
        if sender is None:
            self.put(name, unit, service)
        for interface, changed in ((f"{SYSTEMD}.Service", SERVICE | service), (f"{SYSTEMD}.Unit", RUNNING | unit)):
            path = DBusAddress(path_of(name), interface="org.freedesktop.DBus.Properties")
            (sender or self._connection).send(
                new_signal(path, "PropertiesChanged", "sa{sv}as", (interface, changed, ["Conditions"]))
            )

    def stop(self) -> None:
        with contextlib.suppress(OSError):  # the bus has gone, or this is the second time
            self._connection.sock.shutdown(2)
        self._thread.join()
        with contextlib.suppress(KeyError, RuntimeError):
            self._connection.close()

    def _ask(self, method: str, signature: str, *arguments: object) -> None:
        address = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        self._connection.send_and_get_reply(new_method_call(address, method, signature, arguments))

    def _serve(self) -> None:
        while True:
            try:
                message = self._connection.receive()
            except OSError:
                return
            if message.header.message_type is MessageType.method_call:
                self._connection.send(self._answer(message))

    def _answer(self, message: Message) -> Message:
        method = message.header.fields[HeaderFields.member]
        self.calls.append(method)
        if method == "Subscribe":
            return new_method_return(message)
        if method == "ListUnitsByPatterns":
            rows = [
                (name, "", "loaded", unit["ActiveState"][1], unit["SubState"][1], "", path_of(name), 0, "", "/")
                for name, (unit, _) in self.units.items()
            ]
            return new_method_return(message, "a(ssssssouso)", (rows,))
        by_path = {path_of(name): both for name, both in self.units.items()}
        both = by_path.get(message.header.fields[HeaderFields.path])
        if method != "GetAll" or both is None:
            return new_error(message, "org.freedesktop.DBus.Error.UnknownObject")
        return new_method_return(message, "a{sv}", (both[message.body[0] == f"{SYSTEMD}.Service"],))


def path_of(name: str) -> str:
    """The object of a unit: everything but letters and digits is escaped."""
    escaped = "".join(c if c.isascii() and c.isalnum() else "".join(f"_{b:02x}" for b in c.encode()) for c in name)
    return f"/org/freedesktop/systemd1/unit/{escaped}"
