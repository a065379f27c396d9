"""Who wrote a version: told by what is new in managedFields, and by nobody where they do not tell."""

from __future__ import annotations

import pytest

from formats.rows.kube_managers import MAX_ENTRIES, Manager, read_managers
from formats.rows.kube_redaction import Redaction
from formats.rows.kube_versions import ObjectVersions

REDACTION = Redaction(b"k" * 32, configmap_values=True)
CREATE_NS, EDIT_NS, STATUS_NS = 1_795_198_380_000_000_000, 1_795_198_390_000_000_000, 1_795_198_395_000_000_000
CREATED, EDITED, STATUS = "2026-11-20T18:13:00Z", "2026-11-20T18:13:10Z", "2026-11-20T18:13:15Z"


def entry(manager, time, top="data", operation="Update", **more):
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": {f"f:{top}": {}}, **more}


def config(version, value, *entries):
    metadata = {"name": "c", "namespace": "d", "uid": "u", "resourceVersion": str(version)}
    return {"metadata": {**metadata, "managedFields": list(entries)}, "data": {"A": value}}


def follow(*messages):
    """The manager of each message's row; the first one is listed."""
    versions = ObjectVersions(REDACTION, "v1", "ConfigMap")
    versions.begin_list()
    rows = [*versions.list_page(messages[:1]), *versions.end_list()]
    rows += [versions.told("MODIFIED", message) for message in messages[1:]]
    return [row.manager for row in rows], versions


def test_change_is_told_of_the_manager_whose_entry_is_new():
    created = entry("kubectl-create", CREATED)
    managers, _versions = follow(config(1, "1", created), config(2, "2", created, entry("kubectl-edit", EDITED)))
    assert managers == [
        Manager("kubectl-create", "Update", None, CREATE_NS),
        Manager("kubectl-edit", "Update", None, EDIT_NS),
    ]


def test_manager_who_writes_again_is_told_by_the_new_time():
    managers, _versions = follow(
        config(1, "1", entry("argocd-controller", CREATED, operation="Apply")),
        config(2, "2", entry("argocd-controller", EDITED, operation="Apply")),
    )
    assert managers[1] == Manager("argocd-controller", "Apply", None, EDIT_NS)


def test_nobody_is_blamed_if_no_entry_is_new():
    # A manager that only removes what others own leaves no entry.
    old = entry("kubectl-create", CREATED)
    managers, _versions = follow(config(1, "1", old), config(2, "2", old))
    assert managers[1] is None


def test_after_a_gap_only_who_owns_all_that_differs_is_told():
    old = entry("kubectl-create", CREATED)
    edit, status = entry("kubectl-edit", EDITED), entry("some-operator", STATUS, top="status")
    assert follow(config(1, "1", old), config(2, "2", old, edit, status))[0][1].name == "kubectl-edit"
    other = entry("some-operator", STATUS)
    assert follow(config(1, "1", old), config(2, "2", old, edit, other))[0][1] is None


def test_state_tells_who_wrote_last_and_status_does_not_count():
    entries = (entry("kubectl-create", CREATED), entry("helm", EDITED), entry("c", STATUS, subresource="status"))
    managers, versions = follow(config(1, "1", *entries))
    assert managers == [Manager("helm", "Update", None, EDIT_NS)]
    assert [row.manager for row in versions.snapshot()] == managers


def test_creation_is_told_of_the_first_manager_and_deletion_of_nobody():
    versions = ObjectVersions(REDACTION, "v1", "ConfigMap")
    content = config(1, "1", entry("late", EDITED), entry("kubectl-create", CREATED))
    assert versions.told("ADDED", content).manager.name == "kubectl-create"
    assert versions.told("DELETED", content).manager is None


@pytest.mark.parametrize(
    "managed",
    [
        None,
        "x",
        {"manager": "x"},
        [None, 1, [], {}],
        [{"manager": "x", "operation": "Update", "time": "soon"}],
        [{"manager": "x", "operation": "Erase", "time": CREATED}],
        [{"manager": 7, "operation": "Update", "time": CREATED}],
    ],
)
def test_malformed_entries_read_as_absent(managed):
    assert read_managers({"metadata": {"managedFields": managed}}).entries == ()


def test_what_is_read_of_hostile_managed_fields_is_bounded():
    many = [entry("m" * 10_000, CREATED, subresource="s" * 10_000) for _ in range(MAX_ENTRIES * 3)]
    read = read_managers({"metadata": {"managedFields": many}}).entries
    assert len(read) == MAX_ENTRIES
    assert max(len(one.name) + len(one.subresource) for one in read) <= 2 * 128
