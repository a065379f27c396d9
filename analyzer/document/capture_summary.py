"""The document's summary of the capture: how much was recorded, what is missing, and what the analyzer left out."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.model.engine import Engine
from analyzer.model.losses import read_clock_errors
from analyzer.model.segment_reading import Window, count_rows
from formats.capture.reading import Capture
from formats.loss import LOSS_ADVICE, LossReason
from formats.postmortem.recording import ANALYSIS_LIMIT, CaptureSummary, LossRow
from formats.times import format_time

MAX_LOSSES_SHOWN = 1_000

CLUSTER_LABELS = ("kubernetes.azure.com/cluster", "alpha.eksctl.io/cluster-name", "cluster.x-k8s.io/cluster-name")
"""Labels of Nodes that have the name of their cluster. Source: documentation of AKS, eksctl and Cluster API."""


def summarize_capture(
    engine: Engine, capture: Capture, window: Window, *, symptoms_left_out: int, edges_left_out: int
) -> CaptureSummary:
    """The summary.

    Args:
        engine: its database holds `capture_window`, `missing`, `clock_error`, `node_version` and `object_version`.
        capture: the same, opened.
        window: what of it was looked at.
        symptoms_left_out: symptoms that the document does not show because there are too many.
        edges_left_out: edges of the causality graph, likewise.
    """
    begin, end = engine.rows("SELECT from_ns, to_ns FROM capture_window")[0]
    tables = count_rows(capture, window)
    return CaptureSummary(
        id=capture.id,
        nodes=capture.nodes,
        begin=format_time(begin),
        end=format_time(end),
        events=sum(tables.values()),
        tables=dict(sorted(tables.items())),
        loss=(
            *_losses(engine),
            *_limits(symptoms_left_out, edges_left_out, (begin, end)),
        ),
        clock_error_ns=(
            read_clock_errors(engine).worst_ns
            if len(capture.nodes) > 1
            else engine.value("SELECT max(error_ns) FROM clock_error")
        ),
        frozen_because=capture.info.frozen_because,
        cluster=_find_cluster(engine),
    )


def _find_cluster(engine: Engine) -> str | None:
    """What identifies the cluster: no object of Kubernetes has its name, only what made the nodes may label them."""
    labels = ", ".join(f"labels['{label}']" for label in CLUSTER_LABELS)
    name: str | None = engine.value(f"SELECT min(nullif(coalesce({labels}), '')) FROM node_version")  # noqa: S608 - ours
    uid: str | None = engine.value(
        "SELECT min(uid) FROM object_version WHERE kind = 'Namespace' AND name = 'kube-system'"
    )
    return name or uid


def _losses(engine: Engine) -> Iterator[LossRow]:
    rows = engine.rows(
        """
        SELECT table_name, reason, count, node, from_ns, to_ns, coalesce(detail, '') AS detail
        FROM missing ORDER BY from_ns, table_name, reason, node, to_ns, detail LIMIT ?
        """,
        [MAX_LOSSES_SHOWN],
    )
    for table, reason, count, node, begin, end, detail in rows:
        yield LossRow(
            table=table,
            reason=reason,
            count=count,
            node=node,
            begin=format_time(begin),
            end=format_time(end),
            detail=detail,
            advice=LOSS_ADVICE[LossReason(reason)] if reason in set(LossReason) else "",
        )


def _limits(symptoms_left_out: int, edges_left_out: int, window: tuple[int, int]) -> Iterator[LossRow]:
    """What the analyzer itself left out, said as the losses of the recorder are."""
    for what, count in (
        ("symptom", symptoms_left_out),
        ("edge", edges_left_out),
    ):
        if count:
            yield LossRow(
                table=what,
                reason=ANALYSIS_LIMIT,
                count=count,
                node="",
                begin=format_time(window[0]),
                end=format_time(window[1]),
                detail=f"{count:,} of the least severe or least certain were omitted",
                advice="narrow the window with --from and --to",
            )
