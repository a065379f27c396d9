"""Source `kubelet`: work of the kubelet that fails or is slow."""

from __future__ import annotations

from collections.abc import Sequence

from formats.rows.kubelet_work import METRICS, KubeletWork
from formats.tables import kubelet
from recorder.conversation_source import Row
from recorder.kubelet.kubelet_source import LOSS_REASONS, OPTIONS, KubeletSource
from recorder.source import Need, Profile, SourceSpec


class KubeletOwnSource(KubeletSource):
    """Asks the kubelet how its own work goes: looking for changed containers, the runtime, the API server."""

    spec = SourceSpec(
        table=kubelet.TABLE,
        needs=(Need.KUBELET,),
        profile=Profile.DEFAULT,
        cost="0.1 MiB and 3 ms for each answer, of which the kubelet sends 300 kB",
        loss_reasons=LOSS_REASONS,
        shed_order=52,
        fallback="the source is unavailable; `kube_object` still tells when the node becomes not ready",
        options={**OPTIONS, "interval_s": 30},
        opens_slowly=True,
    )
    path = "/metrics"
    wanted = METRICS

    def __init__(self) -> None:
        super().__init__()
        self._work = KubeletWork()

    def make_rows(self, answer: bytes, now_ns: int) -> Sequence[Row]:
        """What failed or was slow since the answer before."""
        return self._work.tell(answer, now_ns)
