"""Promises of `tapio pattern`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli
from analyzer.knowledge.descriptions import describe_rules
from analyzer.knowledge.files import SHIPPED, KnowledgeFile
from analyzer.knowledge.load import load_knowledge
from analyzer.knowledge.skeleton import write_skeleton
from formats.errors import OutputError, UsageError
from tests.analyzed import document_of, shipped_knowledge
from tests.analyzer.capture_builder import CaptureBuilder
from tests.analyzer.knowledge_text import CAUSE, CHANGE, PATTERN, SYMPTOM

CAPTURES = Path(__file__).parents[3] / "fixtures" / "captures"
OOM = CAPTURES / "configmap-oom-crashloop.tapio"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["pattern", *map(str, arguments)], catch_exceptions=False)


def write(path: Path, *documents: str) -> Path:
    path.write_text("\n---\n".join(document.strip() for document in documents) + "\n", encoding="utf-8")
    return path


def test_list_names_every_pattern_and_trend_and_those_of_ones_own(tmp_path: Path) -> None:
    own = write(tmp_path / "own.yaml", SYMPTOM, CHANGE, CAUSE, PATTERN)
    rows = json.loads(run("list", "--json", "--knowledge", own).output)
    expected = {pattern.name: len(pattern.tests) for pattern in shipped_knowledge().patterns} | {"bad-edit": 0}
    expected |= {trend.name: len(trend.tests) for trend in shipped_knowledge().trends}
    assert {row["name"]: row["tests"] for row in rows} == expected
    lines = run("list", "--knowledge", own).output.splitlines()
    assert lines[0].split() == ["NAME", "CATEGORY", "TESTS", "TITLE"]
    assert {line.split()[0] for line in lines[1:]} == set(expected)


def test_list_says_what_a_trend_foretells_and_which_patterns_that_concerns() -> None:
    rows = {row["name"]: row for row in json.loads(run("list", "--json").output)}
    trend = rows["memory-reaches-limit"]
    assert (trend["kind"], trend["category"]) == ("trend", "prediction")
    assert trend["foretells"] == ["kernel-oom-kill", "container-oom-killed"]
    assert {name for name, row in rows.items() if "memory-reaches-limit" in row.get("foretold_by", ())} >= {
        "memory-leak",
        "config-out-of-memory",
    }
    assert rows["claim-without-volume"]["foretold_by"] == []


def test_show_tells_all_that_a_trend_says() -> None:
    (trend,) = (rule for rule in shipped_knowledge().trends if rule.name == "memory-reaches-limit")
    shown = run("show", trend.name).output
    for text in (trend.title, trend.meaning, trend.where, trend.quantity.sql, *trend.foretells, *trend.actions):
        assert text in shown
    for test in trend.tests:
        assert test.capture in shown
    # AND the symptom and the pattern that it concerns name it
    for name in ("kernel-oom-kill", "memory-leak"):
        assert "trend memory-reaches-limit" in run("show", name).output


EARLY_SIGN = """
foretells:
  - {symptom: crash, share: 0.8, within: 10m, after: 3}
