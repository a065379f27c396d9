"""Serves whichever protocol a connection begins with: every address that is listened on takes both."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler
from typing import Final

from recorder.otlp import http_handler
from recorder.otlp.grpc_handler import GrpcHandler
from recorder.otlp.intake import IDLE_S, Intake

PREFACE: Final = b"PRI"
"""How a connection of HTTP/2 begins, and none of HTTP/1. Source: RFC 9113, section 3.4."""


def make_handler(intake: Intake) -> type[BaseHTTPRequestHandler]:
    """The class that serves a connection."""

    class Handler(http_handler.make_handler(intake)):  # type: ignore[misc]
        def handle(self) -> None:
            self.connection.settimeout(IDLE_S)
            if self.connection.recv(len(PREFACE), socket.MSG_PEEK | socket.MSG_WAITALL) == PREFACE:
                GrpcHandler(self.connection, str(self.client_address[0]), intake).serve()
            else:
                super().handle()

    return Handler
