"""The election of the recorder that records what is cluster-wide, by a Lease, as client-go elects leaders (ADR 37).

It never waits: `step` does what is due. No clock of another node is looked at: a Lease has expired when this recorder
has not seen it change for the whole duration by its own CLOCK_BOOTTIME, while it was in contact with the API server.

==================================================  ===================================================================
nobody holds the Lease, or it was just released     take it, after a random wait, so that not all candidates ask at once
another recorder holds it and renews it             nothing: the watch tells each renewal, so candidates ask for nothing
it was not renewed for its duration                 take it, after a random wait; of several, the server lets one do it
this recorder holds it                              renew it; a renewal that fails is tried again soon
it could not be renewed until the deadline          the term is over, before others can take the Lease
another recorder holds the Lease of a leader        the term is over at once
the server allows or serves no Leases               every recorder leads (`alone`), as without an election; ask again
                                                    after two minutes
a source that needs a leader was shed or has failed give the Lease up, so that another node can do better; take it
                                                    again only if none did
==================================================  ===================================================================
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from formats.clock import Instant
from formats.errors import UnavailableError
from formats.times import NANOSECONDS
from recorder.fleet.lease_api import LeaseApi
from recorder.fleet.lease_objects import SeenLease, make_lease, read_lease
from recorder.kube.api_client import Reply, status_message
from recorder.leadership import Leadership, Term

DURATION_S = 15
"""A Lease that does not change for so long may be taken by others. This and the next as client-go has them."""
DEADLINE_S = 10
"""A leader that could not renew for so long leads no more: earlier than others may begin."""
RENEW_S = 3
"""Time between renewals. Why not client-go's 2: each is sent to all candidates."""
_RETRY_S = 2.0
_LONGEST_RETRY_S = 15.0
_ALONE_RETRY_S = 120.0
_JITTER_S = 2.0
_REFUSALS = (400, 403, 404, 405, 422)


class ElectionRole(StrEnum):
    """What this recorder is in its cluster."""

    CANDIDATE = "candidate"
    """Another recorder leads, or is about to."""
    LEADER = "leader"
    ALONE = "alone"
    """It records what is cluster-wide, as every other recorder may do: there is no election."""


