"""What the kubelet's `/metrics/probes` says of failing probes, as rows of `probe`."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from prometheus_client.samples import Sample

from formats.rows.kubelet_metrics import Growth, SampleReader, as_int64, read_label
from formats.severity import SeverityNumber

Row: TypeAlias = dict[str, Any]
"""Columns of the table `probe`, all but `boot_time_ns`."""
COUNTER = "prober_probe_total"
_TYPES = frozenset({"liveness", "readiness", "startup"})
_RESULTS = frozenset({"failed", "successful", "unknown"})


class _Probe(NamedTuple):
    type: str
    namespace: str
    pod: str
    pod_uid: str
    container: str


class ProbeResults:
    """Compares each answer with the one before."""

    def __init__(self) -> None:
        self._reader: SampleReader[tuple[_Probe, str]] = SampleReader(_identify)
        self._growth: Growth[_Probe] = Growth()
        self._failing: set[_Probe] = set()

    def tell(self, answer: bytes, now_ns: int) -> list[Row]:
        """The rows of probes that failed since the answer before, or no longer fail.

        Args:
            answer: Prometheus text.
            now_ns: when it came; any clock.

        Raises:
            ValueError: it is not Prometheus text.
        """
        probes, interval_ns = self._growth.since_last(dict(self._reader.read(answer)), now_ns)
        self._failing &= probes.keys()
        return [row for probe, results in probes.items() if (row := self._make_row(probe, results, interval_ns))]

    def _make_row(self, probe: _Probe, results: dict[str, float], interval_ns: int) -> Row | None:
        failed, unknown, successful = (as_int64(results.get(name, 0)) for name in ("failed", "unknown", "successful"))
        is_failing, was_failing = failed + unknown > 0, probe in self._failing
        if not is_failing and not (was_failing and successful):
            return None  # with no result at all, it is not known whether it still fails
        if is_failing:
            self._failing.add(probe)
        else:
            self._failing.remove(probe)
        return {
            "event_name": "probe.failed" if is_failing else "probe.recovered",
            "severity_number": SeverityNumber.WARN if is_failing else SeverityNumber.INFO,
            "probe.type": probe.type,
            "k8s.namespace.name": probe.namespace,
            "k8s.pod.name": probe.pod,
            "k8s.pod.uid": probe.pod_uid,
            "k8s.container.name": probe.container,
            "probe.failed": failed,
            "probe.unknown": unknown,
            "probe.successful": successful,
            "probe.interval_ns": interval_ns,
        }


def _identify(sample: Sample) -> tuple[_Probe, str] | None:
    """The probe and the result that a sample counts."""
    probe = _Probe(
        read_label(sample, "probe_type").lower(),
        read_label(sample, "namespace"),
        read_label(sample, "pod"),
        read_label(sample, "pod_uid"),
        read_label(sample, "container"),
    )
    result = read_label(sample, "result")
    is_wanted = sample.name == COUNTER and probe.type in _TYPES and result in _RESULTS
    return (probe, result) if is_wanted else None
