"""Source `otlp`: what instrumented programs of the node say of themselves, received over the OpenTelemetry protocol."""

from __future__ import annotations

from formats.loss import LossReason
from formats.rows.otlp_spans import SpanLimits
from formats.tables import otlp
from recorder.conversation_source import ConversationSource
from recorder.otlp.conversation import OtlpConversation
from recorder.otlp.intake import Intake, IntakeLimits
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import Profile, SourceContext, SourceSpec

_MINUTE_S = 60.0


class OtlpSource(ConversationSource):
    """Listens where it is configured to, and records outcomes of spans: no body, header, statement or message."""

    spec = SourceSpec(
        table=otlp.TABLE,
        needs=(),
        profile=Profile.LEAN,
        cost="nothing without `listen`; 0.3 ms for each request and 15 us for each span, of which max_spans_per_minute "
        "are looked at: at most 1.5 % of a core for spans",
        loss_reasons=(LossReason.RATE_LIMITED, LossReason.REJECTED, LossReason.QUEUE_FULL),
        shed_order=1,
        fallback="without it, `request` and `tcp` see what is not encrypted",
        options={
            "listen": (),
            "interval_s": 10,
            "max_spans_per_minute": 60_000,
            "max_rows_per_minute": 3_000,
            "max_request_bytes": 4 << 20,
        },
        off_without="listen",
    )
    queue_bytes = 2 << 20

    def converse(self, context: SourceContext, queue: RowQueue[ColumnsRow]) -> OtlpConversation:
        """With whoever sends.

        Raises:
            ConfigurationError: an address to listen on is none.
        """
        options = context.options
        share = float(options["interval_s"]) / _MINUTE_S
        rows = max(int(options["max_rows_per_minute"]) * share, 2)
        spans = SpanLimits(int(options["max_spans_per_minute"] * share), int(rows * 0.8), int(rows * 0.2))
        limits = IntakeLimits(request_bytes=int(options["max_request_bytes"]), spans=spans)
        return OtlpConversation(options["listen"], Intake(limits), queue, float(options["interval_s"]))
