"""What was changed while a capture was recorded, as rows for people and programs."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.model.engine import Engine


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """One changed path of one object, or its creation or deletion.

    Attributes:
        id: `c` and a number in order of time.
        at_ns: aligned unix ns.
        kind: of the object.
        namespace: None for cluster-wide objects.
        name: of the object.
        verb: created, modified or deleted.
        category: what of it, as listed in `docs/facts.md`.
        actor: `user`, or `controller` if it is a consequence.
        path: within the object; None for creation and deletion.
        old: before, as text; None if there was nothing.
        new: after, as text; None if there is nothing any more.
        what: one sentence.
        is_inferred: found by listing again, so that its time is only an upper bound.
        evidence: `table:node:seq`.
        manager: field manager that made it, such as kubectl-edit; None if that is not known.
        manager_operation: Apply or Update; None without a manager.
        manager_subresource: subresource that was written; None if the object was, or without a manager.
    """

    id: str
    at_ns: int
    kind: str
    namespace: str | None
    name: str
    verb: str
    category: str
    actor: str
    path: str | None
    old: str | None
    new: str | None
    what: str
    is_inferred: bool
    evidence: str
    manager: str | None
    manager_operation: str | None
    manager_subresource: str | None


def list_changes(engine: Engine, *, with_controllers: bool = False) -> tuple[RecordedChange, ...]:
    """The changes of a built model, in order of time.

    Args:
        engine: of a `Model`.
        with_controllers: also what controllers did because of other changes.
    """
    rows = engine.rows(
        """
        SELECT change_id, at_ns, kind, namespace, name, verb, category, actor, path, old_value, new_value, what,
            inferred, evidence, manager, manager_operation, manager_subresource
        FROM change
        WHERE $1 OR actor = 'user'
        ORDER BY at_ns, node, seq, path
        """,
        [with_controllers],
    )
    return tuple(RecordedChange(*row) for row in rows)
