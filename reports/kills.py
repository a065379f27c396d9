"""OOM kills, for the chart of memory: when each was, and how much the victim had."""

from __future__ import annotations

from dataclasses import dataclass

from formats.postmortem.document import Document
from formats.times import parse_time

_PARTS = ("oom.anon_rss_bytes", "oom.file_rss_bytes", "oom.shmem_rss_bytes")


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill of a process in a container.

    Attributes:
        time_ns: Unix ns.
        used_bytes: what the victim had.
    """

    time_ns: int
    used_bytes: int


def list_kills(document: Document) -> dict[str, list[Kill]]:
    """The kills that the document has evidence of, in order of time, by id of the container or pod that they hit."""
    found: dict[str, dict[str, Kill]] = {}
    for symptom in document.symptoms:
        for key in symptom.evidence:
            row = document.evidence.get(key)
            used = None if row is None or row.table != "oom" else row.fields.get(_PARTS[0])
            if row is not None and isinstance(used, int):
                others = (row.fields.get(part) for part in _PARTS[1:])
                whole = used + sum(other for other in others if isinstance(other, int))
                found.setdefault(symptom.entity.id, {})[key] = Kill(parse_time(row.time), whole)
    return {
        entity_id: sorted(kills.values(), key=lambda kill: (kill.time_ns, kill.used_bytes))
        for entity_id, kills in found.items()
    }
