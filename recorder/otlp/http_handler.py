"""OpenTelemetry over HTTP/1.1: POST of protobuf to `/v1/traces`."""

from __future__ import annotations

import io
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from formats.rows.otlp_messages import MESSAGES
from recorder.otlp.intake import IDLE_S, REQUEST_S, Intake, Refusal
from recorder.otlp.timed_reader import TimedReader

HEAD_BYTES = 16 << 10
"""Of the first line and the headers of a request."""
_CHUNK = 64 << 10
_PROTOBUF = "application/x-protobuf"
_STATUSES = {
    Refusal.MALFORMED: (HTTPStatus.BAD_REQUEST, 3),
    Refusal.TOO_LARGE: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 8),
    Refusal.BUSY: (HTTPStatus.TOO_MANY_REQUESTS, 14),
}
"""The status of HTTP and the code of google.rpc.Status for each refusal."""


def make_handler(intake: Intake) -> type[BaseHTTPRequestHandler]:
    """The class that serves a connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "tapio-recorder"
        sys_version = ""
        timeout = REQUEST_S  # for what is sent

        def setup(self) -> None:
            super().setup()
            self.rfile.close()
            self._reader = TimedReader(self.connection)
            self.rfile = self._buffer = io.BufferedReader(self._reader)

        def handle_one_request(self) -> None:
            self._reader.allow(seconds=IDLE_S, size=1)
            self.close_connection = True
            if self._buffer.peek(1):
                self._reader.allow(seconds=REQUEST_S, size=HEAD_BYTES)
                super().handle_one_request()

        def do_POST(self) -> None:
            if self.path != "/v1/traces":
                self._fail(HTTPStatus.NOT_FOUND, 5, "only traces are recorded: POST to /v1/traces")
            elif self.headers.get_content_type() != _PROTOBUF:
                self._fail(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 3, f"only {_PROTOBUF} is understood (http/protobuf)")
            elif self.headers.get("Content-Encoding", "identity") not in ("identity", "gzip"):
                self._fail(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 3, "only gzip is understood as compression")
            elif not (length := self.headers.get("Content-Length", "")).isdecimal() or not length.isascii():
                self._fail(HTTPStatus.LENGTH_REQUIRED, 3, "a Content-Length is required")
            elif len(length) > 12 or int(length) > intake.limits.request_bytes:
                self._refuse(intake.refuse(Refusal.TOO_LARGE))
            else:
                self._receive(int(length))

        def _receive(self, length: int) -> None:
            self._reader.allow(seconds=REQUEST_S, size=length)
            body = bytearray()
            reserved = 0
            try:
                while len(body) < length:
                    size = min(_CHUNK, length - len(body))
                    if not intake.reserve(size):
                        self._refuse(Refusal.BUSY)
                        return
                    reserved += size
                    chunk = self.rfile.read(size)
                    body += chunk
                    if len(chunk) < size:
                        self.close_connection = True
                        return
                is_gzip = self.headers.get("Content-Encoding") == "gzip"
                outcome = intake.take_spans(bytes(body), is_gzip=is_gzip, sender=str(self.client_address[0]))
            finally:
                intake.release(reserved)
            if isinstance(outcome, Refusal):
                self._refuse(outcome)
            else:
                self._answer(HTTPStatus.OK, outcome)

        def _refuse(self, refusal: Refusal) -> None:
            status, code = _STATUSES[refusal]
            self._fail(status, code, refusal.value)

        def _fail(self, status: HTTPStatus, code: int, message: str) -> None:
            # What is left of the request is not read.
            self.close_connection = True
            self._answer(status, MESSAGES["ErrorStatus"](code=code, message=message).SerializeToString())

        def _answer(self, status: HTTPStatus, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", _PROTOBUF)
            self.send_header("Content-Length", str(len(body)))
            if status is HTTPStatus.TOO_MANY_REQUESTS:
                self.send_header("Retry-After", "1")
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: requests are no news."""

    return Handler
