"""The entities that a document speaks of, asked for together and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.model.engine import Engine
from formats.postmortem.recording import EntityRef


@dataclass(frozen=True, slots=True)
class EntityRow:
    """One row of the table `entity`. Times are unix ns."""

    entity_id: str
    kind: str
    namespace: str | None
    name: str
    uid: str | None
    node: str | None
    from_ns: int
    to_ns: int
    pod_id: str | None
    workload_id: str | None
    is_deleted: bool = False

    @property
    def reference(self) -> EntityRef:
        """How the document names it."""
        return EntityRef(self.entity_id, self.kind, self.namespace, self.name, self.uid, self.node)


class EntityIndex:
    """Rows of the table `entity` by id.

    Args:
        engine: its database holds `entity` and `relation`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, EntityRow] = {}

    def load(self, entity_ids: Iterable[str | None]) -> None:
        """Asks for several entities at once."""
        wanted = sorted({entity_id for entity_id in entity_ids if entity_id is not None} - set(self._known))
        if not wanted:
            return
        rows = self._engine.rows(
            """
            SELECT entity_id, kind, namespace, name, uid, node, from_ns, to_ns, pod_id, workload_id, is_deleted
            FROM entity WHERE entity_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY entity_id, from_ns
            """,
            [wanted],
        )
        for row in rows:
            self._known.setdefault(row[0], EntityRow(*row))

    def row(self, entity_id: str) -> EntityRow:
        """The entity of an id that comes from a table joined with `entity`.

        Raises:
            KeyError: there is none.
        """
        row = self.get(entity_id)
        if row is None:
            raise KeyError(entity_id)
        return row

    def get(self, entity_id: str | None) -> EntityRow | None:
        """The entity of that id; None if there is none."""
        if entity_id is None:
            return None
        if entity_id not in self._known:
            self.load([entity_id])
        return self._known.get(entity_id)

    def readers(self, config_id: str) -> tuple[EntityRow, ...]:
        """The workloads whose Pods use a ConfigMap or Secret, by id."""
        rows = self._engine.rows(
            """
            SELECT DISTINCT pod.workload_id FROM relation JOIN entity AS pod ON pod.entity_id = relation.source_id
            WHERE relation.target_id = ? AND relation.relation = 'USES' AND pod.workload_id IS NOT NULL ORDER BY ALL
            """,
            [config_id],
        )
        self.load(workload_id for (workload_id,) in rows)
        return tuple(row for (workload_id,) in rows if (row := self.get(workload_id)) is not None)
