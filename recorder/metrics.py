"""`/metrics` in the Prometheus text format and `/healthz`, on localhost, from the newest snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from formats.errors import ConfigurationError
from recorder.status import RecorderStatus

STUCK_NS: Final = 30_000_000_000
"""A main loop that has not turned for so long is stuck: liveness fails, and Kubernetes starts the recorder again."""

METRICS: Final = {
    "tapio_recorder_info": ("gauge", "Always 1; the labels say which recorder this is."),
    "tapio_recorder_events_total": ("counter", "Rows written to the journal since the start, by table."),
    "tapio_recorder_lost_events_total": ("counter", "Events known to be missing since the start, by table and reason."),
    "tapio_recorder_source_up": ("gauge", "1 if the source runs, 0 if it is unavailable, failed or shed."),
    "tapio_recorder_source_restarts_total": ("counter", "How often the source was opened again."),
    "tapio_recorder_window_seconds": ("gauge", "How far back a freeze can reach now."),
    "tapio_recorder_ring_bytes": ("gauge", "Sealed segments on disk."),
    "tapio_recorder_ring_segments": ("gauge", "Number of sealed segments."),
    "tapio_recorder_journal_bytes": ("gauge", "Journals on disk that are not sealed yet."),
    "tapio_recorder_queue_bytes": ("gauge", "Memory that waits for the disk."),
    "tapio_recorder_written_bytes_total": ("counter", "Bytes written to journals since the start."),
    "tapio_recorder_storage_failing": ("gauge", "1 if nothing can be written or sealed at the moment."),
    "tapio_recorder_freezes_pending": ("gauge", "Captures on their way."),
    "tapio_recorder_freezes_failed_total": ("counter", "Freezes that came to nothing."),
    "tapio_recorder_freezes_suppressed_total": ("counter", "Triggers that came too soon after the one before."),
    "tapio_recorder_cpu_ratio": ("gauge", "Own CPU over the last 10 s, 1 = one core, without children."),
    "tapio_recorder_resident_bytes": ("gauge", "Own resident memory."),
}
"""Type and meaning of every metric; docs/configuration.md lists them, and a test compares."""


class MetricsServer:
    """Serves both from a thread.

    Args:
        listen: `address:port`.
        read_status: gives the newest snapshot.
        monotonic_ns: reads CLOCK_MONOTONIC; a parameter for tests.
    """

    def __init__(
        self,
        listen: str,
        read_status: Callable[[], RecorderStatus | None],
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        address, _, port = listen.rpartition(":")
        if not address or not port.isdecimal() or int(port) > 65_535:
            raise ConfigurationError(
                f"`{listen}` is no address to listen on", where="metrics_listen", next_step="such as 127.0.0.1:9273"
            )
        try:
            self._server = ThreadingHTTPServer((address.strip("[]"), int(port)), _handler(read_status, monotonic_ns))
        except OSError as error:
            raise ConfigurationError(
                f"nothing can listen on {listen} ({error.strerror or error})",
                where="metrics_listen",
                next_step="choose another port, or an empty text to serve no metrics",
            ) from error
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port that is listened on, which the system chose if 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self._server.serve_forever, args=(5.0,), name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()
        self._server.server_close()


def is_live(status: RecorderStatus | None, monotonic_ns: int) -> bool:
    """Whether the main loop turns. A recorder that is still starting is."""
    return status is None or monotonic_ns - status.heartbeat_ns < STUCK_NS


def format_metrics(status: RecorderStatus) -> str:
    """The snapshot in the Prometheus text format 0.0.4."""
    samples = dict(_samples(status))
    lines = []
    for name, (kind, meaning) in METRICS.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{_labels(labels)} {value}" for labels, value in samples[name]]
    return "\n".join(lines) + "\n"


Samples = list[tuple[dict[str, str], int | float]]


def _samples(status: RecorderStatus) -> Iterator[tuple[str, Samples]]:
    def one(value: float) -> Samples:
        return [({}, value)]

    who = {"version": status.version, "node": status.node_name, "profile": status.profile}
    yield "tapio_recorder_info", [(who, 1)]
    yield "tapio_recorder_events_total", [({"table": table}, rows) for table, rows in sorted(status.written.items())]
    yield (
        "tapio_recorder_lost_events_total",
        [({"table": table, "reason": reason}, count) for table, reason, count in sorted(status.losses)],
    )
    sources = status.sources
    yield "tapio_recorder_source_up", [({"source": item.name}, int(item.state == "recording")) for item in sources]
    yield "tapio_recorder_source_restarts_total", [({"source": item.name}, item.restarts) for item in sources]
    yield "tapio_recorder_window_seconds", one(max(status.have_to_unix_nano - status.have_from_unix_nano, 0) / 1e9)
    yield "tapio_recorder_ring_bytes", one(status.ring_bytes)
    yield "tapio_recorder_ring_segments", one(status.segments)
    yield "tapio_recorder_journal_bytes", one(status.journal_bytes)
    yield "tapio_recorder_queue_bytes", one(status.queued_bytes)
    yield "tapio_recorder_written_bytes_total", one(status.bytes_written)
    yield "tapio_recorder_storage_failing", one(int(bool(status.storage_problem)))
    yield "tapio_recorder_freezes_pending", one(status.pending_freezes)
    yield "tapio_recorder_freezes_failed_total", one(status.failed_freezes)
    yield "tapio_recorder_freezes_suppressed_total", one(status.suppressed_freezes)
    yield "tapio_recorder_cpu_ratio", one(round(status.cpu_percent / 100, 5))
    yield "tapio_recorder_resident_bytes", one(status.resident_bytes)


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escape(value)}"' for key, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _handler(
    read_status: Callable[[], RecorderStatus | None], monotonic_ns: Callable[[], int]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "tapio-recorder"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            status = read_status()
            if self.path == "/healthz":
                live = is_live(status, monotonic_ns())
                self._answer(HTTPStatus.OK if live else HTTPStatus.SERVICE_UNAVAILABLE, _health_lines(live=live))
            elif self.path != "/metrics":
                self._answer(HTTPStatus.NOT_FOUND, ["there are /metrics and /healthz"])
            elif status is None:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, ["the recorder is starting"])
            else:
                self._answer(HTTPStatus.OK, [format_metrics(status).rstrip("\n")])

        def _answer(self, code: HTTPStatus, lines: Iterable[str]) -> None:
            body = ("\n".join(lines) + "\n").encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a scrape every 15 s is no news."""

    return Handler


def _health_lines(*, live: bool) -> list[str]:
    return ["ok"] if live else [f"the main loop has not turned for {STUCK_NS // 1_000_000_000} s"]
