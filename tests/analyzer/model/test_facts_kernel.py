"""Promises of the facts that the kernel tells."""

from __future__ import annotations

import pytest

from tests.analyzer.capture_builder import CaptureBuilder, container_status, runtime_id_of, termination, uid_of, unix_ns

CACHE = f"Container/{uid_of('Pod/shop/cache-1')}/cache"
API = f"Container/{uid_of('Pod/shop/api-1')}/api"


def shop(directory, *, begin=0, **how):
    """Two pods of one container each, cgroups 11 (api) and 12 (cache), and the Service of the cache."""
    node = {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}
    return (
        CaptureBuilder(directory, **how)
        .kube_object("Node", "node-1", node, at=begin)
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


def throttled_capture(directory, totals):
    """A container with a limit of 200 millicores; one reading every five seconds of (CPU ms, periods, throttled periods)."""
    builder = shop(directory)
    path = f"/kubepods/burstable/pod{uid_of('Pod/shop/cache-1')}/{runtime_id_of('cache-1/cache')}"
    for number, (used_ms, periods, throttled) in enumerate(totals):
        columns = {"cgroup.path": path, "cpu.quota_ns": 20_000_000, "cpu.period_ns": 100_000_000}
        columns |= {"cpu.usage_ns": used_ms * 1_000_000, "cpu.periods": periods, "cpu.throttled_periods": throttled}
        builder.row("cpu", "cpu.sample", 1.0 + number * 5, **columns)
    return builder.write()


def test_cpu_use_is_a_rate_and_throttling_a_share_of_the_periods_and_of_the_time(tmp_path, model_of):
    # GIVEN a container that works for one of five seconds, and then all the time
    path = throttled_capture(tmp_path, [(0, 0, 0), (100, 10, 8), (1_100, 60, 58)])
    rows = model_of(path, "cpu_usage").engine.records("SELECT * FROM cpu_usage ORDER BY at_ns")
    # THEN the first row has no reading before it, and all are about the container
    assert [row["entity_id"] for row in rows] == [CACHE, CACHE]
    assert [row["usage_millicores"] for row in rows] == [20, 200]
    assert [row["limit_millicores"] for row in rows] == [200, 200]
    assert [(row["throttled_permille"], row["held_permille"]) for row in rows] == [(800, 160), (1000, 1000)]


def test_cpu_totals_that_begin_anew_have_no_rate(tmp_path, model_of):
    path = throttled_capture(tmp_path, [(5_000, 90, 80), (100, 10, 8)])
    (row,) = model_of(path, "cpu_usage").engine.records("SELECT * FROM cpu_usage")
    assert row["usage_millicores"] is row["throttled_permille"] is row["held_permille"] is None


def test_usual_cpu_use_is_that_of_before_and_zero_for_a_container_that_is_new(tmp_path, model_of):
    # GIVEN a container that was there when the recording began
    totals = [(number * 500, 0, 0) for number in range(6)]
    old = model_of(throttled_capture(tmp_path, totals), "cpu_usage").engine
    usual = [row[0] for row in old.rows("SELECT usual_millicores FROM cpu_usage ORDER BY at_ns")]
    # THEN what it used is known as soon as it was read twice, ten seconds ago
    assert usual == [None, None, 100, 100, 100]


def test_usual_cpu_use_of_a_container_that_began_later_is_zero(tmp_path, model_of):
    # GIVEN one of which the first reading is half a minute after the begin of the recording
    totals = [(0, 0, 0), (4_000, 0, 0)]
    builder_path = f"/kubepods/burstable/pod{uid_of('Pod/shop/cache-1')}/{runtime_id_of('cache-1/cache')}"
    builder = shop(tmp_path)
    for second, (used_ms, _periods, _throttled) in zip((30.0, 35.0), totals, strict=True):
        columns = {"cgroup.path": builder_path, "cpu.usage_ns": used_ms * 1_000_000, "cpu.period_ns": 100_000_000}
        builder.row("cpu", "cpu.sample", second, **columns)
    (row,) = model_of(builder.write(), "cpu_usage").engine.records("SELECT * FROM cpu_usage")
    assert (row["usage_millicores"], row["usual_millicores"]) == (800, 0)


def sent(builder, number, at, **columns):
    """A signal to process 77 of the cache, from a process of the api unless told otherwise."""
    known = {"process.pid": 77, "process.command": "cached", "signal.number": number, "signal.code": 0}
    known |= {"signal.name": f"SIG{number}", "signal.disposition": "default", "cgroup_id": 12}
    known |= {"signal.sender.pid": 5, "signal.sender.command": "sh", "signal.sender.cgroup_id": 11}
    return builder.row("signal", "signal.sent", at, **(known | columns))


def test_a_signal_says_whether_it_is_fatal_and_who_sent_it(tmp_path, model_of):
    # GIVEN a kill by another process, a handled SIGTERM to itself, and a fault
    builder = sent(shop(tmp_path), 9, 5.0)
    sent(builder, 15, 6.0, **{"signal.sender.pid": 77, "signal.disposition": "handler"})
    nobody = {"signal.sender.pid": None, "signal.sender.command": None, "signal.sender.cgroup_id": None}
    sent(builder, 11, 7.0, **nobody, **{"signal.code": 1})
    rows = model_of(builder.write(), "signal_sent").engine.records("SELECT * FROM signal_sent ORDER BY at_ns")
    # THEN
    assert [row["entity_id"] for row in rows] == [CACHE] * 3
    assert [(row["is_fatal"], row["is_fault"], row["is_foreign"], row["is_handled"]) for row in rows] == [
        (True, False, True, False),
        (False, False, False, True),
        (True, True, False, False),
    ]
    assert [(row["sender"], row["sender_id"]) for row in rows] == [
        ("sh (5)", API),
        ("sh (77)", API),
        ("the kernel", None),
    ]


def test_a_process_is_stopped_from_the_first_stop_signal_until_it_is_continued_or_killed(tmp_path, model_of):
    # GIVEN a process that is stopped twice and continued, and later stopped until the end
    builder = shop(tmp_path)
    for number, at in ((19, 5.0), (19, 6.0), (18, 8.0), (19, 10.0), (9, 12.0), (19, 14.0)):
        sent(builder, number, at)
    builder.kube_object("ConfigMap", "end", {}, at=20)
    rows = model_of(builder.write(), "process_stopped").engine.records("SELECT * FROM process_stopped ORDER BY at_ns")
    # THEN
    assert [(row["at_ns"], row["to_ns"], row["is_open"]) for row in rows] == [
        (unix_ns(5.0), unix_ns(8.0), False),
        (unix_ns(10.0), unix_ns(12.0), False),
        (unix_ns(14.0), unix_ns(20), True),
    ]
    assert {(row["entity_id"], row["stopped_by"], row["told_by"]) for row in rows} == {(CACHE, "sh (5)", "signal")}


def stalled(builder, at, *, pid=77, state="stopped", ns=0):
    columns = {"process.pid": pid, "process.start_boot_ns": 1, "process.command": "cached", "cgroup_id": 12}
    columns |= {"process.state": state, "process.stalled_ns": ns}
    return builder.row("process_stall", "process.stalled", at, **columns)


def test_a_process_that_is_only_seen_to_be_stopped_is_stopped_as_long_as_it_is_seen(tmp_path, model_of):
    # GIVEN one that is seen four times, twice in a row, one whose signal is recorded, too, and the end long after
    builder = shop(tmp_path)
    for at in (30.0, 35.0, 70.0, 75.0):
        stalled(builder, at)
    sent(builder, 19, 79.0, **{"process.pid": 78})
    stalled(builder, 80.0, pid=78)
    builder.kube_object("ConfigMap", "end", {}, at=90)
    rows = model_of(builder.write(), "process_stopped").engine.records("SELECT * FROM process_stopped ORDER BY at_ns")
    # THEN the signal is believed, and every other time it was seen is an interval
    assert [(row["pid"], row["at_ns"], row["to_ns"], row["is_open"], row["told_by"]) for row in rows] == [
        (77, unix_ns(30.0), unix_ns(35.0), False, "state"),
        (77, unix_ns(70.0), unix_ns(90), True, "state"),
        (78, unix_ns(79.0), unix_ns(90), True, "signal"),
    ]
    assert not any(row["is_old"] or row["is_past"] for row in rows)


def test_a_process_that_is_stuck_in_the_kernel_is_not_a_stopped_one(tmp_path, model_of):
    path = stalled(shop(tmp_path), 5.0, state="uninterruptible", ns=6_000_000_000).write()
    engine = model_of(path, "process_stuck", "process_stopped").engine
    assert engine.rows("SELECT entity_id, stalled_ns, wait_channel FROM process_stuck") == [
        (CACHE, 6_000_000_000, None)
    ]
    assert engine.rows("SELECT * FROM process_stopped") == []


def test_file_systems_belong_to_the_pod_of_the_volume_or_to_the_node(tmp_path, model_of):
    # GIVEN a volume of a pod, of which a tenth is reserved and which becomes read-only, and the disk of the node
    builder = shop(tmp_path)
    known = {"filesystem.device": "259:1", "filesystem.mount_point": "/v", "filesystem.size_bytes": 1_000}
    known |= {"filesystem.used_bytes": 450, "filesystem.available_bytes": 450}
    volume = known | {"k8s.pod.uid": uid_of("Pod/shop/cache-1"), "filesystem.inodes": 10, "filesystem.inodes_free": 1}
    for at, mode in ((5.0, "rw"), (20.0, "ro"), (35.0, "ro")):
        builder.row("filesystem", "filesystem.sample", at, **volume, **{"filesystem.mode": mode})
    disk = known | {"filesystem.device": "254:0", "filesystem.mode": "rw", "filesystem.available_bytes": 0}
    builder.row("filesystem", "filesystem.sample", 40.0, **disk)
    engine = model_of(builder.write(), "filesystem_usage").engine
    rows = engine.records("SELECT * FROM filesystem_usage ORDER BY at_ns")
    # THEN
    pod = f"Pod/{uid_of('Pod/shop/cache-1')}"
    assert [row["entity_id"] for row in rows] == [pod, pod, pod, "Node/node-1"]
    assert [(row["used_permille"], row["used_inodes_permille"]) for row in rows] == [(500, 900)] * 3 + [(1000, None)]
    assert [row["became_read_only"] for row in rows] == [False, True, False, False]


def test_requests_to_disks_belong_to_their_container_and_to_the_disk_of_the_node(tmp_path, engine):
    from analyzer.model.build import PartStep
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # GIVEN requests of the cache, and of the kernel
    builder = shop(tmp_path)
    columns = {"block_io.device": "254:0", "block_io.operation": "write", "count": 3, "block_io.at_least_ns": 64_000}
    for cgroup_id, error in ((12, "EIO"), (999, None)):
        builder.row("block_io", "disk.requests", 5.0, cgroup_id=cgroup_id, **columns, **{"error.type": error})
    model = build_model(open_capture(builder.write()), engine, wanted=["disk_request"])
    # WHEN
    seen = []
    model.go_through([PartStep({"disk_request": ()}, lambda _part: seen.extend(engine.records("FROM disk_request")))])
    # THEN
    assert [(row["entity_id"], row["error_type"]) for row in seen] == [(CACHE, "EIO"), ("Node/node-1", None)]
    assert {(row["node_id"], row["device"], row["count"], row["at_least_ns"]) for row in seen} == {
        ("Node/node-1", "254:0", 3, 64_000)
    }


def test_a_slow_fsync_is_of_its_container_and_of_the_time_when_it_began(tmp_path, model_of):
    # GIVEN one fsync of the cache, counts of the same, and a write of the kernel's own
    builder = shop(tmp_path)
    columns = {"file.device": "254:0", "count": 1}
    waited = {"file.path": "/data/wal", "file.at_least_ns": 2_000_000_000}
    builder.row("file", "file.sync_slow", 5.0, cgroup_id=12, **columns, **waited)
    builder.row("file", "file.syncs", 5.0, cgroup_id=12, **columns, **waited)
    builder.row("file", "file.write_failed", 6.0, cgroup_id=0, **columns, **{"error.type": "EIO"})
    # WHEN / THEN
    engine = model_of(builder.write(), "file_sync").engine
    slow, failed = engine.records("SELECT * FROM file_sync ORDER BY at_ns")
    assert (slow["entity_id"], slow["event"], slow["path"]) == (CACHE, "sync_slow", "/data/wal")
    assert (failed["entity_id"], failed["event"], failed["path"]) == ("Node/node-1", "write_failed", "a file")
    assert failed["at_ns"] - slow["at_ns"] == 3_000_000_000


def test_a_query_names_its_server_and_a_search_that_finds_a_name_is_no_failure(tmp_path, engine):
    from analyzer.model.build import PartStep
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # GIVEN searches of the api for two names, of which one is found; a query that the Service of the cache does not answer
    builder = shop(tmp_path)
    server = {"network.peer.address": "10.2.0.1", "process.command": "api", "dns.question.type": "A", "count": 1}
    for at, event, name, code in (
        (5.0, "failed", "db.shop.svc", "NXDOMAIN"),
        (5.1, "failed", "mail.shop.svc", "NXDOMAIN"),
        (5.2, "failed", "mail", "NXDOMAIN"),
        (5.3, "resolved", "db.svc", "NOERROR"),
        (20.0, "failed", "db.shop.svc", "NXDOMAIN"),
        (21.0, "unanswered", "db", None),
    ):
        asked = {**server, "dns.question.name": name, "dns.response_code": code}
        builder.row("dns", f"dns.{event}", at, cgroup_id=11, **asked)
    builder.row(
        "dns", "dns.answers", 22.0, cgroup_id=12, **{**server, "network.peer.address": "127.0.0.53", "count": 9}
    )
    model = build_model(open_capture(builder.write()), engine, wanted=["relation", "dns_failure", "dns_answer"])
    # WHEN
    seen = {"dns_failure": [], "dns_answer": []}
    steps = [
        PartStep({fact: ()}, lambda _part, fact=fact: seen[fact].extend(engine.records(f"FROM {fact} ORDER BY at_ns")))
        for fact in seen
    ]
    model.go_through(steps)
    # THEN
    service = engine.rows("SELECT entity_id FROM entity WHERE kind = 'Service'")[0][0]
    assert [(row["question"], row["searched"], row["outcome"]) for row in seen["dns_failure"]] == [
        ("mail.shop.svc", "mail", "failed"),
        ("mail", "mail", "failed"),
        ("db.shop.svc", "db.shop.svc", "failed"),
        ("db", "db", "unanswered"),
    ]
    assert {(row["entity_id"], row["server_id"]) for row in seen["dns_failure"]} == {(API, service)}
    assert [(row["entity_id"], row["server_id"], row["count"]) for row in seen["dns_answer"]] == [
        (CACHE, "Address/127.0.0.53", 9)
    ]
    calls = engine.rows("SELECT source_id, target_id FROM relation WHERE relation = 'CALLS'")
    assert calls == [(f"Pod/{uid_of('Pod/shop/api-1')}", service)]


def test_waits_for_a_cpu_name_the_container_that_ran_instead(tmp_path, engine):
    from analyzer.model.build import PartStep
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # GIVEN waits of the cache, of which the last ones are short
    builder = shop(tmp_path)
    for at, other, at_least_ns in ((5.0, 11, 16_384_000), (6.0, 10, 16_384_000), (7.0, None, 0)):
        columns = {"run_queue.other_cgroup_id": other, "run_queue.at_least_ns": at_least_ns, "count": 4}
        builder.row("run_queue", "cpu.waits", at, cgroup_id=12, **columns)
    model = build_model(open_capture(builder.write()), engine, wanted=["cpu_wait"])
    # WHEN
    seen = []
    step = PartStep({"cpu_wait": ()}, lambda _part: seen.extend(engine.records("FROM cpu_wait ORDER BY at_ns")))
    model.go_through([step])
    # THEN what is not in a pod has no name
    assert [(row["entity_id"], row["other_id"], row["at_least_ns"], row["count"]) for row in seen] == [
        (CACHE, API, 16_384_000, 4),
        (CACHE, None, 16_384_000, 4),
        (CACHE, None, 0, 4),
    ]


@pytest.mark.parametrize(("each_second", "grows"), [(1, False), (4, True)], ids=["as-before", "more-than-before"])
def test_callers_that_are_answered_again_after_an_outage_do_not_call_more(tmp_path, model_of, each_second, grows):
    # GIVEN an api that calls once a second, is refused for forty seconds, and then calls as before or more often
    builder = shop(tmp_path)
    peer = {"cgroup_id": 11, "network__peer__address": "10.2.0.1", "network__peer__port": 6379}
    for second in range(1, 70):
        builder.tcp("refused" if second >= 30 else "connect", second + 0.5, **peer)
    for call in range(50 * each_second):
        builder.tcp("connect", 70.5 + call / each_second, **peer)
    # WHEN growth is looked for
    rows = model_of(builder.write(), "call_growth").engine.records("FROM call_growth")
    # THEN what was refused counts as asked before
    assert [(row["usual"], row["opened"]) for row in rows] == ([(10, 40)] if grows else [])


def test_callers_that_are_first_seen_within_a_step_do_not_call_more_in_the_next(tmp_path, model_of):
    # GIVEN connections that are recorded from the 27th second on, as those of a program that is started then
    builder = shop(tmp_path)
    for call in range(220):
        peer = {"cgroup_id": 11, "network__peer__address": "10.2.0.1", "network__peer__port": 6379}
        builder.tcp("connect", 27.0 + call * 0.4, **peer)
    # THEN the fewer of their first step are no usual load
    assert model_of(builder.write(), "call_growth").engine.rows("FROM call_growth") == []


@pytest.mark.parametrize(
    ("begin", "first", "grows"),
    [(3, 3.5, True), (8, 8.5, False), (3, 6.5, False)],
    ids=["seven-seconds", "too-short-to-tell", "not-called-from-the-beginning"],
)
def test_step_in_which_the_recording_begins_counts_in_proportion(tmp_path, model_of, begin, first, grows):
    # GIVEN an api that calls the cache twice a second, and six times as often from the 12th second of the clock on
    builder = shop(tmp_path, begin=begin)
    peer = {"cgroup_id": 11, "network__peer__address": "10.2.0.1", "network__peer__port": 6379}
    for call in range(round((12 - first) * 2)):
        builder.tcp("connect", first + call / 2, **peer)
    for call in range(12 * 38):
        builder.tcp("connect", 12 + call / 12, **peer)
    # WHEN growth is looked for
    rows = model_of(builder.write(), "call_growth").engine.records("FROM call_growth")
    # THEN 13 calls in the first seven seconds are 19 in ten
    assert [(row["usual"], row["opened"]) for row in rows] == ([(19, 113)] if grows else [])


def test_a_container_is_frozen_from_its_freezing_to_its_thawing_or_its_end(tmp_path, model_of):
    # GIVEN one that is frozen when a segment begins, is thawed, and is frozen again over another beginning
    builder = shop(tmp_path)
    for at, event in ((2.0, "state"), (2.0, "frozen"), (5.0, "thawed"), (10.0, "frozen"), (20.0, "state")):
        builder.cgroup(12, "cache-1", "cache", at, event=event)
    builder.cgroup(12, "cache-1", "cache", 20.0, event="frozen")
    # AND a recorder that was not there when it was thawed
    builder.cgroup(12, "cache-1", "cache", 30.0)
    # AND one that is frozen until it is gone, a part of one, and the cgroup of the pod
    builder.cgroup(12, "cache-1", "cache", 40.0, event="frozen")
    builder.cgroup(12, "cache-1", "cache", 42.0, event="removed")
    inner = f"/kubepods/pod{uid_of('Pod/shop/cache-1')}/{runtime_id_of('cache-1/cache')}/user.slice"
    builder.cgroup(14, "cache-1", "cache", 50.0, event="frozen", **{"cgroup.path": inner})
    builder.cgroup(15, "cache-1", None, 50.0, event="frozen")
    builder.kube_object("ConfigMap", "end", {}, at=60)
    rows = model_of(builder.write(), "container_frozen").engine.records("SELECT * FROM container_frozen ORDER BY at_ns")
    # THEN
    assert [(row["at_ns"], row["to_ns"], row["is_old"], row["is_past"]) for row in rows] == [
        (unix_ns(2.0), unix_ns(5.0), True, True),
        (unix_ns(10.0), unix_ns(30.0), False, False),
        (unix_ns(40.0), unix_ns(42.0), False, False),
    ]
    assert {(row["entity_id"], row["runtime_id"]) for row in rows} == {(CACHE, runtime_id_of("cache-1/cache"))}


def test_what_runs_in_a_container_that_lives_for_a_moment_is_its_own(tmp_path, engine):
    from analyzer.model.build import PartStep
    from formats.capture.reading import open_capture
    from tests.analyzer.shipped_model import build_model

    # GIVEN a job's container that lives for 50 ms, in which a process connects and exits
    run = "send-1/send"
    builder = shop(tmp_path).pod("send-1", statuses=[container_status("send", run_of=run)], at=5.0)
    builder.cgroup(40, "send-1", "send", 6.0, event="added")
    builder.tcp("refused", 6.02, cgroup_id=40, network__peer__address="10.9.9.9", network__peer__port=1)
    builder.process("exit", 400, 6.04, started=6.01, cgroup_id=40, process__exit__code=1)
    builder.cgroup(40, "send-1", "send", 6.05, event="removed")
    model = build_model(open_capture(builder.write()), engine, wanted=["process_exit", "tcp_failure"])
    # WHEN
    seen = []
    take = [
        PartStep({fact: ()}, lambda _part, fact=fact: seen.extend(engine.records(f"FROM {fact}")))
        for fact in ("process_exit", "tcp_failure")
    ]
    model.go_through(take)
    # THEN
    assert [row["entity_id"] for row in seen] == [f"Container/{uid_of('Pod/shop/send-1')}/send"] * 2


@pytest.mark.parametrize(
    ("before", "since", "is_told"),
    [
        ((200, 10), (5, 20), True),
        ((404, 2), (5, 20), False),
        ((200, 1), (5, 20), False),
        ((200, 10), (60, 20), False),
        ((200, 10), (1, 4), False),
    ],
    ids=["found-before", "never-found", "too-little-known-of-before", "found-mostly", "too-few"],
)
def test_server_that_no_longer_finds_what_it_found_is_told(tmp_path, model_of, before, since, is_told):
    # GIVEN a cache that answers for twenty seconds, and then to some requests that there is no such thing
    builder = shop(tmp_path)

    def answers(status, count, second):
        columns = {"http.response.status_code": status, "request.side": "server"}
        builder.row("request", "request.responses", second, cgroup_id=12, count=count, **columns)

    (status, count), (found, missed) = before, since
    for second in range(2, 22, 2):
        answers(status, count, second + 0.5)
    answers(200, found, 30.5)
    for second, share in ((30.6, missed - missed // 2), (38.6, missed // 2)):
        answers(404, share, second)
    # WHEN it is looked for
    rows = model_of(builder.write(), "answers_not_found").engine.records("FROM answers_not_found")
    # THEN it counts from the first of them, if nearly all was found before
    told = [(row["entity_id"], row["at_ns"], row["not_found"], row["has_scratch_volume"]) for row in rows]
    assert told == ([(CACHE, unix_ns(30.6), missed, False)] if is_told else [])


@pytest.mark.parametrize(
    ("shares", "is_told"),
    [
        ({(2, 26): 0, (26, 60): 1_024}, True),
        ({(2, 60): 1_024}, False),
        ({(2, 26): 0, (26, 34): 1_024, (34, 60): 0}, False),
        ({(2, 26): 0, (26, 60): 64}, False),
        ({(20, 26): 0, (26, 60): 1_024}, False),
    ],
    ids=["at-once-before", "always-late", "shortly-late", "late-below-a-quarter-second", "too-little-known-of-before"],
)
def test_server_that_takes_long_for_what_it_answered_at_once_is_told(tmp_path, model_of, shares, is_told):
    # GIVEN a cache that answers twice a second, from some second on late
    builder = shop(tmp_path)
    for (begin, end), at_least_ms in shares.items():
        for second in range(begin, end):
            columns = {"request.side": "server", "http.response.status_code": 200}
            latency = {"request.at_least_ns": at_least_ms * 1_000_000}
            builder.row("request", "request.responses", second + 0.5, cgroup_id=12, count=2, **columns, **latency)
    # WHEN it is looked for
    rows = model_of(builder.write(), "answers_late").engine.records("FROM answers_late")
    # THEN it counts from the first late answer, with the longest time that says so
    told = [(row["entity_id"], row["at_ns"], row["took"], row["late"], row["is_open"]) for row in rows]
    assert told == ([(CACHE, unix_ns(26.5), "1 s", 68, True)] if is_told else [])
