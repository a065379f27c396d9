"""What is done with an export request, whatever protocol brought it: unpacked within limits, and summed up."""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass, field
from enum import Enum

from formats.rows.otlp_messages import MESSAGES
from formats.rows.otlp_spans import Row, SpanLimits, SpanTally

IDLE_S = 60.0
"""A connection on which no request begins for so long is closed: exporters send every 5 to 60 s."""
REQUEST_S = 10.0
"""For the rest of a request. Why: exporters give up after 10 s."""
GZIP_WINDOW = 31
"""`wbits` of zlib for gzip alone."""


class Refusal(Enum):
    """Why a request is not taken."""

    MALFORMED = "the request is not an export request of OpenTelemetry in protobuf"
    TOO_LARGE = "the request is too large; send smaller batches"
    BUSY = "the recorder is busy; send it again later"


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How much is taken.

    Attributes:
        request_bytes: of one request, as sent and after decompression.
        waiting_bytes: of all requests that are being received.
        patience_s: longest time that one waits for others to be looked at.
        spans: limits of what an interval may have.
    """

    request_bytes: int = 4 << 20
    waiting_bytes: int = 16 << 20
    patience_s: float = 1.0
    spans: SpanLimits = field(default_factory=SpanLimits)


class Intake:
    """Takes requests of any thread, one at a time.

    Args:
        limits: how much is taken.
    """

    def __init__(self, limits: IntakeLimits) -> None:
        self.limits = limits
        self._spans = SpanTally(limits.spans)
        self._looking = threading.Lock()
        self._counting = threading.Lock()
        self._waiting_bytes = 0
        self._refused = 0

    @property
    def rate_limited(self) -> int:
        """Spans that were over a limit."""
        return self._spans.rate_limited

    @property
    def rejected(self) -> int:
        """Spans that are none, and requests that are none or too large."""
        return self._spans.malformed + self._refused

    def reserve(self, size: int) -> bool:
        """Whether so many bytes more may be received; then `release` gives them back."""
        with self._counting:
            if self._waiting_bytes + size > self.limits.waiting_bytes:
                return False
            self._waiting_bytes += size
            return True

    def release(self, size: int) -> None:
        """The bytes of a request that has been looked at, or given up."""
        with self._counting:
            self._waiting_bytes -= size

    def take_spans(self, body: bytes, *, is_gzip: bool, sender: str) -> bytes | Refusal:
        """Take an ExportTraceServiceRequest.

        Args:
            body: as sent.
            is_gzip: whether it is compressed.
            sender: address of who sent it.

        Returns:
            The response, or why there is none.
        """
        if not self._looking.acquire(timeout=self.limits.patience_s):
            return Refusal.BUSY
        try:
            if is_gzip:
                body = _decompress(body, self.limits.request_bytes)
            if len(body) > self.limits.request_bytes:
                return self.refuse(Refusal.TOO_LARGE)
            rejected = self._spans.tell(body, sender)
        except (ValueError, zlib.error):
            return self.refuse(Refusal.MALFORMED)
        finally:
            self._looking.release()
        response = MESSAGES["Response"]()
        if rejected:
            response.partial_success.rejected = rejected
            response.partial_success.error_message = "more than the recorder takes in an interval, or not spans"
        encoded: bytes = response.SerializeToString()
        return encoded

    def refuse(self, refusal: Refusal) -> Refusal:
        """Count a request that is not taken, and will not be taken when it is sent again."""
        with self._counting:
            self._refused += 1
        return refusal

    def take_rows(self) -> list[Row]:
        """The rows of the interval, which begins anew."""
        with self._looking:
            return self._spans.take()


def _decompress(body: bytes, limit: int) -> bytes:
    """At most one byte more than the limit: whoever asks sees that it is too much.

    Raises:
        ValueError: it is cut off.
        zlib.error: it is not gzip.
    """
    decompressor = zlib.decompressobj(GZIP_WINDOW)
    expanded = decompressor.decompress(body, limit + 1)
    if not decompressor.eof and len(expanded) <= limit:
        raise ValueError("the compressed request is cut off")
    return expanded
