"""The recorder's metrics: the newest snapshot as metric families, in the formats that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from recorder.status import RecorderStatus

_OPENMETRICS = "application/openmetrics-text"


class StatusCollector(Collector):
    """One snapshot of the recorder as metrics.

    Args:
        status: the snapshot.
    """

    def __init__(self, status: RecorderStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Every metric with its type, meaning and samples; docs/configuration.md lists them, and a test compares."""
        status = self._status
        who = {"version": status.version, "node": status.node_name, "profile": status.profile}
        yield InfoMetricFamily("tapio_recorder", "Always 1; the labels identify the recorder.", value=who)
        yield _counter(
            "events",
            "Rows written to the journal since the start, by table.",
            [((table,), rows) for table, rows in sorted(status.written.items())],
            labels=("table",),
        )
        yield _counter(
            "lost_events",
            "Events known to be missing since the start, by table and reason.",
            [((table, reason), count) for table, reason, count in sorted(status.losses)],
            labels=("table", "reason"),
        )
        yield _gauge(
            "source_up",
            "1 if the source is running, 0 if it is starting, unavailable, failed or shed.",
            [((source.name,), source.state == "recording") for source in status.sources],
            labels=("source",),
        )
        yield _counter(
            "source_restarts",
            "Number of times the source was reopened.",
            [((source.name,), source.restarts) for source in status.sources],
            labels=("source",),
        )
        window_ns = max(status.have_to_unix_nano - status.have_from_unix_nano, 0)
        yield _gauge("window_seconds", "How far back a freeze can reach at present.", _one(window_ns / 1e9))
        yield _gauge("ring_bytes", "Sealed segments on disk.", _one(status.ring_bytes))
        yield _gauge("ring_segments", "Number of sealed segments.", _one(status.segments))
        yield _gauge("journal_bytes", "Journals on disk that are not sealed yet.", _one(status.journal_bytes))
        yield _gauge("queue_bytes", "Memory used by data waiting for the disk.", _one(status.queued_bytes))
        yield _counter("written_bytes", "Bytes written to journals since the start.", _one(status.bytes_written))
        is_failing = bool(status.storage_problem)
        yield _gauge("storage_failing", "1 if nothing can be written or sealed at present.", _one(is_failing))
        yield _gauge("freezes_pending", "Captures in progress.", _one(status.pending_freezes))
        yield _counter("freezes_failed", "Freezes that failed.", _one(status.failed_freezes))
        upload = status.upload
        yield _gauge("uploads_waiting", "Captures that are not at the destination yet.", _one(upload.waiting))
        yield _counter("uploads", "Captures uploaded since the start.", _one(upload.uploaded))
        is_stuck = bool(upload.problem)
        yield _gauge("upload_failing", "1 if the last attempt to upload failed.", _one(is_stuck))
        role = status.election.role
        leads = "1 if this recorder was elected to record what is cluster-wide, or records it as there is no election."
        yield _gauge("leader", leads, _one(role != "candidate"))
        too_soon = "Triggers ignored because they came too soon after the previous one."
        yield _counter("freezes_suppressed", too_soon, _one(status.suppressed_freezes))
        cpu_ratio = round(status.cpu_percent / 100, 5)
        yield _gauge(
            "cpu_ratio",
            "CPU used by the recorder over the last 10 s, 1 = one core, without child processes.",
            _one(cpu_ratio),
        )
        yield _gauge("resident_bytes", "Resident memory of the recorder.", _one(status.resident_bytes))


def format_metrics(status: RecorderStatus, accept: str = "") -> tuple[bytes, str]:
    """The snapshot as the answer to a scrape.

    Args:
        status: the snapshot.
        accept: the request's Accept header. OpenMetrics 1.0 is given to who accepts it, else the text format 0.0.4.

    Returns:
        The text, and its content type.
    """
    registry = CollectorRegistry()  # its own: the default one adds metrics of the interpreter and the platform
    registry.register(StatusCollector(status))
    accepted = {media_type.partition(";")[0].strip() for media_type in accept.split(",")}
    # Why not the whole header: it would echo a client's version into ours.
    encode, content_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accepted else "")
    return encode(registry), content_type


_Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values of the labels, and the value."""


def _one(value: float) -> _Samples:
    return [((), value)]


def _gauge(name: str, meaning: str, samples: _Samples, labels: tuple[str, ...] = ()) -> Metric:
    family = GaugeMetricFamily(f"tapio_recorder_{name}", meaning, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _counter(name: str, meaning: str, samples: _Samples, labels: tuple[str, ...] = ()) -> Metric:
    """A counter; the formats add `_total` to the name of its samples."""
    family = CounterMetricFamily(f"tapio_recorder_{name}", meaning, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
