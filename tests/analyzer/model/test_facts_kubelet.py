"""Promises of the facts that the kubelet tells."""

from __future__ import annotations

from tests.analyzer.capture_builder import CaptureBuilder, uid_of

API = f"Container/{uid_of('Pod/shop/api-1')}/api"


def stored(builder, at, kind, used, **columns):
    """One reading of the kubelet about a Pod of shop, `of` it."""
    pod = columns.pop("of", "api-1")
    named = {"k8s.namespace.name": "shop", "k8s.pod.name": pod, "k8s.pod.uid": uid_of(f"Pod/shop/{pod}")}
    columns |= {"storage.kind": kind, "storage.used_bytes": used}
    return builder.row("storage_usage", "storage.sample", at, **named, **columns)


def test_what_a_pod_stores_is_compared_with_the_limits_of_its_containers_volumes_and_of_itself(tmp_path, model_of):
    # GIVEN a Pod of two containers with limits, and one of which one container has none
    limits = [{"name": name, "resources": {"limits": {"ephemeral-storage": "1Ki"}}} for name in ("api", "side")]
    volumes = [{"name": "scratch", "emptyDir": {"sizeLimit": "2Ki"}}, {"name": "free", "emptyDir": {}}]
    builder = CaptureBuilder(tmp_path).pod("api-1", containers=limits, spec={"volumes": volumes}, at=0)
    builder.pod("free-1", containers=[limits[0], {"name": "side"}], at=0)
    stored(builder, 1, "rootfs", 100, **{"k8s.container.name": "api"})
    stored(builder, 2, "logs", 412, **{"k8s.container.name": "api"})
    stored(builder, 3, "rootfs", 612, **{"k8s.container.name": "api"})
    stored(builder, 4, "pod", 1536)
    stored(builder, 5, "volume", 1024, **{"k8s.volume.name": "scratch"})
    stored(builder, 6, "volume", 9, **{"k8s.volume.name": "free"})
    stored(builder, 7, "volume", 9, **{"k8s.volume.name": "data", "k8s.persistentvolumeclaim.name": "data-api-1"})
    stored(builder, 8, "pod", 1536, of="free-1")
    stored(builder, 9, "pod", 5, of="unknown-1")
    # THEN
    engine = model_of(builder.write(), "ephemeral_storage").engine
    rows = engine.rows(
        "SELECT what, part, used_bytes, grown_bytes, limit_bytes, used_permille FROM ephemeral_storage ORDER BY at_ns"
    )
    assert rows == [
        ("container", "api", 100, 0, 1024, 97),
        ("container", "api", 512, 412, 1024, 500),
        ("container", "api", 1024, 924, 1024, 1000),
        ("pod", "api-1", 1536, 0, 2048, 750),
        ("volume", "scratch", 1024, 0, 2048, 500),
        ("volume", "free", 9, 0, None, None),
        ("pod", "free-1", 1536, 0, None, None),
    ]


def test_a_volume_that_the_recorder_sees_itself_is_told_once_with_the_name_of_its_claim(tmp_path, model_of):
    # GIVEN a volume that both see, one that only the kubelet sees, and a disk of the node that both see
    builder = CaptureBuilder(tmp_path).pod("api-1", at=0)
    own = {"filesystem.device": "259:1", "filesystem.mount_point": "/v", "filesystem.mode": "rw"}
    sizes = {"filesystem.size_bytes": 1000, "filesystem.used_bytes": 500, "filesystem.available_bytes": 500}
    builder.row("filesystem", "filesystem.sample", 1, **own, **sizes, **{"k8s.pod.uid": uid_of("Pod/shop/api-1")})
    builder.row("filesystem", "filesystem.sample", 2, **own, **sizes)
    for at, name, size in ((3, "data", 1000), (4, "share", 4000)):
        columns = {"k8s.volume.name": name, "k8s.persistentvolumeclaim.name": f"{name}-api-1"}
        figures = {
            "storage.capacity_bytes": size,
            "storage.available_bytes": 100,
            "storage.inodes": 10,
            "storage.inodes_used": 9,
        }
        stored(builder, at, "volume", 300, **columns, **figures)
    disk = {"storage.kind": "node", "storage.used_bytes": 1, "storage.available_bytes": 1, "storage.capacity_bytes": 2}
    builder.row("storage_usage", "storage.sample", 5, **disk)
    builder.on_node("node-2").row("storage_usage", "storage.sample", 6, **disk)
    # THEN
    engine = model_of(builder.write(), "filesystem_usage").engine
    rows = engine.rows(
        "SELECT entity_id, device, place, used_permille, used_inodes_permille FROM filesystem_usage ORDER BY at_ns"
    )
    pod = f"Pod/{uid_of('Pod/shop/api-1')}"
    assert rows == [
        (pod, "259:1", "the file system at /v (PersistentVolumeClaim data-api-1)", 500, None),
        ("Node/node-1", "259:1", "the file system at /v", 500, None),
        (pod, "share", "the volume share (PersistentVolumeClaim share-api-1)", 750, 900),
        ("Node/node-2", "node", "the file system of the kubelet", 500, None),
    ]


