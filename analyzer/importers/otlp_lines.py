"""Recorded export requests of OpenTelemetry, line by line.

One JSON object per line, `{"t": unix ns, "boot_ns": boot clock ns, "signal": "traces", "request_b64": …}` with the
request in base64. Requests of other signals are passed over.
"""

from __future__ import annotations

import base64

from analyzer.importers.recording import Recording
from formats.clock import Instant
from formats.loss import LossReason
from formats.rows.kube_json import Json, text
from formats.rows.otlp_spans import SpanLimits, SpanTally

INTERVAL_NS = 10_000_000_000
"""Spans of so long are summed up, as the recorder does by default."""


class OtlpLines:
    """Feeds a recording from lines, in the order of the file, by what the recorder does with requests.

    Args:
        recording: gets the rows.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._tally = SpanTally(SpanLimits())
        self._begin: Instant | None = None
        self._last = Instant(0, 0)

    def read(self, line: Json, at: Instant) -> bool:
        """Take one line; False if it has no request that can be read."""
        if text(line, "signal") != "traces":
            return True
        if self._begin is not None and at.boot_ns - self._begin.boot_ns >= INTERVAL_NS:
            self._tell()
        self._begin = self._begin or at
        self._last = at
        try:
            self._tally.tell(base64.b64decode(line["request_b64"], validate=True))
        except ValueError:
            return False
        return True

    def end(self) -> None:
        """Record what is left, and count what was over a limit."""
        self._tell()
        limited, malformed = self._tally.rate_limited, self._tally.malformed
        for reason, count in ((LossReason.RATE_LIMITED, limited), (LossReason.REJECTED, malformed)):
            if count:
                self._recording.add_loss("otlp", reason, count, since=self._last, until=self._last, detail="spans")

    def _tell(self) -> None:
        if self._begin is not None:
            self._recording.add_rows("otlp", self._tally.take(), self._last)
        self._begin = None


def is_otlp_line(line: Json | None) -> bool:
    """Whether a line is an export request."""
    return line is not None and isinstance(line.get("signal"), str) and isinstance(line.get("request_b64"), str)
