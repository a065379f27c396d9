"""Table `kube_object`: versions of Kubernetes objects, from lists and watches."""

from __future__ import annotations

import pyarrow as pa

from formats.columns import NAME_TYPE, Column, Sensitivity, Table

KIND = Column(
    "k8s.object.kind", NAME_TYPE, Sensitivity.PUBLIC, "Kind as the API spells it: for example Pod or ConfigMap."
)
NAMESPACE = Column(
    "k8s.namespace.name", NAME_TYPE, Sensitivity.NAME, "Namespace; null for cluster-wide objects.", nullable=True
)

TABLE = Table(
    name="kube_object",
    doc=(
        "One version of one object: from a list (`state`), or from the watch (`added`, `modified`, `deleted`). `left`: "
        "a Pod without a node got one, from which the recorder of that node follows it, or was deleted."
    ),
    event_names=(
        "k8s.object.state",
        "k8s.object.added",
        "k8s.object.modified",
        "k8s.object.deleted",
        "k8s.object.left",
    ),
    own=(
        KIND,
        Column(
            "k8s.object.api_version", NAME_TYPE, Sensitivity.PUBLIC, "group/version as served, `v1` for the core group."
        ),
        NAMESPACE,
        Column("k8s.object.name", pa.utf8(), Sensitivity.NAME, "metadata.name."),
        Column("k8s.object.uid", pa.utf8(), Sensitivity.IDENTIFIER, "metadata.uid: the identity of the object."),
        Column(
            "k8s.object.resource_version",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "metadata.resourceVersion, opaque: values can only be compared for equality.",
        ),
        Column(
            "k8s.object.generation",
            pa.int64(),
            Sensitivity.PUBLIC,
            "metadata.generation; null if the kind has none.",
            "1",
            nullable=True,
        ),
        Column(
            "k8s.object.created_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "metadata.creationTimestamp; null if absent.",
            "ns",
            nullable=True,
        ),
        Column(
            "k8s.object.owner.uid",
            pa.utf8(),
            Sensitivity.IDENTIFIER,
            "uid of the controlling owner; null if none.",
            nullable=True,
        ),
        Column(
            "inferred",
            pa.bool_(),
            Sensitivity.PUBLIC,
            "True if the change was found by listing again after a gap, so that its time is only an upper bound.",
        ),
        Column(
            "k8s.object.content",
            pa.utf8(),
            Sensitivity.OBJECT,
            (
                "The object as JSON with sorted keys, without managedFields, Secret values and (unless "
                "allowed) ConfigMap values, which are digests; null in `deleted` and `left` if only the key is "
                "known."
            ),
            nullable=True,
        ),
        Column(
            "k8s.object.changes",
            pa.utf8(),
            Sensitivity.OBJECT,
            (
                "Changes since the previous version: JSON list of {path, old, new} sorted by path, "
                "without heartbeats; null if there is no previous version."
            ),
            nullable=True,
        ),
        Column(
            "k8s.object.manager.name",
            NAME_TYPE,
            Sensitivity.NAME,
            (
                "Field manager that wrote this version, such as kubectl-edit (in `state`: that wrote the object "
                "last, its status aside); null in `deleted` and `left`, without managedFields, or if they do not tell."
            ),
            nullable=True,
        ),
        Column(
            "k8s.object.manager.operation",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "How it wrote: Apply (server-side apply) or Update; null without a manager.",
            nullable=True,
        ),
        Column(
            "k8s.object.manager.subresource",
            NAME_TYPE,
            Sensitivity.PUBLIC,
            "Subresource that it wrote, such as status or scale; null if it wrote the object, or without a manager.",
            nullable=True,
        ),
        Column(
            "k8s.object.manager.written_unix_nano",
            pa.int64(),
            Sensitivity.PUBLIC,
            "When it wrote, by the clock of the API server and in whole seconds; null without a manager.",
            "ns",
            nullable=True,
        ),
    ),
    source="Kubernetes API concepts: resource versions, watch, bookmarks (KEP-956)",
    sentence="{event_name} {k8s.object.kind} {k8s.object.name}: {k8s.object.changes}",
)
