"""Times of Kubernetes objects (metav1.Time and MicroTime) as integers."""

from __future__ import annotations

from formats.times import parse_time


def unix_nano(text: object) -> int | None:
    """Unix time in nanoseconds of what an object has in a field for a time.

    Args:
        text: anything; Kubernetes writes null for a time that is not set.

    Returns:
        Nanoseconds, or None if it is no RFC 3339 time or no int64: Go's zero time is in the year 1.
    """
    if not isinstance(text, str) or not text.isascii():
        return None
    try:
        time = parse_time(text)
    except ValueError:
        return None
    return time if 0 <= time < 2**63 else None
