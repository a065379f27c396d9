"""Who wrote an object last, for findings that begin without a recorded change: whom to ask what was changed before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex
from formats.postmortem.findings import Finding
from formats.postmortem.graph import FieldManager
from formats.times import format_time

_OF_NOBODY = frozenset({"Node", "Process", "Cgroup", "Device", "Address"})
"""Kinds that programs of the cluster write all the time, or that nobody writes."""


def field_manager(
    name: str | None, operation: str | None, subresource: str | None, written_ns: int | None
) -> FieldManager | None:
    """The manager of four columns `manager…`; None where they are null."""
    if name is None or operation is None or written_ns is None:
        return None
    return FieldManager(name, operation, subresource, format_time(written_ns))


def tell_last_writes(
    engine: Engine, findings: Iterable[Finding], entities: EntityIndex, changes: Iterable[str | None]
) -> tuple[Finding, ...]:
    """The findings, those that begin without a change with who wrote the object last.

    Args:
        engine: of the model. It is asked only if there is such a finding.
        findings: of the document.
        entities: of the same engine.
        changes: ids of the symptoms that stand for changes.
    """
    known, told = set(changes), tuple(findings)
    objects: dict[int, str] = {}
    for finding in told:
        begins_with_change = finding.chain and finding.chain[0].symptom_id in known
        row = entities.get(finding.root_cause.entity)
        if row is not None and not begins_with_change and row.kind not in _OF_NOBODY:
            objects[finding.rank] = row.workload_id or row.entity_id
    if not objects:
        return told
    rows = engine.rows(
        """
        SELECT
            entity_id,
            arg_max((manager, manager_operation, manager_subresource, manager_ns), (manager_ns, at_ns, seq)) AS last
        FROM object_version
        WHERE entity_id IN (SELECT unnest(?::VARCHAR[])) AND manager_ns IS NOT NULL
            AND manager_subresource IS DISTINCT FROM 'status'
        GROUP BY entity_id
        """,
        [sorted(set(objects.values()))],
    )
    written = {entity_id: field_manager(*last) for entity_id, last in rows}
    return tuple(
        replace(finding, root_cause=replace(finding.root_cause, last_write=written.get(objects.get(finding.rank, ""))))
        for finding in told
    )
