"""Receives what instrumented programs say of themselves, over the OpenTelemetry protocol."""
