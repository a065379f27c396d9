"""Source `probe`: how often the kubelet's probes of containers failed."""

from __future__ import annotations

from collections.abc import Sequence

from formats.rows.probe import COUNTER, ProbeResults
from formats.tables import probe
from recorder.conversation_source import Row
from recorder.kubelet.kubelet_source import LOSS_REASONS, OPTIONS, KubeletSource
from recorder.source import Need, Profile, SourceSpec


class ProbeSource(KubeletSource):
    """Asks the kubelet how often each probe failed, however few Events it reports about that."""

    spec = SourceSpec(
        table=probe.TABLE,
        needs=(Need.KUBELET,),
        profile=Profile.DEFAULT,
        cost="0.3 MiB and 4 ms for each answer about 110 pods; 1 MiB and 12 ms with 500",
        loss_reasons=LOSS_REASONS,
        shed_order=53,
        fallback="the source is unavailable; `kube_event` still tells of probes that fail, as far as the kubelet does",
        options={**OPTIONS, "interval_s": 15},
        opens_slowly=True,
    )
    path = "/metrics/probes"
    wanted = (COUNTER,)

    def __init__(self) -> None:
        super().__init__()
        self._results = ProbeResults()

    def make_rows(self, answer: bytes, now_ns: int) -> Sequence[Row]:
        """Which probes failed since the answer before."""
        return self._results.tell(answer, now_ns)
