"""Who records what is cluster-wide: what the sources of a recorder know of the election of its cluster (ADR 37).

`recorder.fleet.election` keeps it current. Times are of CLOCK_BOOTTIME, so that no clock of another node matters and a
process that was paused finds its term over before it records one row more.
"""

from __future__ import annotations

import threading


class Term:
    """A time in which this recorder leads. Once it is over, it stays over. May be used from any thread.

    Args:
        reign: what names the reign that it belongs to: terms of one reign had no other leader between them.
        renewed_ns: when it was confirmed last, boot ns.
        until_ns: when it is over unless it is renewed, boot ns; None: it needs no renewal.
    """

    def __init__(self, reign: str, renewed_ns: int, until_ns: int | None) -> None:
        self.reign = reign
        self._lock = threading.Lock()
        self._renewed_ns = renewed_ns
        self._until_ns = until_ns
        self._ended_ns: int | None = None

    @property
    def ended_ns(self) -> int | None:
        """Until when this recorder has led for certain, boot ns; None while it does."""
        return self._ended_ns

    def is_on(self, now_ns: int) -> bool:
        """Whether this recorder leads now."""
        with self._lock:
            return self._is_on(now_ns)

    def renew(self, renewed_ns: int, until_ns: int, now_ns: int) -> bool:
        """Whether it goes on, until `until_ns`; a renewal that comes too late changes nothing."""
        with self._lock:
            if not self._is_on(now_ns):
                return False
            self._renewed_ns, self._until_ns = renewed_ns, until_ns
            return True

    def end(self, now_ns: int) -> None:
        """It is over now, if it was not before."""
        with self._lock:
            if self._is_on(now_ns):
                self._ended_ns = now_ns

    def _is_on(self, now_ns: int) -> bool:
        if self._ended_ns is None and self._until_ns is not None and now_ns >= self._until_ns:
            self._ended_ns = self._renewed_ns
        return self._ended_ns is None


class Leadership:
    """Whether this recorder records what is cluster-wide, and whether it could.

    Args:
        is_elected: whether one recorder of the cluster is elected; if not, this one records all that it is told to.
    """

    def __init__(self, *, is_elected: bool = False) -> None:
        self.is_elected = is_elected
        self.leader = ""
        """Name of the node whose recorder leads, for people; empty if it is not known."""
        self._term: Term | None = None
        self._open: frozenset[str] = frozenset()
        self._absent: frozenset[str] = frozenset()

    @property
    def is_needed(self) -> bool:
        """Whether a source is open that records what is cluster-wide."""
        return bool(self._open)

    @property
    def absent(self) -> frozenset[str]:
        """Sources that were open and are not: shed, or failed. Another recorder may do better then."""
        return self._absent

    def term(self, now_ns: int) -> Term | None:
        """The term that is on; None if this recorder does not lead."""
        term = self._term
        return term if term is not None and term.is_on(now_ns) else None

    def begin(self, term: Term) -> None:
        """This recorder leads from now on."""
        self._term = term

    def join(self, source: str) -> None:
        """A source is open that records what is cluster-wide while this recorder leads."""
        self._open |= {source}
        self._absent -= {source}

    def leave(self, source: str) -> None:
        """That source was closed."""
        self._open -= {source}
        self._absent |= {source}