def test_a_probe_that_fails_is_told_by_events_and_where_these_end_by_the_kubelet_s_count(tmp_path, model_of):
    # GIVEN an Event about a failure, and counts of the kubelet: of the same time, of later, and of another probe
    builder = CaptureBuilder(tmp_path).pod("api-1", at=0)
    note = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    at_container = {"k8s.object.field_path": "spec.containers{api}"}
    builder.kube_event("Unhealthy", "Pod", "api-1", note=note, at=10, **at_container)
    of_pod = {"k8s.namespace.name": "shop", "k8s.pod.name": "api-1", "k8s.pod.uid": uid_of("Pod/shop/api-1")}
    counts = {"probe.failed": 3, "probe.successful": 1, "probe.interval_ns": 15 * 10**9, "k8s.container.name": "api"}
    for at, probe in ((15, "readiness"), (45, "readiness"), (60, "liveness")):
        builder.row("probe", "probe.failed", at, **of_pod, **counts, **{"probe.type": probe})
    builder.row("probe", "probe.recovered", 75, **of_pod, **counts | {"probe.failed": 0}, **{"probe.type": "liveness"})
    builder.row(
        "probe", "probe.failed", 80, **of_pod | {"k8s.pod.uid": "nobody"}, **counts, **{"probe.type": "startup"}
    )
    # THEN
    engine = model_of(builder.write(), "failed_probe").engine
    rows = engine.rows(
        "SELECT entity_id, probe, note, count_delta, is_counted, evidence FROM failed_probe ORDER BY at_ns"
    )
    assert rows == [
        (API, "readiness", note, 1, False, "kube_event:node-1:1"),
        (API, "readiness", note, 3, True, "probe:node-1:2"),
        (API, "liveness", "Liveness probe failed: 3 of 4 failed", 3, True, "probe:node-1:3"),
    ]


def test_trouble_of_a_kubelet_is_told_until_it_is_over(tmp_path, model_of):
    builder = CaptureBuilder(tmp_path)
    slow = {
        "kubelet.work": "relist",
        "kubelet.count": 4,
        "kubelet.duration_ns": 8 * 10**9,
        "kubelet.interval_ns": 10**10,
    }
    failed = {"kubelet.work": "runtime", "kubelet.operation": "version", "kubelet.count": 4, "kubelet.failed": 1}
    builder.row("kubelet", "kubelet.troubled", 1, **slow).row("kubelet", "kubelet.troubled", 2, **failed)
    builder.row("kubelet", "kubelet.recovered", 3, **slow)
    engine = model_of(builder.write(), "kubelet_trouble").engine
    rows = engine.rows(
        "SELECT entity_id, work, operation, failed_permille, mean_ns, busy_permille FROM kubelet_trouble ORDER BY at_ns"
    )
    assert rows == [
        ("Node/node-1", "relist", None, 0, 2 * 10**9, 800),
        ("Node/node-1", "runtime", "version", 250, None, None),
    ]
