"""Raw JSON of a Kubernetes object → rows of table `kube_object`; the same for a live watch and for an import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from formats.batches import batch_from_rows
from formats.rows.kube_changes import list_changes
from formats.rows.kube_json import Json, bounded_json, canonical_json, field, integer, items, text
from formats.rows.kube_managers import Manager, Managers
from formats.rows.kube_redaction import Redaction, redact_object
from formats.rows.kube_time import unix_nano
from formats.severity import SeverityNumber
from formats.tables import kube_object


class Observation(StrEnum):
    """How a version of an object became known."""

    STATE = "state"
    """It was there when first listed, or when a segment began."""
    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    LEFT = "left"
    """It left what is followed: whether it was deleted is not known."""

    @property
    def is_end(self) -> bool:
        """Whether there is no such object any more, as far as is followed."""
        return self in (Observation.DELETED, Observation.LEFT)


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One row of `kube_object` without its time, which its receiver adds; see `formats.tables.kube_object`.

    Attributes:
        change: how this version became known.
        kind: of the object.
        api_version: group and version of the API, such as apps/v1.
        namespace: None if the kind has none.
        name: of the object.
        uid: of the object.
        resource_version: of this version.
        generation: metadata.generation; None if the object has none.
        created_unix_nano: Unix time of metadata.creationTimestamp, ns; None if it has none.
        owner_uid: uid of the controller that owns it; None if none does.
        is_inferred: True if it was found by listing again after a gap.
        content: the object as canonical JSON, redacted.
        changes: JSON list of what differs from the version before; None if there is none to compare.
        manager: who wrote it; None if that is not known.
    """

    change: Observation
    kind: str
    api_version: str
    namespace: str | None
    name: str
    uid: str
    resource_version: str
    generation: int | None
    created_unix_nano: int | None
    owner_uid: str | None
    is_inferred: bool
    content: str
    changes: str | None
    manager: Manager | None = None

    @property
    def stored_bytes(self) -> int:
        """About how many bytes it holds in memory."""
        return 512 + len(self.content) + len(self.changes or "")


def object_row(
    raw: Json,
    change: Observation,
    redaction: Redaction,
    *,
    previous: Json | None = None,
    managers: Managers | None = None,
    marks_before: bytes | None = None,
    is_inferred: bool = False,
) -> ObjectRow:
    """The row of one version. Whatever is of a wrong type reads as absent: it never raises for what the object holds.

    Args:
        raw: the object as received, with `kind` and `apiVersion`.
        change: how it became known.
        redaction: what may be recorded.
        previous: content of the version before, as recorded; None if there was none.
        managers: what the managedFields of the object say; None if they were not read.
        marks_before: `Managers.marks` of the version before; None if there was none.
        is_inferred: whether it was found by listing again.
    """
    recorded, content = bounded_json(redact_object(raw, redaction))
    differences = None if previous is None or change.is_end else list_changes(previous, recorded)
    return row_of_content(
        recorded,
        content,
        change,
        changes=None if differences is None else canonical_json(differences),
        manager=_find_manager(change, managers, marks_before, differences or ()),
        is_inferred=is_inferred,
    )


def _find_manager(
    change: Observation, managers: Managers | None, marks_before: bytes | None, differences: Iterable[Json]
) -> Manager | None:
    match change:
        case _ if managers is None:
            return None
        case Observation.STATE:
            return managers.last_writer()
        case Observation.ADDED:
            return managers.creator()
        case Observation.MODIFIED if marks_before is not None:
            return managers.writer(marks_before, [difference["path"] for difference in differences])
    return None


def row_of_content(
    recorded: Json,
    content: str,
    change: Observation,
    *,
    changes: str | None = None,
    manager: Manager | None = None,
    is_inferred: bool = False,
) -> ObjectRow:
    """The row of content that was recorded before: for `state` at the start of a segment and for inferred deletions.

    Args:
        recorded: the redacted object.
        content: its canonical JSON.
        change: how it became known.
        changes: text of column `k8s.object.changes`.
        manager: who wrote it; None if that is not known.
        is_inferred: whether it was found by listing again.
    """
    metadata = field(recorded, "metadata")
    return ObjectRow(
        change=change,
        kind=text(recorded, "kind"),
        api_version=text(recorded, "apiVersion"),
        namespace=text(metadata, "namespace") or None,
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        generation=integer(metadata, "generation"),
        created_unix_nano=unix_nano(metadata.get("creationTimestamp")),
        owner_uid=_controlling_owner(metadata),
        is_inferred=is_inferred,
        content=content,
        changes=changes,
        manager=manager,
    )


def _controlling_owner(metadata: Json) -> str | None:
    for owner in items(metadata, "ownerReferences"):
        if isinstance(owner, dict) and owner.get("controller") is True:
            return text(owner, "uid") or None
    return None


def object_batch(rows: Sequence[ObjectRow], boot_times_ns: Sequence[int]) -> pa.RecordBatch:
    """The rows as a batch of the table's drained schema.

    Args:
        rows: in the order of time.
        boot_times_ns: CLOCK_BOOTTIME when each was received, as many as rows.
    """
    return batch_from_rows(
        kube_object.TABLE, [_columns(row, time) for row, time in zip(rows, boot_times_ns, strict=True)]
    )


def _columns(row: ObjectRow, boot_time_ns: int) -> dict[str, object]:
    return {
        "boot_time_ns": boot_time_ns,
        "event_name": f"k8s.object.{row.change}",
        # Whether a change is bad is for the analyzer to say.
        "severity_number": SeverityNumber.INFO,
        "k8s.object.kind": row.kind,
        "k8s.object.api_version": row.api_version,
        "k8s.namespace.name": row.namespace,
        "k8s.object.name": row.name,
        "k8s.object.uid": row.uid,
        "k8s.object.resource_version": row.resource_version,
        "k8s.object.generation": row.generation,
        "k8s.object.created_unix_nano": row.created_unix_nano,
        "k8s.object.owner.uid": row.owner_uid,
        "inferred": row.is_inferred,
        "k8s.object.content": row.content,
        "k8s.object.changes": row.changes,
        "k8s.object.manager.name": row.manager.name if row.manager else None,
        "k8s.object.manager.operation": row.manager.operation if row.manager else None,
        "k8s.object.manager.subresource": row.manager.subresource if row.manager else None,
        "k8s.object.manager.written_unix_nano": row.manager.unix_nano if row.manager else None,
    }
