"""Promises of `tapio why`, `analyze` and `timeline` at the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from formats.errors import TapioError
from tests.analyzer.capture_builder import CaptureBuilder, container_status, runtime_id_of, termination

FOLDER = Path(__file__).parents[3] / "fixtures" / "captures"
OOM = str(FOLDER / "configmap-oom-crashloop.tapio")
DEMO = str(FOLDER.parent / "incidents" / "demo.tapio")
HEALTHY = str(FOLDER / "healthy-rolling-update.tapio")


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    "question",
    [
        "svc/cache",
        pytest.param("service/shop/cache", marks=pytest.mark.slow),
        pytest.param("Service/cache", marks=pytest.mark.slow),
    ],
)
def test_why_tells_the_way_from_the_root_cause_to_the_object(question):
    answer = run("why", OOM, question)
    assert answer.exit_code == 0
    lines = answer.output.splitlines()
    order = [
        "ConfigMap cache-config: data.CACHE_MB 16 → 200",
        "Deployment cache was restarted",
        "was killed because it exceeded its memory limit",
        "Service cache had no ready endpoints",
    ]
    places = [next(number for number, line in enumerate(lines) if text in line) for text in order]
    assert places == sorted(places)
    assert "[kube_object:kube-api:165]" in answer.output
    assert "confidence" in answer.output


@pytest.mark.slow
def test_why_of_the_root_cause_says_that_it_is_one():
    assert "This is the root cause:" in run("why", OOM, "cm/cache-config").output


@pytest.mark.slow
def test_why_of_a_workload_covers_its_pods():
    assert "was killed because" in run("why", OOM, "deploy/cache").output


@pytest.mark.slow
def test_why_of_a_healthy_object_says_so_and_ends_well():
    answer = run("why", OOM, "deploy/docs")
    assert answer.exit_code == 0
    assert "No symptom of it was found in this recording." in answer.output
    assert "restartedAt" in answer.output


def test_why_of_something_unknown_ends_with_one_and_near_names():
    answer = run("why", OOM, "deploy/cashe")
    assert answer.exit_code == 1
    assert "cache" in answer.output
    assert "no object named" in answer.output


@pytest.mark.slow
def test_why_takes_a_runtime_id_and_a_pid(tmp_path):
    # GIVEN a container that was OOM-killed, and its process
    path = (
        CaptureBuilder(tmp_path)
        .pod("cache-1", statuses=[container_status("cache", run_of="cache-1/cache")], at=0)
        .cgroup(12, "cache-1", "cache")
        .process("state", 4711, process__parent_pid=1, cgroup_id=12, process__command="cached")
        .pod(
            "cache-1",
            at=10,
            statuses=[
                container_status(
                    "cache",
                    run_of="cache-1/2",
                    restarts=1,
                    last=termination(at=9, reason="OOMKilled", exit_code=137, run_of="cache-1/cache"),
                )
            ],
        )
        .write()
    )
    # WHEN it is asked for by the id that the runtime gave it THEN it is the container
    for question in (runtime_id_of("cache-1/cache"), runtime_id_of("cache-1/cache")[:12], "cache-1"):
        answer = run("why", path, question)
        assert answer.exit_code == 0, question
        assert "was killed because" in answer.output
    assert run("why", path, "4711").exit_code == 0
    assert run("why", path, "4712").exit_code == 1


@pytest.mark.slow
def test_names_that_would_steer_the_terminal_are_shown_escaped(tmp_path):
    # GIVEN a pod whose name holds an escape sequence
    path = CaptureBuilder(tmp_path).pod("evil-\x1b[31m", at=0).write()
    for question in ("evil-\x1b[31m", "evil-\x1b[31"):
        assert "\x1b" not in run("why", path, question).output


def test_analyze_prints_the_document():
    document = json.loads(run("analyze", OOM, "--json").output)
    assert document["findings"][0]["root_cause"]["name"] == "cache-config"


@pytest.mark.slow
def test_analyze_prints_a_story_and_ends_well_whatever_it_finds():
    story = run("analyze", OOM).output
    assert "configmap/cache-config" in story
    assert run("analyze", HEALTHY).exit_code == 0


def test_timeline_is_in_order_of_time():
    rows = [json.loads(line) for line in run("timeline", OOM, "--json").output.splitlines()]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert {"ConfigMap", "Container", "Service"} <= {row["kind"] for row in rows}


@pytest.mark.slow
def test_timeline_tells_a_part_to_people_and_all_on_request():
    text = run("timeline", OOM).output
    assert "fatal    #1 " in text
    assert len(run("timeline", OOM, "--all").output.splitlines()) >= len(text.splitlines())


def test_window_must_end_after_it_begins():
    assert run("analyze", OOM, "--from", "2026-11-20T18:14:00Z", "--to", "2026-11-20T18:13:00Z").exit_code == 2
    assert run("analyze", OOM, "--from", "yesterday").exit_code == 2


@pytest.mark.slow
def test_own_knowledge_is_used(tmp_path):
    # GIVEN a symptom of one's own that takes a completed Job for a failure
    (tmp_path / "own.yaml").write_text(
        "kind: Symptom\nname: job-done\nnature: symptom\ncondition: crashing\nseverity: error\ntitle: '{entity} is done'\n"
        "from: job_status\nwhere: condition = 'Complete' AND NOT is_old\n"
    )
    document = json.loads(run("analyze", HEALTHY, "--json", "--knowledge", tmp_path).output)
    assert document["findings"][0]["title"].endswith("is done")
    assert document["findings"][0]["pattern"] is None


@pytest.mark.parametrize("command", [["analyze"], ["timeline"], ["why", "pod/x"]])
def test_missing_capture_is_one_clear_error(command, tmp_path):
    with pytest.raises(TapioError) as caught:
        run(command[0], tmp_path / "absent.tapio", *command[1:])
    assert caught.value.exit_code == 66


@pytest.mark.parametrize("name", ["svc/cache", "svc/api", "svc/frontend", "node/node-a"])
def test_what_answers_for_failing_pods_is_never_said_to_be_well(name):
    # GIVEN an incident in which every pod behind these Services, and on this node, fails
    text = run("why", DEMO, name).output
    # THEN the answer is the finding, and no denial; the node and the Services are not called the root cause
    assert "exceed its memory limit" in text
    assert "No symptom of it was found" not in text
    assert "This is the root cause" not in text


def test_process_answers_for_its_container():
    victim = run(
        "sql",
        DEMO,
        "--csv",
        "select name from entity where kind = 'Process' and name like 'cache (%' order by from_ns desc limit 1",
    )
    pid = victim.output.split("(")[1].split(")")[0]
    assert "exceed its memory limit" in run("why", DEMO, pid).output


def test_why_takes_what_kubectl_takes_and_gives_json():
    # WHEN an object is named by kind and name apart, with its namespace
    answer = run("why", OOM, "deployments.apps", "cache", "-n", "shop", "--json")
    # THEN it is the same object, and programs get the steps
    explained = json.loads(answer.output)
    assert explained["objects"] == ["Deployment shop/cache"]
    assert explained["findings"][0]["steps"]
    # AND another namespace has none of that name, which is said with what there is
    elsewhere = run("why", OOM, "deploy/cache", "-n", "bank")
    assert elsewhere.exit_code == 1
    assert "in namespace bank; similar names: deployment/shop/cache" in elsewhere.output
    # AND three words name nothing
    assert run("why", OOM, "a", "b", "c").exit_code != 0


def test_timeline_shows_one_namespace_or_says_where_there_is_more():
    rows = [json.loads(line) for line in run("timeline", OOM, "-n", "shop", "--json").output.splitlines()]
    assert rows
    assert {row["namespace"] for row in rows} == {"shop"}
    assert run("timeline", OOM, "-n", "bank").output.splitlines() == [
        "No symptoms or changes were recorded in namespace bank; there are some in shop."
    ]


def test_timeline_is_painted_by_severity_and_color_changes_nothing_else():
    plain = run("timeline", OOM, "--color", "never").output
    painted = run("timeline", OOM, "--color", "always").output
    assert "\x1b[31merror  \x1b[0m" in painted
    assert "\x1b" not in plain
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == plain
