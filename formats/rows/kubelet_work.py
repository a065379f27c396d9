"""What the kubelet's `/metrics` says of its own work that fails or is slow, as rows of `kubelet`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple, TypeAlias

from prometheus_client.samples import Sample

from formats.rows.kubelet_metrics import Growth, SampleReader, as_int64, read_label
from formats.severity import SeverityNumber

Row: TypeAlias = dict[str, Any]
"""Columns of the table `kubelet`, all but `boot_time_ns`."""
METRICS = (
    "kubelet_pleg_relist_duration_seconds_sum",
    "kubelet_pleg_relist_duration_seconds_count",
    "kubelet_runtime_operations_errors_total",
    "kubelet_runtime_operations_duration_seconds_sum",
    "kubelet_runtime_operations_duration_seconds_count",
    "rest_client_requests_total",
)
"""Beginnings of the lines that are read: some per cent of all."""
SLOW_S = 1.0
"""Mean duration from which on work is recorded. Why: the kubelet looks for changed containers once per second."""
HELD_UP = 0.3
"""Share of the time from which on relisting is recorded; a kubelet that is well spends some per cent."""
_COUNT, _FAILED, _SECONDS = "count", "failed", "seconds"
_MEANINGS = {
    "kubelet_pleg_relist_duration_seconds_sum": ("relist", _SECONDS),
    "kubelet_pleg_relist_duration_seconds_count": ("relist", _COUNT),
    "kubelet_runtime_operations_errors_total": ("runtime", _FAILED),
    "kubelet_runtime_operations_duration_seconds_sum": ("runtime", _SECONDS),
    "kubelet_runtime_operations_duration_seconds_count": ("runtime", _COUNT),
}
_QUERIES = frozenset(
    {"list_containers", "list_podsandbox", "list_container_stats", "list_images", "image_fs_info", "status", "version"}
)
"""Operations that a runtime which works answers at once. Others wait (stopping a container, pulling an image), or fail
for what Events tell with a message (starting a sandbox), or for containers that were just removed."""
_REFUSED = frozenset({"401", "429"})


class _Work(NamedTuple):
    kind: str
    operation: str


class KubeletWork:
    """Compares each answer with the one before."""

    def __init__(self) -> None:
        self._reader: SampleReader[tuple[tuple[_Work, str], ...]] = SampleReader(_identify)
        self._growth: Growth[_Work] = Growth()
        self._troubled: set[_Work] = set()

    def tell(self, answer: bytes, now_ns: int) -> list[Row]:
        """The rows of work that failed or was slow since the answer before, or is well again.

        Args:
            answer: Prometheus text.
            now_ns: when it came; any clock.

        Raises:
            ValueError: it is not Prometheus text.
        """
        counters: defaultdict[tuple[_Work, str], float] = defaultdict(float)
        for keys, value in self._reader.read(answer):
            for key in keys:
                counters[key] += value
        works, interval_ns = self._growth.since_last(counters, now_ns)
        self._troubled &= works.keys()
        return [row for work, figures in works.items() if (row := self._make_row(work, figures, interval_ns))]

    def _make_row(self, work: _Work, figures: dict[str, float], interval_ns: int) -> Row | None:
        count, failed, seconds = (figures.get(name, 0.0) for name in (_COUNT, _FAILED, _SECONDS))
        count = max(count, failed)
        is_slow = count >= 1 and seconds / count >= SLOW_S
        # One relist that hangs is followed by many that do not.
        is_held_up = work.kind == "relist" and seconds * 1e9 >= interval_ns * HELD_UP
        is_troubled = failed >= 1 or is_slow or is_held_up
        was_troubled = work in self._troubled
        if not is_troubled and not (was_troubled and count):
            return None  # what was not tried may still fail
        if is_troubled:
            self._troubled.add(work)
        else:
            self._troubled.remove(work)
        return {
            "event_name": "kubelet.troubled" if is_troubled else "kubelet.recovered",
            "severity_number": SeverityNumber.WARN if is_troubled else SeverityNumber.INFO,
            "kubelet.work": work.kind,
            "kubelet.operation": work.operation or None,
            "kubelet.count": as_int64(count),
            "kubelet.failed": as_int64(failed),
            "kubelet.duration_ns": None if work.kind == "api_request" else as_int64(seconds * 1e9),
            "kubelet.interval_ns": interval_ns,
        }


def _identify(sample: Sample) -> tuple[tuple[_Work, str], ...]:
    """What a sample counts."""
    if sample.name == "rest_client_requests_total":
        code, work = read_label(sample, "code"), _Work("api_request", "")
        # `<error>` is how client-go counts a request without a response.
        has_failed = code in _REFUSED or code.startswith("5") or not code.isdigit()
        return ((work, _COUNT), (work, _FAILED)) if has_failed else ((work, _COUNT),)
    kind, figure = _MEANINGS.get(sample.name, ("", ""))
    operation = read_label(sample, "operation_type")
    is_wanted = kind == "relist" or operation in _QUERIES
    return ((_Work(kind, operation), figure),) if kind and is_wanted else ()
