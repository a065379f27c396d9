"""The laws of a source. A new one in `recorder/registry.py` is tested here without a line of its own.

Sources that need Kubernetes, a kubelet or a container runtime are opened without them: then `open` must say what is missing, and
close must work.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from formats.catalog import TABLE_BY_NAME
from formats.columns import BOOT_TIME_NS, EVENT_NAME
from formats.errors import TapioError
from formats.loss import LOSS_ADVICE, LossReason
from recorder.ebpf.kernel_source import KernelSource, open_kernel_sources
from recorder.linux.clocks import read_boot_time_ns
from recorder.registry import SOURCES
from recorder.source import Need, Profile, Source, SourceContext, SourceSpec, SourceStats

IDS = [source.spec.name for source in SOURCES]
UNIFIED = next((path for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")) if path.is_dir()), None)
every_source = pytest.mark.parametrize("kind", SOURCES, ids=IDS)
PEERS = {Need.KUBERNETES, Need.KUBELET, Need.CONTAINER_RUNTIME, Need.SYSTEM_BUS}
METHODS = ("open", "drain", "snapshot", "stats", "wake_fds", "close")


class StoppableClock:
    """The boot clock until it is stopped."""

    def __init__(self) -> None:
        self._stopped_at_ns: int | None = None

    def __call__(self) -> int:
        return read_boot_time_ns() if self._stopped_at_ns is None else self._stopped_at_ns

    def stop(self) -> None:
        """It stands still from now on."""
        self._stopped_at_ns = read_boot_time_ns()


@pytest.fixture
def own_cgroup() -> Iterator[str]:
    """A cgroup of the test alone: the rest of the machine is none of its business."""
    assert UNIFIED is not None
    path = UNIFIED / f"tapio-laws-{os.getpid()}"
    path.mkdir()
    yield f"/{path.name}"
    path.rmdir()


@pytest.fixture
def clock() -> StoppableClock:
    return StoppableClock()


@pytest.fixture
def context(own_cgroup: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: StoppableClock):
    """What a source of the law tests is opened with."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def make(spec: SourceSpec) -> SourceContext:
        assert UNIFIED is not None
        return SourceContext(
            node_name="laws",
            options=dict(spec.options),
            boot_time_ns=clock,
            cgroup_ids=((UNIFIED / own_cgroup[1:]).stat().st_ino,),
            cgroup_paths=(own_cgroup,),
            state_directory=tmp_path,
        )

    return make


@every_source
def test_the_spec_tells_the_loop_what_it_needs(kind: type[Source]):
    # Kernel programs are compiled by one child for all sources, and go on to be counted while a source is shed.
    is_in_kernel = issubclass(kind, KernelSource)
    assert (kind.spec.open_together is open_kernel_sources) == is_in_kernel
    assert kind.spec.drains_when_shed == is_in_kernel
    # A peer may keep us waiting; nothing else may.
    assert kind.spec.opens_slowly == bool(PEERS & set(kind.spec.needs))


@every_source
def test_a_source_says_what_it_is(kind: type[Source]):
    spec = kind.spec
    assert TABLE_BY_NAME[spec.name] is spec.table, "its table is in the catalog"
    assert isinstance(spec.profile, Profile)
    assert all(isinstance(need, Need) for need in spec.needs)
    assert all(isinstance(reason, LossReason) and LOSS_ADVICE[reason] for reason in spec.loss_reasons)
    assert len(spec.cost) > 10, "it says what it costs"
    assert not re.search(r"TODO|FIXME|XXX|\bCOST\b", spec.cost + (spec.fallback or "")), (
        "and it is not a promise to say it"
    )
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in spec.options)


def test_every_source_has_its_own_table():
    assert len(set(IDS)) == len(IDS)
    assert sorted({*IDS, "loss"}) == sorted(TABLE_BY_NAME), "every table but `loss` has a source"


def test_the_order_of_shedding_is_decided():
    orders = [source.spec.shed_order for source in SOURCES if source.spec.shed_order is not None]
    assert len(set(orders)) == len(orders), "no two sources are shed at the same time"
    never = {source.spec.name for source in SOURCES if source.spec.shed_order is None}
    assert {"oom", "process"} <= never, "these are never shed"


@every_source
def test_a_source_keeps_to_the_interface(kind: type[Source]):
    for method in METHODS:
        expected = list(inspect.signature(getattr(Source, method)).parameters)
        assert list(inspect.signature(getattr(kind, method)).parameters) == expected, method
        assert inspect.getdoc(getattr(kind, method)), f"{method} has a docstring"
    assert inspect.getdoc(kind)
    kind()  # the recorder makes instances without arguments


