"""Promises of the facts that the kernel tells."""

from __future__ import annotations

from tests.analyzer.capture_builder import CaptureBuilder, container_status, runtime_id_of, termination, uid_of, unix_ns

CACHE = f"Container/{uid_of('Pod/shop/cache-1')}/cache"
API = f"Container/{uid_of('Pod/shop/api-1')}/api"


def shop(directory, **how):
    """Two pods of one container each, cgroups 11 (api) and 12 (cache), and the Service of the cache."""
    return (
        CaptureBuilder(directory, **how)
        .kube_object("Node", "node-1", {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}, at=0)
        .pod("api-1", ip="10.1.0.1", statuses=[container_status("api", run_of="api-1/api")])
        .pod("cache-1", ip="10.1.0.2", statuses=[container_status("cache", run_of="cache-1/cache")])
        .service("cache", cluster_ip="10.2.0.1")
        .cgroup(10, None)
        .cgroup(11, "api-1", "api")
        .cgroup(12, "cache-1", "cache")
    )


def test_failed_connection_belongs_to_the_container_and_names_the_service_behind_the_address(tmp_path, engine):
    from analyzer.model.build import PartStep
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # GIVEN an api that is refused by the cache's Service address
    path = (
        shop(tmp_path)
        .tcp("refused", 5.0, cgroup_id=11, network__peer__address="10.2.0.1", network__peer__port=6379)
        .write()
    )
    model = build_model(open_capture(path), engine, wanted=["relation", "tcp_failure"])
    # WHEN the parts are gone through
    seen = []
    model.go_through([PartStep({"tcp_failure": ()}, lambda _part: seen.extend(engine.records("FROM tcp_failure")))])
    # THEN it is the api's failure, and the Service is its peer
    assert len(seen) == 1
    assert seen[0]["at_ns"] == unix_ns(5.0)
    assert seen[0]["entity_id"] == API
    assert seen[0]["kind"] == "refused"
    assert seen[0]["peer_id"] == f"Service/{uid_of('Service/shop/cache')}"
    assert seen[0]["evidence"] == "tcp:node-1:1"
    # AND the call is a relation
    calls = engine.rows("SELECT source_id, target_id, evidence FROM relation WHERE relation = 'CALLS'")
    assert calls == [(f"Pod/{uid_of('Pod/shop/api-1')}", f"Service/{uid_of('Service/shop/cache')}", "tcp:node-1:1")]


def test_oom_kill_told_twice_is_one_kill_of_the_container_and_dates_its_termination(tmp_path, model_of):
    # GIVEN a kill that tracepoint and kernel log tell, and the status that follows in whole seconds
    limited = f"/kubepods/burstable/pod{uid_of('Pod/shop/cache-1')}"
    path = (
        shop(tmp_path)
        .process("state", 77, 1.0, cgroup_id=12, process__command="cached")
        .row("memory", "memory.sample", 4.0, **{"cgroup.path": limited, "memory.limit_bytes": 64 << 20, "cgroup_id": 9})
        .row("oom", "oom.kill", 5.4, process__pid=77, cgroup_id=10, process__command="cached")
        .row(
            "oom",
            "oom.report",
            5.5,
            process__pid=77,
            cgroup_id=0,
            process__command="cached",
            **{
                "oom.constraint": "CONSTRAINT_MEMCG",
                "oom.victim_cgroup.path": f"{limited}/{runtime_id_of('cache-1/cache')}",
                "oom.limited_cgroup.path": limited,
                "oom.anon_rss_bytes": 60 << 20,
            },
        )
        .pod(
            "cache-1",
            ip="10.1.0.2",
            at=6.2,
            statuses=[
                container_status(
                    "cache", run_of="cache-1/cache", terminated=termination(at=5, reason="OOMKilled", exit_code=137)
                )
            ],
        )
        .write()
    )
    # WHEN the model is complete
    engine = model_of(path, "container_termination", "entity", "oom_kill").engine
    # THEN it is one kill, with what both rows tell
    kills = engine.records("SELECT * FROM oom_kill")
    assert len(kills) == 1
    assert kills[0]["entity_id"] == CACHE
    assert kills[0]["scope"] == "cgroup"
    assert kills[0]["limited_id"] == f"Pod/{uid_of('Pod/shop/cache-1')}"
    assert kills[0]["limit_bytes"] == 64 << 20
    assert kills[0]["anon_rss_bytes"] == 60 << 20
    assert kills[0]["told_by"] == "both"
    assert kills[0]["report_evidence"] == "oom:node-1:2"
    # AND the end of the container has the kernel's time, not that of the whole second
    ends = engine.records("SELECT * FROM container_termination")
    assert [(end["at_ns"], end["time_from"], end["reason"]) for end in ends] == [(unix_ns(5.4), "kernel", "OOMKilled")]
    # AND the victim is an entity that its container contains
    assert engine.rows("SELECT name, is_deleted FROM entity WHERE kind = 'Process'") == [("cached (77)", True)]
