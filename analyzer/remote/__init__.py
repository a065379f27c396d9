"""Captures in object stores, read where they lie: a child process talks to the server, the command reads (ADR 44)."""