@dataclass(slots=True, kw_only=True)
class Election:
    """This recorder's part in the election. All is called by one thread.

    Args:
        api: of the Lease.
        identity: name of this node, which is in the Lease while it leads.
        leadership: told of the terms of this recorder.
        now: both clocks.
        randomness: of the waits.
    """

    api: LeaseApi
    identity: str
    leadership: Leadership
    now: Callable[[], Instant]
    randomness: random.Random = field(default_factory=random.SystemRandom)
    role: ElectionRole = ElectionRole.CANDIDATE
    problem: str = ""
    _lease: SeenLease | None = None
    _term: Term | None = None
    _observed_ns: int = 0
    _patience_ns: int = 0
    _renewed_ns: int = 0
    _due_ns: int = 0
    _failures: int = 0
    _accepted: frozenset[str] = frozenset()

    def see(self, lease: SeenLease) -> None:
        """The Lease is this now."""
        self._observe(lease)
        if self.role is ElectionRole.ALONE or lease.holder not in ("", self.identity):
            self._end_term()
        if self.role is ElectionRole.CANDIDATE:
            self._due_ns = 0

    def step(self, *, is_in_contact: bool = True, denied: str = "") -> None:
        """Do what is due.

        Args:
            is_in_contact: whether the Lease is being watched; else what is not seen says nothing.
            denied: why the server refuses that for good; empty if it does not.
        """
        now_ns = self.now().boot_ns
        if self._term is not None and not self._term.is_on(now_ns):
            self._end_term()
        if not is_in_contact:
            self._observed_ns = now_ns
        if not self.leadership.is_needed:
            return
        if self._term is not None and self.role is ElectionRole.LEADER:
            if self.leadership.absent - self._accepted:
                self.release()
            elif now_ns >= max(self._due_ns, self._renewed_ns + RENEW_S * NANOSECONDS):
                self._try(self._write)
        elif now_ns < self._due_ns:
            return
        elif denied:
            self._lead_alone(denied)
        elif self._lease is not None and self._may_take(self._lease, now_ns):
            self._try(self._write)

    def release(self) -> None:
        """Lead no more, and let the next leader begin at once."""
        lease = self._lease
        held = self.role is ElectionRole.LEADER and lease is not None and lease.holder == self.identity
        self._end_term()
        if held and lease is not None:
            self._try(lambda: self._hand_over(lease))

    def _may_take(self, lease: SeenLease, now_ns: int) -> bool:
        if lease.holder == self.identity and not self.leadership.absent:
            return True  # from before a restart, or from a term that could not be renewed in time
        waits_s = (0 if lease.holder == "" else DURATION_S) + (DURATION_S if self.leadership.absent else 0)
        return now_ns >= self._observed_ns + waits_s * NANOSECONDS + self._patience_ns

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except UnavailableError as error:
            self._postpone(error.problem)

    def _write(self) -> None:
        """Take the Lease, or renew it."""
        lease = self._lease or SeenLease()
        asked = self.now()
        wanted = make_lease(lease, self.api.namespace, self.identity, DURATION_S, asked.unix_nano)
        reply = self.api.update(wanted) if lease.version else self.api.create(wanted)
        written = read_lease(reply.content) if reply.status in (200, 201) else None
        if written is not None:
            self._hold(written, asked.boot_ns)
        elif reply.status == 409:  # somebody else has written: the watch will say what
            self._observed_ns = self.now().boot_ns
            self._postpone("")
        elif reply.status == 404 and lease.version:  # deleted: the next step creates it
            self._observe(SeenLease())
        elif reply.status in _REFUSALS:
            self._lead_alone(_told(reply))
        else:
            self._postpone(_told(reply), reply.retry_after_s)

    def _hold(self, written: SeenLease, asked_ns: int) -> None:
        """The server has accepted: this recorder leads for `DEADLINE_S` from when it asked."""
        self._observe(written)
        self.problem, self._failures, self._due_ns = "", 0, 0
        self._renewed_ns = asked_ns
        until_ns, now_ns = asked_ns + DEADLINE_S * NANOSECONDS, self.now().boot_ns
        if self._term is not None and self.role is ElectionRole.LEADER and self._term.renew(asked_ns, until_ns, now_ns):
            return
        self._end_term()
        self._accepted = self.leadership.absent
        self._begin_term(ElectionRole.LEADER, Term(written.reign, asked_ns, until_ns))

    def _hand_over(self, lease: SeenLease) -> None:
        reply = self.api.update(make_lease(lease, self.api.namespace, "", 1, self.now().unix_nano))
        written = read_lease(reply.content) if reply.status == 200 else None
        if written is not None:
            self._observe(written)

    def _lead_alone(self, why: str) -> None:
        self.problem = why
        now_ns = self.now().boot_ns
        self._due_ns = now_ns + int(_ALONE_RETRY_S * self.randomness.uniform(0.9, 1.1) * NANOSECONDS)
        if self.role is not ElectionRole.ALONE or self._term is None:
            self._end_term()
            self._begin_term(ElectionRole.ALONE, Term("", now_ns, None))

    def _begin_term(self, role: ElectionRole, term: Term) -> None:
        self.role, self._term = role, term
        self.leadership.leader = self.identity
        self.leadership.begin(term)

    def _end_term(self) -> None:
        if self._term is not None:
            self._term.end(self.now().boot_ns)
        self._term, self.role = None, ElectionRole.CANDIDATE
        self.leadership.leader = self._lease.holder if self._lease is not None else ""

    def _observe(self, lease: SeenLease) -> None:
        if self._lease is not None and self._lease.version == lease.version:
            return
        self._lease = lease
        self._observed_ns = self.now().boot_ns
        self._patience_ns = int(_JITTER_S * self.randomness.random() * NANOSECONDS)
        self.leadership.leader = lease.holder

    def _postpone(self, problem: str, retry_after_s: float | None = None) -> None:
        """Try again later; who holds the Lease soon, as its time runs out."""
        self.problem = problem
        is_held = self._lease is not None and self._lease.holder == self.identity
        longest = _RETRY_S if is_held else _LONGEST_RETRY_S
        waits = min(_RETRY_S * 2.0**self._failures, longest) * self.randomness.uniform(0.5, 1.0)
        self._failures = min(self._failures + 1, 32)
        self._due_ns = self.now().boot_ns + int(max(waits, min(retry_after_s or 0.0, longest)) * NANOSECONDS)


def _told(reply: Reply) -> str:
    message = status_message(reply.content)
    return f"the API server returned {reply.status} to the Lease{f' ({message})' if message else ''}"
