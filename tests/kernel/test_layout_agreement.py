"""Kernel struct, dtype and kernel types agree, or the program is refused with the name of what differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from formats.errors import TapioError, UnavailableError
from recorder.ebpf.loader_process import load_programs
from recorder.sources.cgroup_state import CgroupStateSource
from recorder.sources.dns import DnsSource
from recorder.sources.oom import OomSource
from recorder.sources.process import ProcessSource
from recorder.sources.request import RequestSource
from recorder.sources.signal import SignalSource
from recorder.sources.syscall_error import SyscallErrorSource
from recorder.sources.tcp import TcpSource
from recorder.sources.tracepoint import TracepointSource

pytestmark = pytest.mark.kernel

WITH_A_RING = (
    CgroupStateSource,
    ProcessSource,
    OomSource,
    SignalSource,
    TcpSource,
    SyscallErrorSource,
    DnsSource,
    TracepointSource,
)


@pytest.mark.parametrize("source_type", WITH_A_RING)
def test_a_member_that_lies_elsewhere_does_not_compile_and_is_named(own_cgroup, sources, source_type) -> None:
    # GIVEN a dtype that differs from the C struct by one offset
    source = source_type()
    context = sources.context(
        source, own_cgroup, **({"events": ["sched:sched_switch"]} if source_type is TracepointSource else {})
    )
    request = source.requests(context)[0]
    record = dict(request.layouts["record"])
    name, (offset, size) = list(record.items())[-1]
    record[name] = (offset + size, size)

    # WHEN
    (result,) = load_programs([replace(request, layouts={**request.layouts, "record": record})])

    # THEN
    assert isinstance(result, TapioError)
    assert f"offset of record.{name}" in str(result)


def test_a_struct_of_another_size_does_not_compile(own_cgroup, sources) -> None:
    # GIVEN
    source = RequestSource()
    (request,) = source.requests(sources.context(source, own_cgroup))
    key = {**request.layouts["key"], "": (0, 24)}

    # WHEN
    (result,) = load_programs([replace(request, layouts={**request.layouts, "key": key})])

    # THEN
    assert "size of struct key" in str(result)


def test_a_member_that_this_kernel_lacks_is_named(own_cgroup, sources) -> None:
    # GIVEN
    source = ProcessSource()
    request = source.requests(sources.context(source, own_cgroup))[0]

    # WHEN
    results = load_programs([replace(request, offsets=(*request.offsets, "task_struct.no_such_member"))])

    # THEN
    assert "this kernel has no struct member task_struct.no_such_member" in str(results[0])


def test_without_btf_a_source_says_what_is_missing(own_cgroup, sources, tmp_path) -> None:
    # GIVEN
    source = ProcessSource()
    requests = source.requests(sources.context(source, own_cgroup))

    # WHEN
    results = load_programs(requests, tmp_path / "no-btf")

    # THEN
    for result in results:
        assert isinstance(result, UnavailableError)
        assert "CONFIG_DEBUG_INFO_BTF" in str(result)
