"""Sources that ask the kubelet: what they record of real-looking answers, and what happens when there are none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from formats.errors import UnavailableError
from formats.loss import LossReason
from recorder.kubelet import kubelet_source
from recorder.kubelet.kubelet_source import KubeletSource
from recorder.sources.kubelet import KubeletOwnSource
from recorder.sources.probe import ProbeSource
from recorder.sources.storage_usage import StorageUsageSource
from tests.recorder.kubelet.fake_kubelet import FakeKubelet, probe_line, summary, usage
from tests.recorder.sources.fake_host import rows_of

PATIENCE_S = 20.0


class Asking:
    """A source that asks a fake kubelet, and all that it gave."""

    def __init__(self, kubelet: FakeKubelet, source: KubeletSource) -> None:
        self.kubelet, self.source = kubelet, source
        self.rows: list[dict[str, object]] = []
        source.open(kubelet.context(source.spec.options))

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Drain until the condition holds. Why polling: the peer is a real server."""
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while True:
            self.rows += rows_of(self.source.drain(10**9))
            if condition():
                return
            assert time.monotonic() < deadline, (self.source.stats(), self.rows)
            pause.wait(0.003)

    def wait_for_answers(self) -> None:
        """Two more answers: the first one may have been under way."""
        asked = len(self.kubelet.asked)
        self.wait_until(lambda: len(self.kubelet.asked) >= asked + 2)


@pytest.fixture
def ask(kubelet: FakeKubelet) -> Iterator[Callable[[KubeletSource], Asking]]:
    opened: list[Asking] = []

    def begin(source: KubeletSource) -> Asking:
        opened.append(Asking(kubelet, source))
        return opened[-1]

    yield begin
    for asking in opened:
        asking.source.close()


def test_storage_is_recorded_when_it_changes_and_at_the_start_of_a_segment(
    kubelet: FakeKubelet, ask: Callable[[KubeletSource], Asking]
) -> None:
    kubelet.answers["/stats/summary"] = summary(**{"ephemeral-storage": usage(100)})
    asking = ask(StorageUsageSource())
    asking.wait_for_answers()
    assert [row["storage.kind"] for row in asking.rows] == ["node", "images", "pod"]
    # WHEN a Pod stores more
    kubelet.answers["/stats/summary"] = summary(**{"ephemeral-storage": usage(200)})
    asking.wait_until(lambda: len(asking.rows) == 4)
    assert asking.rows[3]["storage.used_bytes"] == 200
    assert len(rows_of(asking.source.snapshot())) == 3
    assert asking.source.stats().produced == 7


def test_probes_that_fail_and_work_that_fails_are_recorded_until_they_are_well(
    kubelet: FakeKubelet, ask: Callable[[KubeletSource], Asking]
) -> None:
    def tell(failed: int, successful: int) -> None:
        kubelet.answers["/metrics/probes"] = (
            probe_line("failed", failed) + probe_line("successful", successful)
        ).encode()
        code = f'rest_client_requests_total{{code="<error>"}} {failed}\n' * bool(failed)
        kubelet.answers["/metrics"] = f'{code}rest_client_requests_total{{code="200"}} {successful}\n'.encode()

    tell(5, 1)
    askings = [ask(ProbeSource()), ask(KubeletOwnSource())]
    for asking in askings:
        asking.wait_for_answers()
        assert asking.rows == [], "what was counted before the first look is not known to be new"
    tell(7, 2)
    for asking in askings:
        asking.wait_until(lambda asking=asking: asking.rows)
    tell(7, 3)
    for asking in askings:
        asking.wait_until(lambda asking=asking: len(asking.rows) == 2)
    probe, work = (asking.rows for asking in askings)
    assert [row["event_name"] for row in probe + work] == [
        "probe.failed", "probe.recovered", "kubelet.troubled", "kubelet.recovered",
    ]  # fmt: skip
    assert (probe[0]["probe.failed"], work[0]["kubelet.failed"]) == (2, 2)


def test_a_kubelet_that_stops_answering_fails_the_source_and_nothing_is_forgotten(
    kubelet: FakeKubelet, ask: Callable[[KubeletSource], Asking]
) -> None:
    kubelet.answers["/metrics/probes"] = probe_line("failed", 1).encode()
    asking = ask(ProbeSource())
    # WHEN it refuses
    kubelet.answers["/metrics/probes"] = 403
    with pytest.raises(UnavailableError, match="returned 403"):
        asking.wait_until(lambda: False)
    asking.source.close()
    # THEN it cannot be opened, and when it can, it tells what happened meanwhile
    with pytest.raises(UnavailableError, match="returned 403"):
        asking.source.open(kubelet.context(ProbeSource.spec.options))
    kubelet.answers["/metrics/probes"] = probe_line("failed", 4).encode()
    asking.source.open(kubelet.context(ProbeSource.spec.options))
    asking.wait_until(lambda: asking.rows)
    assert asking.rows[0]["probe.failed"] == 3


def test_an_answer_that_cannot_be_read_is_counted(kubelet: FakeKubelet, ask: Callable[[KubeletSource], Asking]) -> None:
    kubelet.answers["/stats/summary"] = b'{"node": 5}'
    asking = ask(StorageUsageSource())
    stats = asking.source.stats()
    assert stats.missing == {LossReason.REJECTED: 1}
    assert "cannot be read" in stats.detail
    kubelet.answers["/stats/summary"] = summary()
    asking.wait_until(lambda: not asking.source.stats().detail)


def test_more_rows_than_one_answer_may_make_are_counted(
    kubelet: FakeKubelet, ask: Callable[[KubeletSource], Asking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubelet_source, "MAX_ROWS", 2)
    kubelet.answers["/stats/summary"] = summary(**{"ephemeral-storage": usage(100)})
    asking = ask(StorageUsageSource())
    stats = asking.source.stats()
    assert (stats.produced, stats.missing) == (3, {LossReason.QUEUE_FULL: 1})
    assert len(rows_of(asking.source.drain(10**9))) == 2
    assert len(rows_of(asking.source.snapshot())) == 2
