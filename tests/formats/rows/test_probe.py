"""Counts of failing probes, as a kubelet serves them."""

from __future__ import annotations

import pytest

from formats.rows.probe import ProbeResults
from formats.severity import SeverityNumber
from tests.recorder.kubelet.fake_kubelet import UID, probe_line

SECOND = 1_000_000_000


def told(
    results: ProbeResults, second: int, failed: float, successful: float, unknown: float = 0
) -> list[dict[str, object]]:
    counts = {"failed": failed, "successful": successful, "unknown": unknown}
    return results.tell("".join(probe_line(name, count) for name, count in counts.items()).encode(), second * SECOND)


def test_a_row_says_how_often_a_probe_failed_and_one_that_it_no_longer_does() -> None:
    results = ProbeResults()
    assert told(results, 0, 3, 10) == []
    assert told(results, 15, 3, 11) == []
    (row,) = told(results, 30, 5, 12, 1)
    assert row == {
        "event_name": "probe.failed",
        "severity_number": SeverityNumber.WARN,
        "probe.type": "liveness",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "store-0",
        "k8s.pod.uid": UID,
        "k8s.container.name": "store",
        "probe.failed": 2,
        "probe.unknown": 1,
        "probe.successful": 1,
        "probe.interval_ns": 15 * SECOND,
    }
    assert told(results, 45, 5, 12, 1) == [], "without a result it is not known to be over"
    assert [row["event_name"] for row in told(results, 60, 5, 13, 1)] == ["probe.recovered"]
    assert told(results, 75, 5, 14, 1) == []


def test_counters_begin_again_with_the_kubelet_and_new_ones_begin_at_zero() -> None:
    results = ProbeResults()
    told(results, 0, 9, 10)
    assert [row["probe.failed"] for row in told(results, 15, 2, 1)] == [2]
    other = probe_line("failed", 4, "Startup", container="side") + probe_line("failed", 2)
    (row,) = results.tell(other.encode(), 30 * SECOND)
    assert (row["probe.type"], row["k8s.container.name"], row["probe.failed"]) == ("startup", "side", 4)


@pytest.mark.parametrize(
    "line",
    [
        probe_line("failed", 9).replace("9\n", "NaN\n"),
        probe_line("failed", 9).replace("9\n", "+Inf\n"),
        probe_line("failed", -1),
        probe_line("failed", 9, "Sometimes"),
        probe_line("maybe", 9),
        probe_line("failed", 9).replace("prober_", "other_"),
    ],
)
def test_what_is_no_count_of_a_probe_is_not_counted(line: str) -> None:
    results = ProbeResults()
    results.tell(b"", 0)
    assert results.tell(line.encode(), SECOND) == []


def test_what_is_no_metrics_is_refused() -> None:
    with pytest.raises(ValueError, match=r".*"):
        ProbeResults().tell(b"prober_probe_total{a 1\n", 0)


def test_numbers_are_as_large_as_a_column() -> None:
    results = ProbeResults()
    results.tell(b"", 0)
    (row,) = results.tell(probe_line("failed", 1e300).encode(), SECOND)
    assert row["probe.failed"] == 2**63 - 1
