"""Promises of `tapio diff`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli
from formats.times import format_time
from tests.analyzer.capture_builder import CaptureBuilder, unix_ns

INCIDENTS = Path(__file__).parents[3] / "fixtures" / "incidents"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["diff", *map(str, arguments)], catch_exceptions=False)


def recorded(tmp_path: Path, name: str, image: str, suffix: str, *, marks: Mapping[str, str] | None = None) -> Path:
    """A Deployment with one Pod over a hundred seconds; `marks` are annotations of its template."""
    directory = tmp_path / name
    directory.mkdir()
    template = {"metadata": {"annotations": marks}} if marks else {"metadata": {}}
    template |= {"spec": {"containers": [{"name": "app", "image": image}]}}
    builder = CaptureBuilder(directory)
    builder.kube_object("Deployment", "api", {"spec": {"replicas": 1, "template": template}}, at=0)
    builder.kube_object("Pod", f"api-{suffix}", {"spec": template["spec"]}, at=0.5, owner=("ReplicaSet", "api"))
    builder.row("request", "request.responses", 100, cgroup_id=7, count=1, request__side="server")
    return builder.write(f"{name}.tapio")


def test_a_capture_does_not_differ_from_itself(tmp_path: Path) -> None:
    capture = recorded(tmp_path, "one", "shop/api:1", "5nx7qv52cv-7rk2v")
    answer = run(capture, capture)
    assert (answer.exit_code, answer.output.splitlines()[-1]) == (0, "Nothing differs.")


def test_another_image_is_a_difference_and_another_hash_is_not(tmp_path: Path) -> None:
    one = recorded(tmp_path, "one", "shop/api:1", "5nx7qv52cv-7rk2v")
    other = recorded(tmp_path, "two", "shop/api:2\x1b[2J", "6bx7qv52cv-n4lqt")
    differences = json.loads(run(one, other, "--json").output)["differences"]
    (difference,) = [told for told in differences if told["sort"] not in ("finding", "symptom")]
    assert (difference["sort"], difference["before"]) == ("image", "shop/api:1")
    # AND what was recorded is shown escaped
    assert "shop/api:1 → shop/api:2\\x1b[2J" in run(one, other).output


@pytest.mark.slow
def test_what_tools_write_into_an_object_is_no_difference(tmp_path: Path) -> None:
    one = recorded(tmp_path, "one", "shop/api:1", "5nx7qv52cv-7rk2v")
    marks = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T03:30:40Z"}
    other = recorded(tmp_path, "two", "shop/api:1", "5nx7qv52cv-7rk2v", marks=marks)
    assert json.loads(run(one, other, "--json").output)["differences"] == []


@pytest.mark.slow
def test_one_capture_is_compared_at_two_times(tmp_path: Path) -> None:
    capture = recorded(tmp_path, "one", "shop/api:1", "5nx7qv52cv-7rk2v")
    times = [format_time(unix_ns(second)) for second in (1, 60)]
    told = json.loads(run(capture, "--against", times[0], "--at", times[1], "--span", 20, "--json").output)
    assert [interval["from"] for interval in told["intervals"]] == times
    assert told["differences"] == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["--at", "2026-11-21T02:11:43Z"], ["--at", "1999-11-21T02:11:43Z", "--against", "1999-11-21T02:11:43Z"]],
)
def test_one_capture_needs_two_times_within_it(tmp_path: Path, arguments: list[str]) -> None:
    capture = recorded(tmp_path, "one", "shop/api:1", "5nx7qv52cv-7rk2v")
    answer = run(capture, *arguments)
    assert answer.exit_code == 2
    assert "--against" in answer.output


@pytest.mark.slow
def test_an_incident_differs_from_a_healthy_rollout_by_its_finding_first() -> None:
    told = json.loads(run(INCIDENTS / "healthy-rollout.tapio", INCIDENTS / "demo.tapio", "--json").output)
    first = told["differences"][0]
    assert (first["sort"], first["presence"], first["subject"]["name"]) == ("finding", "new", "cache-config")
    changed = {(one["subject"]["name"], one["after"]) for one in told["differences"] if one["sort"] == "object"}
    assert ("cache-config", "160") in changed