@every_source
def test_a_source_that_is_not_open_gives_nothing_and_closes_twice(kind: type[Source]):
    source = kind()
    source.close()
    source.close()
    assert source.drain(1_000_000) == []
    assert source.snapshot() == []
    assert tuple(source.wake_fds()) == ()
    assert isinstance(source.stats(), SourceStats)


@pytest.mark.root
@every_source
def test_an_open_source_keeps_the_laws(kind: type[Source], context, clock: StoppableClock):
    # GIVEN a source that is open, or has said what is missing
    source = kind()
    descriptors = _count_descriptors()
    error = _try_to_open(source, context(kind.spec))
    if error is not None:
        assert error.problem, "it says what is missing"
        assert error.next_step, "and what to do"
        source.close()
        assert PEERS & set(kind.spec.needs) or kind.spec.name in {"tracepoint", "journal"}, (
            f"it should open here: {error}"
        )
        return
    try:
        # WHEN it is asked for state, and drained some times
        before = source.stats()
        begin = read_boot_time_ns()
        snapshot = source.snapshot()
        drained = list(itertools.chain.from_iterable(source.drain(20_000_000) for _ in range(3)))
        after = source.stats()
        # What a thread of the source had ready between the two is neither drained nor lost.
        for late in itertools.islice(iter(lambda: source.drain(20_000_000), []), 20):
            drained += late
            after = source.stats()

        # THEN batches are of the table, in the order of time, and within the time that has passed
        for batch in (*snapshot, *drained):
            _check_batch(kind.spec, batch)
        for batches in (snapshot, drained):
            times = [time for batch in batches for time in batch.column(BOOT_TIME_NS.name).to_pylist()]
            assert times == sorted(times)
            assert all(begin - 60_000_000_000 <= moment <= read_boot_time_ns() for moment in times)
        # AND totals only grow, for declared reasons
        rows = sum(batch.num_rows for batch in (*snapshot, *drained))
        assert after.produced >= before.produced
        # Also what a thread of the source had ready before the first look is among the rows.
        assert after.produced - sum(after.missing.values()) == rows
        assert set(after.missing) <= set(kind.spec.loss_reasons)
        assert all(after.missing.get(reason, 0) >= count for reason, count in before.missing.items())
        assert all(isinstance(fd, int) and os.fstat(fd) for fd in source.wake_fds())
        # AND as long as its interval is not over, a drain opens no file and lists no directory
        clock.stop()
        with record_file_accesses() as accesses:
            for _ in range(20):
                source.drain(20_000_000)
        assert accesses == []
    finally:
        source.close()
        source.close()
    # AND nothing stays open
    assert source.drain(1_000_000) == []
    assert _count_descriptors() <= descriptors


_accesses: list[list[str]] = []
"""The lists that are being filled. An audit hook cannot be removed, so there is one, which is idle between tests."""


def _note_access(event: str, arguments: tuple[object, ...]) -> None:
    if _accesses and event in {"open", "os.listdir", "os.scandir"}:
        _accesses[-1].append(f"{event} {arguments[0]}")


sys.addaudithook(_note_access)


@contextlib.contextmanager
def record_file_accesses() -> Iterator[list[str]]:
    """What this process opens and lists meanwhile."""
    _accesses.append([])
    try:
        yield _accesses[-1]
    finally:
        _accesses.pop()


def test_the_record_of_file_accesses_sees_all_ways_to_read(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with record_file_accesses() as accesses:
        (tmp_path / "file").read_text()
        list(tmp_path.iterdir())
        with os.scandir(tmp_path):
            pass
    assert [access.split()[0] for access in accesses] == ["open", "os.listdir", "os.scandir"]
    assert len(accesses) == 3


def _try_to_open(source: Source, context: SourceContext) -> TapioError | None:
    try:
        source.open(context)
    except TapioError as error:
        return error
    return None


def _check_batch(spec: SourceSpec, batch: pa.RecordBatch) -> None:
    assert batch.schema.equals(spec.table.drained_schema)
    batch.validate(full=True)
    assert batch.num_rows > 0
    assert set(batch.column(EVENT_NAME.name).to_pylist()) <= set(spec.table.event_names)
    for field in batch.schema:
        assert field.nullable or batch.column(field.name).null_count == 0, field.name


def _count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
