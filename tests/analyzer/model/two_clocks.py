"""A made-up world with a true time, and nodes whose clocks are wrong: what they record, and how wrong the analysis is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from analyzer.model.clock_refinement import NodeClock
from analyzer.model.engine import Engine
from analyzer.model.recorded_tables import Tables
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import BOOT_AT_BEGIN, BOOT_ID, CaptureBuilder

SECOND = 1_000_000_000
PORT = 8080


@dataclass(frozen=True)
class Clock:
    """The clock of a node.

    Attributes:
        offset: seconds that it is ahead when the recording begins.
        drift_ppm: by how much it is too fast.
        step: second of the recording and seconds by which somebody set it then; None if nobody did.
        error_ns: what its kernel says; None if it says nothing.
    """

    offset: float = 0.0
    drift_ppm: float = 0.0
    step: tuple[float, float] | None = None
    error_ns: int | None = 16 * SECOND

    def at(self, true: float) -> float:
        """What CLOCK_BOOTTIME says, in seconds of the recording."""
        return true * (1 + self.drift_ppm / 1e6)


class World:
    """Nodes that record connections between them.

    Args:
        directory: for the capture.
        clocks: by name of the node.
        length: seconds of the recording.
    """

    def __init__(self, directory: Path, clocks: dict[str, Clock], *, length: float = 60, seed: int = 1) -> None:
        self.clocks, self.length = clocks, length
        self._directory = directory
        self._random = Random(seed)
        self._rows: dict[str, list[tuple[str, float, dict[str, object]]]] = {node: [] for node in clocks}
        self._versions: dict[str, list[tuple[float, int]]] = {node: [] for node in clocks}
        self._port = 30_000

    def address(self, node: str) -> str:
        """Of its only pod."""
        return f"10.0.{list(self.clocks).index(node)}.5"

    def connect(
        self, client: str, server: str, count: int, *, service: str | None = None, broken: bool = False
    ) -> None:
        """Connections at random times, each open for 1 to 20 ms, over a network that takes 0.05 ms and now and then much more."""
        for _ in range(count):
            begin = self._random.uniform(0.5, self.length - 1)
            self._port += 1
            there, back, last = (5e-5 + self._random.expovariate(1 / 2e-4) for _ in range(3))
            work = self._random.uniform(0.001, 0.02)
            ends = {
                "own": {"network__local__address": self.address(client), "network__local__port": self._port},
                "other": {"network__local__address": self.address(server), "network__local__port": PORT},
            }
            peers = {
                "own": {"network__peer__address": service or self.address(server), "network__peer__port": PORT},
                "other": {"network__peer__address": self.address(client), "network__peer__port": self._port},
            }
            own, other = ({**ends[end], **peers[end], "tcp__socket_id": self._port} for end in ("own", "other"))
            error = {"error__type": "ECONNRESET"} if broken else {}
            sent = {"network__io__transmit_bytes": 100, "network__io__receive_bytes": 200}
            received = {"network__io__transmit_bytes": 200, "network__io__receive_bytes": 100}
            accepted = begin + there
            closed = accepted + work + back
            self._rows[client] += [
                ("connect", begin, own | {"duration_ns": 200_000}),
                ("close", closed, own | sent | error),
            ]
            self._rows[server] += [("accept", accepted, other), ("close", closed + last, other | received)]

    def refuse(self, client: str, server: str, count: int) -> None:
        """Attempts to connect that the server's kernel refuses."""
        for _ in range(count):
            begin = self._random.uniform(0.5, self.length - 1)
            self._port += 1
            there, back = (5e-5 + self._random.expovariate(1 / 2e-4) for _ in range(2))
            own = {
                "network__local__address": self.address(client),
                "network__local__port": self._port,
                "network__peer__address": self.address(server),
                "network__peer__port": PORT,
            }
            other = {
                "network__local__address": self.address(server),
                "network__local__port": PORT,
                "network__peer__address": self.address(client),
                "network__peer__port": self._port,
            }
            lasted = round((there + back) * SECOND)
            self._rows[client].append(("refused", begin + there + back, own | {"duration_ns": lasted}))
            self._rows[server].append(("reset_sent", begin + there, other))

    def deliver(self, count: int) -> None:
        """Versions of objects that every recorder receives within half a second."""
        for number in range(count):
            written = self._random.uniform(0.5, self.length - 1)
            for node in self.clocks:
                self._versions[node].append((written + self._random.uniform(0, 0.5), number))

    def write(self) -> Path:
        """The capture of all nodes."""
        first, *_ = self.clocks
        builder = CaptureBuilder(self._directory, node=first)
        for node, clock in self.clocks.items():
            builder.on_node(node)
            for event, true, columns in sorted(self._rows[node], key=lambda row: row[1]):
                builder.tcp(event, at=clock.at(true), **columns)
            for true, number in sorted(self._versions[node]):
                builder.row(
                    "kube_object",
                    "k8s.object.modified",
                    clock.at(true),
                    k8s__object__uid=f"uid-{number}",
                    k8s__object__resource_version=str(number),
                    k8s__object__kind="ConfigMap",
                    k8s__object__name=f"settings-{number}",
                )
            builder.row("pressure", "pressure.interval", clock.at(0)).row(
                "pressure", "pressure.interval", clock.at(self.length)
            )
            for second in range(0, int(self.length) + 1, 10):
                ahead = clock.offset
                if clock.step is not None and second >= clock.step[0]:
                    ahead += clock.step[1]
                builder.clock(
                    clock.at(second),
                    offset_ns=round(ahead * SECOND),
                    max_error_ns=clock.error_ns,
                    is_synchronized=clock.error_ns is not None and clock.error_ns < SECOND,
                )
        return builder.write()

    def analyze(self) -> dict[str, NodeClock]:
        """The clocks of the nodes, as the analysis has them."""
        with Engine(threads=1) as engine:
            tables = Tables(open_capture(self.write()), engine)
        return {node: tables.clocks[node, BOOT_ID] for node in self.clocks}

    def measure_errors(self, found: dict[str, NodeClock], reference: str) -> dict[str, int]:
        """By how much the times of each node are wrong on the time line of the reference, at worst, ns."""
        true = np.linspace(0, self.length, 5_000)
        times = {}
        for node, clock in self.clocks.items():
            alignment = found[node].alignment
            assert alignment is not None
            boots = np.array([BOOT_AT_BEGIN + round(clock.at(moment) * SECOND) for moment in true], np.int64)
            times[node] = alignment.align(boots)
            assert (np.diff(times[node]) >= 0).all(), "times run backwards"
        return {node: int(np.abs(times[node] - times[reference]).max()) for node in self.clocks}
