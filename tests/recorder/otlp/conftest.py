"""What tests of the receiver share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from recorder.bounded_server import BoundedServer
from recorder.linux.clocks import read_boot_time_ns
from recorder.source import SourceContext
from recorder.sources.otlp import OtlpSource

PATIENCE_S = 20.0


def context_of(**options: object) -> SourceContext:
    """Of a source `otlp` that listens on a port of loopback."""
    chosen = {
        **OtlpSource.spec.options,
        "listen": ("127.0.0.1:0",),
        "interval_s": 0.02,
        "max_rows_per_minute": 10**7,
        **options,
    }
    return SourceContext(node_name="node-1", options=chosen, boot_time_ns=read_boot_time_ns)


def wait_until(condition: Callable[[], object]) -> None:
    """Why polling: requests are served in threads."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.003)


@contextlib.contextmanager
def serve(server: BoundedServer) -> Iterator[int]:
    """A server that serves; its port."""
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield int(server.server_address[1])
    server.close_all()
