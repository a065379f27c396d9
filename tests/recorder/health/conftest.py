"""What tests of the checks share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from recorder.linux.clocks import read_boot_time_ns
from recorder.source import SourceContext
from recorder.sources.health import HealthSource

PATIENCE_S = 20.0


def context_of(directory: Path, **options: object) -> SourceContext:
    """Of a source `health` without a cluster."""
    chosen = {**HealthSource.spec.options, "kubeconfig": str(directory / "none"), **options}
    return SourceContext(node_name="node-1", options=chosen, boot_time_ns=read_boot_time_ns, state_directory=directory)


def wait_until(condition: Callable[[], object]) -> None:
    """Why polling: the checks run in threads."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.003)
