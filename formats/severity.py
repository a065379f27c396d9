"""The numbers of the column `severity_number`."""

from __future__ import annotations

from enum import IntEnum


class SeverityNumber(IntEnum):
    """How bad an event is by itself, not what it led to. Source: OpenTelemetry logs data model, SeverityNumber."""

    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17
    FATAL = 21
