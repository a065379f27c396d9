"""What a source follows only while this recorder leads: begun with a term, ended with it, and told as a pause else.

Rows are taken only while the term is on: a recorder that was paused, and has been replaced meanwhile, records nothing
of what its connections still hold. The versions of a term are kept for the next one of the same reign, so that what
changed in between is found by comparing; after another leader, everything is listed as state.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from formats.loss import LossReason
from formats.rows.kube_versions import Versions
from recorder.kube.watch import Watcher
from recorder.leadership import Leadership, Term
from recorder.row_queue import RowT
from recorder.source import Pauses

_TOLD_PAUSES = 64


@dataclass(slots=True)
class Following(Generic[RowT]):
    """One conversation that runs: who has it, in which thread, and what it knows."""

    watcher: Watcher[RowT]
    thread: threading.Thread
    versions: Versions[RowT]

    def is_idle(self) -> bool:
        """Whether its thread has ended, so that another one may use what it knows."""
        return not self.thread.is_alive()


class LedPart(Generic[RowT]):
    """The conversations of a leader.

    Args:
        leadership: whether this recorder leads.
        begin: begins all conversations of a term, with what is known from before: as many versions, or none.
        node_name: of this node, which is in the Lease while it leads.
        now_ns: CLOCK_BOOTTIME at which the source was opened.
    """

    def __init__(
        self,
        leadership: Leadership,
        begin: Callable[[Term, Sequence[Versions[RowT]]], list[Following[RowT]]],
        node_name: str,
        now_ns: int,
    ) -> None:
        self._leadership = leadership
        self._begin = begin
        self._node_name = node_name
        self._is_starting = True
        self._term: Term | None = None
        self._reign = ""
        self._following: list[Following[RowT]] = []
        self._ended: list[Following[RowT]] = []
        self._since_ns: int | None = now_ns
        self._pauses: deque[tuple[int, int]] = deque(maxlen=_TOLD_PAUSES)
        self._rejected = self._overflowed = 0

    @property
    def watchers(self) -> list[Watcher[RowT]]:
        """Those of the term that is on."""
        return [following.watcher for following in self._following]

    @property
    def rejected(self) -> int:
        """Messages that were no object, over all terms."""
        return self._rejected + sum(watcher.rejected for watcher in self.watchers)

    @property
    def overflowed(self) -> int:
        """Messages that came while the queue was full, over all terms."""
        return self._overflowed + sum(watcher.overflowed_lines for watcher in self.watchers)

    @property
    def pauses(self) -> Pauses:
        """When this recorder did not lead, or had not listed everything yet."""
        reason = LossReason.STARTING if self._is_starting else LossReason.NOT_LEADER
        return Pauses(tuple(self._pauses), self._since_ns, reason)

    def turn(self, now_ns: int) -> None:
        """Begin what a new term asks for, and end what belongs to one that is over."""
        term = self._leadership.term(now_ns)
        if term is None and (self._pauses or self._leadership.leader not in ("", self._node_name)):
            self._is_starting = False  # until now nobody was known to lead, so nobody has recorded it
        if self._term is not None and term is not self._term:
            self._end(self._term, now_ns)
        if term is not None and self._term is None:
            self._term = term
            self._following = self._begin(term, self._known_from_before(term))
        if self._term is not None and self._since_ns is not None and all(w.is_settled for w in self.watchers):
            self._pauses.append((self._since_ns, now_ns))
            self._since_ns = None

    def stop(self) -> list[threading.Thread]:
        """Tell all conversations to end; gives their threads."""
        for watcher in self.watchers:
            watcher.stop()
        return [following.thread for following in self._following]

    def _end(self, term: Term, now_ns: int) -> None:
        self.stop()
        self._rejected, self._overflowed = self.rejected, self.overflowed
        self._ended, self._following, self._term = self._following, [], None
        for following in self._ended:
            following.versions.rejected = 0
        self._reign = term.reign
        if self._since_ns is None:
            self._since_ns = now_ns if term.ended_ns is None else term.ended_ns

    def _known_from_before(self, term: Term) -> list[Versions[RowT]]:
        ended, self._ended = self._ended, []
        can_continue = bool(ended) and term.reign == self._reign and all(following.is_idle() for following in ended)
        return [following.versions for following in ended] if can_continue else []
