"""The one visible list of sources. Adding a source = adding a file in `recorder/sources/` and its line here."""

from __future__ import annotations

from recorder.source import Source
from recorder.sources.cgroup_state import CgroupStateSource
from recorder.sources.clock import ClockSource
from recorder.sources.interface_state import InterfaceStateSource
from recorder.sources.memory import MemorySource
from recorder.sources.oom import OomSource
from recorder.sources.pressure import PressureSource
from recorder.sources.process import ProcessSource
from recorder.sources.process_state import ProcessStateSource
from recorder.sources.socket_state import SocketStateSource

SOURCES: tuple[type[Source], ...] = (
    ClockSource,
    CgroupStateSource,
    ProcessStateSource,
    SocketStateSource,
    InterfaceStateSource,
    OomSource,
    ProcessSource,
    MemorySource,
    PressureSource,
)
"""In the order in which they are drained and their state is told."""