"""


def test_show_tells_what_a_symptom_is_an_early_sign_of(tmp_path: Path) -> None:
    sign = SYMPTOM.replace("name: crash", "name: stumble").strip() + EARLY_SIGN
    own = write(tmp_path / "own.yaml", SYMPTOM, sign)
    shown = run("show", "stumble", "--knowledge", own).output
    assert "crash: follows event 3 within 10 min in 80% of the episodes" in shown


def test_show_tells_the_recorded_tables_that_a_pattern_needs() -> None:
    shown = run("show", "dependency-stopped-listening").output
    evidence = shown[shown.index("Evidence:") : shown.index("Actions:")]
    assert "  listener-closed: tcp\n" in evidence
    assert "  requests-failing: request\n" in evidence


def test_show_tells_all_that_a_pattern_says() -> None:
    (pattern,) = (rule for rule in shipped_knowledge().patterns if rule.name == "claim-without-volume")
    shown = run("show", "claim-without-volume").output
    for text in (
        *(pattern.title, pattern.meaning, pattern.where, *pattern.roots, *pattern.chain, *pattern.actions),
        *(test.capture for test in pattern.tests),
        "in fact volume_phase where kind = 'PersistentVolumeClaim'",
    ):
        assert text in shown


@pytest.mark.parametrize("kind", ["symptoms", "causes", "mechanisms", "patterns", "trends"])
def test_show_knows_every_rule_of_a_finding(kind: str) -> None:
    rules = getattr(shipped_knowledge(), kind)
    for rule in rules:
        told = "\n".join(describe_rules(rule.name, shipped_knowledge()))
        assert rule.where in told
        assert f" {rule.name} (" in told
    assert run("show", rules[0].name).output.splitlines() == list(describe_rules(rules[0].name, shipped_knowledge()))


def test_show_of_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean `claim-without-volume`"):
        run("show", "clam-without-volume")


def test_lint_of_the_shipped_knowledge_finds_nothing() -> None:
    answer = run("lint", "--strict", SHIPPED)
    assert answer.exit_code == 0, answer.output
    assert answer.output.endswith(": 0 errors, 0 warnings\n")


def test_lint_reports_the_mistakes_of_all_documents_with_their_places(tmp_path: Path) -> None:
    # GIVEN three documents in two files that cannot be read, and one that can
    one = write(tmp_path / "one.yaml", SYMPTOM.replace("severity: error", "severity: eror"), CAUSE + "frobnicate: 1\n")
    two = write(tmp_path / "two.yaml", CHANGE, PATTERN.replace("kind: Pattern", "kind: Patern"))
    # WHEN they are checked
    answer = run("lint", tmp_path)
    # THEN each mistake has its own line and the next step, and what follows from them is not reported
    assert answer.exit_code == 1
    lines = answer.output.splitlines()
    assert [line.split(": error: ")[0] for line in lines[:3]] == [f"{one}:5:11", f"{one}:21:1", f"{two}:10:7"]
    assert "did you mean `Pattern`?" in lines[2]
    assert lines[3:] == [
        "References between rules are checked when these errors are fixed.",
        "2 files with 0 patterns: 3 errors, 0 warnings",
    ]


def test_lint_reports_every_wrong_reference(tmp_path: Path) -> None:
    write(
        tmp_path / "own.yaml",
        SYMPTOM.replace("exit_code <> 0", "exit_kode <> 0"),
        CHANGE,
        CAUSE.replace("to: [crash]", "to: [crush]"),
        PATTERN.replace("{old_value}", "{older_value}"),
    )
    answer = run("lint", tmp_path)
    assert answer.exit_code == 1
    errors = [line for line in answer.output.splitlines() if ": error: " in line]
    assert len(errors) == 3
    for text in ("no column `exit_kode`", "unknown symptom `crush`", "unknown placeholder `{older_value}`"):
        assert text in answer.output


def test_lint_gives_programs_one_object_per_mistake(tmp_path: Path) -> None:
    own = write(tmp_path / "own.yaml", CHANGE, CAUSE.replace("to: [crash]", "to: [crush]"))
    answer = run("lint", "--json", own)
    assert answer.exit_code == 1
    (remark,) = (json.loads(line) for line in answer.stdout.splitlines())
    assert remark["where"] == f"{own}:{own.read_text().splitlines().index('to: [crush]') + 1}:5"
    assert remark["severity"] == "error"
    assert "unknown symptom `crush`" in remark["says"]


def test_lint_warns_of_what_is_allowed_but_probably_not_meant(tmp_path: Path) -> None:
    own = write(
        tmp_path / "own.yaml",
        SYMPTOM,
        SYMPTOM.replace("name: crash", "name: lonely"),
        CHANGE,
        CAUSE,
        PATTERN.replace('actions: ["Put {old_value} back"]\n', ""),
    )
    answer = run("lint", own)
    assert answer.exit_code == 0
    for text in ("no test that must match", "no near-miss test", "no actions", "uses symptom `lonely`"):
        assert text in answer.output
    assert answer.output.splitlines()[-1] == "1 file with 1 pattern: 0 errors, 4 warnings"
    assert run("lint", "--strict", own).exit_code == 1


def test_lint_accepts_a_pattern_with_a_match_and_a_near_miss(tmp_path: Path) -> None:
    tests = "tests: [{capture: a, root_cause: {kind: ConfigMap, name: x}}, {capture: b, finding: none}]"
    own = write(tmp_path / "own.yaml", SYMPTOM, CHANGE, CAUSE, PATTERN.replace("tests: []", tests))
    assert run("lint", "--strict", own).output == "1 file with 1 pattern: 0 errors, 0 warnings\n"


def test_what_a_file_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    hostile = r'"\e[31m{root} broke {effect}"'
    own = write(tmp_path / "own.yaml", SYMPTOM, CHANGE, CAUSE, PATTERN.replace('"{root} broke {effect}"', hostile))
    wrong = write(tmp_path / "wrong.yaml", PATTERN.replace("kind: Pattern", r'kind: "\e[31m"'))
    for arguments in (("list", "--knowledge", own), ("show", "bad-edit", "--knowledge", own), ("lint", wrong)):
        output = run(*arguments).output
        assert "\x1b" not in output
        assert "[31m" in output


OWN = """
kind: Pattern
name: own
title: "{root} is at fault"
category: own
meaning: "Own knowledge."
root: [config-changed]
requires: [REQUIRED]
tests: []
"""


def test_explain_of_a_pattern_that_was_found_names_the_finding() -> None:
    answer = run("explain", CAPTURES / "pvc-no-storageclass.tapio", "claim-without-volume")
    assert answer.exit_code == 0
    lines = answer.output.splitlines()
    assert lines[0] == "Pattern claim-without-volume was found: finding 1."
    assert "  claim-created: observed once" in lines
    assert "  root cause: yes, of finding 1" in lines
    assert any(line.startswith("  requires pod-waits-for-volume: explained (confidence 0.") for line in lines)
    # AND why another symptom that it may begin with is no root cause
    assert "(rule new-claim-finds-no-volume, confidence 0.95)" in answer.output


@pytest.mark.slow
def test_explain_names_the_preferred_pattern_and_why(tmp_path: Path) -> None:
    own = write(tmp_path / "own.yaml", OWN.replace("requires: [REQUIRED]\n", ""))
    answer = run("explain", OOM, "own", "--knowledge", own)
    assert answer.exit_code == 1
    assert answer.output.startswith("Pattern own was not found.\n")
    assert "config-out-of-memory requires more (1 instead of 0)" in answer.output
    # AND of a general pattern
    general = write(tmp_path / "general.yaml", OWN.replace("requires: [REQUIRED]", "general: true"))
    shown = run("explain", OOM, "own", "--knowledge", general).output
    assert "config-out-of-memory is more particular" in shown


def test_explain_says_which_link_is_missing(tmp_path: Path) -> None:
    own = write(tmp_path / "own.yaml", OWN.replace("REQUIRED", "workload-restarted"))
    shown = run("explain", OOM, "own", "--knowledge", own).output
    # The change of `feature-flags` restarted nothing; the restart that rolls out no recorded change is another symptom.
    beside = shown.split("ConfigMap feature-flags")[1]
    assert "requires workload-restarted: observed once, but not explained by this root" in beside
    assert "no edge: " in beside
    assert "explained by: ConfigMap cache-config" in beside


@pytest.mark.slow
def test_explain_says_that_no_cause_could_make_the_link(tmp_path: Path) -> None:
    orphan = SYMPTOM.replace("nature: symptom\ncondition: crashing", "nature: context").replace(
        "exit_code <> 0", "true"
    )
    own = write(tmp_path / "own.yaml", orphan, OWN.replace("REQUIRED", "crash"))
    assert "no cause leads from config-changed" in run("explain", OOM, "own", "--knowledge", own).output


def test_explain_says_what_was_not_observed_and_what_was_not_recorded() -> None:
    answer = run("explain", CAPTURES / "healthy-idle-jobs.tapio", "config-out-of-memory")
    assert answer.exit_code == 1
    assert "  requires kernel-oom-kill or container-oom-killed: not observed" in answer.output
    assert "  table oom: without rows, kernel-oom-kill cannot be observed" in answer.output


def test_explain_of_an_unknown_pattern_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean `config-crash-loop`"):
        run("explain", OOM, "config-crashloop")


@pytest.mark.slow
def test_recorded_names_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = CaptureBuilder(tmp_path).pod("evil-\x1b[31m", at=0).pod("evil-\x1b[31m", at=60).write()
    seen = "kind: Symptom\nname: seen\nnature: change\nseverity: info\ntitle: '{name}'\nfrom: pod_phase\n"
    own = write(tmp_path / "own.yaml", seen, OWN.replace("config-changed", "seen").replace("REQUIRED", "seen"))
    output = run("explain", path, "own", "--knowledge", own).output
    assert "[31m" in output
    assert "\x1b" not in output


def test_new_writes_a_pattern_that_the_finding_then_has(tmp_path: Path) -> None:
    # GIVEN a pattern written from a finding that already has one
    own = tmp_path / "own.yaml"
    assert run("new", "--from", OOM, "--name", "cache-too-large", "-o", own).exit_code == 0
    # THEN only the near miss is left to be added
    answer = run("lint", own)
    assert answer.exit_code == 0
    assert answer.output.splitlines()[-1] == "1 file with 1 pattern: 0 errors, 1 warning"
    # AND it is found in the recording, at the same root cause
    assert run("explain", OOM, "cache-too-large", "--knowledge", own).exit_code == 0
    assert 'root_cause: {kind: "ConfigMap", namespace: "shop", name: "cache-config"}' in own.read_text(encoding="utf-8")
    # AND an existing file is never replaced
    with pytest.raises(OutputError, match="already exists"):
        run("new", "--from", OOM, "-o", own)


@pytest.mark.slow
def test_new_of_a_finding_that_is_not_there_says_how_many_there_are() -> None:
    with pytest.raises(UsageError, match="there is no finding 9; the capture has 1 finding"):
        run("new", "--from", OOM, "--finding", 9)


def test_new_quotes_recorded_names(tmp_path: Path) -> None:
    (finding,) = document_of(OOM).findings
    name = 'x\x1b[31m", finding: none}\n# \U0001f600\\'
    hostile = replace(finding, root_cause=replace(finding.root_cause, name=name))
    text = write_skeleton(hostile, shipped_knowledge(), name="own", capture="a.tapio")
    assert text.isascii()
    assert "\x1b" not in text
    (pattern,) = load_knowledge([KnowledgeFile("own.yaml", text)]).patterns
    assert pattern.tests[0].root_name == name
