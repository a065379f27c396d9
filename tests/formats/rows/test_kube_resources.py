"""The kinds that are recorded, by the names that people use for them."""

from __future__ import annotations

from formats.rows.kube_resources import KIND_BY_NAME, OBJECT_RESOURCES


def test_every_kind_is_found_by_itself_its_plural_and_its_short_name():
    for resource in OBJECT_RESOURCES:
        assert KIND_BY_NAME[resource.kind.lower()] == KIND_BY_NAME[resource.name] == resource.kind
    assert [KIND_BY_NAME[name] for name in ("po", "deploy", "cm", "pvc", "hpa", "quota")] == [
        "Pod",
        "Deployment",
        "ConfigMap",
        "PersistentVolumeClaim",
        "HorizontalPodAutoscaler",
        "ResourceQuota",
    ]


def test_no_name_stands_for_two_kinds():
    names = [name for resource in OBJECT_RESOURCES for name in (resource.name, *resource.short_names)]
    assert len(names) == len(set(names))
