"""The contract: tables, journal, segment, capture, loss, clock, errors, limits."""
