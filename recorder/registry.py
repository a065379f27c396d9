"""The one visible list of sources. Adding a source = adding a file in `recorder/sources/` and its line here."""

from __future__ import annotations

from recorder.source import Source
from recorder.sources.block_io import BlockIoSource
from recorder.sources.cgroup_state import CgroupStateSource
from recorder.sources.clock import ClockSource
from recorder.sources.container import ContainerSource
from recorder.sources.cpu import CpuSource
from recorder.sources.dns import DnsSource
from recorder.sources.file import FileSource
from recorder.sources.filesystem import FilesystemSource
from recorder.sources.health import HealthSource
from recorder.sources.interface_state import InterfaceStateSource
from recorder.sources.journal import JournalSource
from recorder.sources.kube_event import KubeEventSource
from recorder.sources.kube_object import KubeObjectSource
from recorder.sources.kubelet import KubeletOwnSource
from recorder.sources.link import LinkSource
from recorder.sources.memory import MemorySource
from recorder.sources.oom import OomSource
from recorder.sources.otlp import OtlpSource
from recorder.sources.pressure import PressureSource
from recorder.sources.probe import ProbeSource
from recorder.sources.process import ProcessSource
from recorder.sources.process_stall import ProcessStallSource
from recorder.sources.process_state import ProcessStateSource
from recorder.sources.request import RequestSource
from recorder.sources.run_queue import RunQueueSource
from recorder.sources.signal import SignalSource
from recorder.sources.socket_state import SocketStateSource
from recorder.sources.storage_usage import StorageUsageSource
from recorder.sources.syscall_error import SyscallErrorSource
from recorder.sources.systemd import SystemdSource
from recorder.sources.tcp import TcpSource
from recorder.sources.tracepoint import TracepointSource

SOURCES: tuple[type[Source], ...] = (
    ClockSource,
    CgroupStateSource,
    ProcessStateSource,
    SocketStateSource,
    InterfaceStateSource,
    LinkSource,
    OomSource,
    ProcessSource,
    SignalSource,
    TcpSource,
    SyscallErrorSource,
    RequestSource,
    OtlpSource,
    DnsSource,
    BlockIoSource,
    FileSource,
    RunQueueSource,
    TracepointSource,
    MemorySource,
    CpuSource,
    PressureSource,
    ProcessStallSource,
    FilesystemSource,
    HealthSource,
    ContainerSource,
    StorageUsageSource,
    ProbeSource,
    KubeletOwnSource,
    SystemdSource,
    JournalSource,
    KubeObjectSource,
    KubeEventSource,
)
"""In the order in which they are drained and report their state."""
