"""The Lease by which the recorders of a cluster elect one of them, as the recorder reads and writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from formats.rows.kube_json import Json, field, integer, text
from formats.rows.kube_resources import Served
from formats.text import escape_text
from formats.times import format_time

LEASES = Served("coordination.k8s.io/v1", "leases", "Lease")
LEASE_NAME = "tapio-leader"
"""Not the name of the manifests' ConfigMap: in the role, kustomize would take it for that, and add the hash."""
_HOLDER_CHARACTERS = 253


@dataclass(frozen=True, slots=True)
class SeenLease:
    """The Lease at one moment.

    Attributes:
        version: its `resourceVersion`; empty if there is no Lease.
        holder: who holds it, as it says; empty if nobody does.
        transitions: how often the holder has changed.
        raw: the object.
    """

    version: str = ""
    holder: str = ""
    transitions: int = 0
    raw: Json | None = None

    @property
    def stored_bytes(self) -> int:
        """Size while it waits in a queue."""
        return 1_000

    @property
    def reign(self) -> str:
        """What names the time in which nobody else held it."""
        return f"{text(field(self.raw, 'metadata'), 'uid')}/{self.transitions}"


class LeaseVersions:
    """The newest version of the Lease: the state of the conversation that follows it. Gives each version once."""

    def __init__(self) -> None:
        self.rejected = 0
        self.repeated = 0
        self._version: str | None = None
        self._is_listed = False

    def begin_list(self) -> None:
        """A list begins."""
        self._is_listed = False

    def list_page(self, page: Iterable[Any]) -> list[SeenLease]:
        """The Lease, if this version of it was not known."""
        return [seen for raw in page if (seen := self._see(raw)) is not None]

    def end_list(self) -> list[SeenLease]:
        """The list is complete: there may be no Lease."""
        return [] if self._is_listed else self._note_absence()

    def told(self, watch_type: str, raw: Any) -> SeenLease | None:
        """The Lease of a watch event, if this version of it was not known."""
        if watch_type == "DELETED":
            return next(iter(self._note_absence()), None)
        return self._see(raw)

    def snapshot(self) -> Iterator[SeenLease]:
        """Nothing: it is not recorded."""
        return iter(())

    def _note_absence(self) -> list[SeenLease]:
        was_known, self._version = self._version, ""
        return [] if was_known == "" else [SeenLease()]

    def _see(self, raw: Any) -> SeenLease | None:
        seen = read_lease(raw)
        if seen is None:
            self.rejected += 1
            return None
        self._is_listed = True
        if seen.version == self._version:
            self.repeated += 1
            return None
        self._version = seen.version
        return seen


def read_lease(raw: Any) -> SeenLease | None:
    """The Lease in an object; None if it is another one, or none."""
    metadata, spec = field(raw, "metadata"), field(raw, "spec")
    version = text(metadata, "resourceVersion")
    if text(metadata, "name") != LEASE_NAME or not version:
        return None
    holder = escape_text(text(spec, "holderIdentity"), limit=_HOLDER_CHARACTERS)
    return SeenLease(version, holder, integer(spec, "leaseTransitions") or 0, raw)


def make_lease(seen: SeenLease, namespace: str, holder: str, duration_s: int, now_unix_nano: int) -> Json:
    """The Lease as its holder writes it.

    Args:
        seen: what it replaces; a server that has another version by then refuses it.
        namespace: of the Lease.
        holder: who holds it from now on; empty if nobody does.
        duration_s: after so many seconds without a renewal others may take it.
        now_unix_nano: for people: nobody compares it with a clock.
    """
    now = f"{format_time(now_unix_nano // 1_000 * 1_000)[:26]}Z"
    kept = holder in (seen.holder, "")
    before = field(seen.raw, "spec")
    spec: Json = {
        "leaseDurationSeconds": duration_s,
        "acquireTime": (text(before, "acquireTime") or now) if kept else now,
        "renewTime": now,
        "leaseTransitions": seen.transitions if kept or not seen.version else seen.transitions + 1,
    }
    if holder:
        spec["holderIdentity"] = holder
    metadata = dict(field(seen.raw, "metadata")) or {"name": LEASE_NAME, "namespace": namespace}
    metadata.pop("managedFields", None)
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}
