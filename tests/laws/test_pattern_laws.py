"""Laws over all shipped knowledge: what every symptom, cause and pattern must have."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from click.testing import CliRunner

import analyzer.commands.test
from analyzer.cli import cli
from analyzer.knowledge import yaml_types
from analyzer.knowledge.change_tests import run_change_tests
from analyzer.knowledge.compile_changes import LIFECYCLE, OTHER_CATEGORY
from analyzer.knowledge.evidence_tables import symptoms_of_pattern, tables_of_symptom
from analyzer.knowledge.files import shipped_files
from analyzer.knowledge.paths import RELATIONS
from analyzer.knowledge.rules import Nature, Severity
from analyzer.model.engine_tables import declared_facts, fact_columns
from tests.analyzed import document_of, shipped_knowledge

ROOT = Path(__file__).parents[2]
KNOWLEDGE = shipped_knowledge()
DOMAINS = {"scheduling", "startup", "runtime", "service", "admission", "infrastructure", "performance"}
LAYERS = {"changes", "mechanisms", "prediction"}
"""Folders of what is no failure of one domain."""


def _document_made_once(capture, knowledge):
    """As `analyze_capture`, but what other tests of this process have analyzed is not analyzed again."""
    assert knowledge == KNOWLEDGE
    return document_of(capture.path)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """What `tapio test` says of everything that is shipped: its output, exit code and JUnit file."""
    junit = tmp_path_factory.mktemp("tested") / "results.xml"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analyzer.commands.test, "analyze_capture", _document_made_once)
        patch.chdir(ROOT)
        answer = CliRunner().invoke(cli, ["test", "--junit", str(junit)], catch_exceptions=False)
    return answer, list(ET.parse(junit).getroot())


def problems_of(rule, cases):
    """The failures of the tests of one rule, of which there are at least two."""
    own = [case for case in cases if case.get("classname") == rule]
    assert len(own) >= 2
    return [failure.text for case in own for failure in case]


@pytest.mark.slow
def test_the_command_without_paths_tests_everything_that_is_shipped(tested):
    answer, cases = tested
    rules = (
        f"{len(KNOWLEDGE.patterns)} patterns, {len(KNOWLEDGE.trends)} trends and {len(KNOWLEDGE.changes)} change rules"
    )
    assert answer.output.splitlines()[-1] == f"{len(cases)} tests of {rules}: {len(cases)} passed, 0 failed"
    assert answer.exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [pattern.name for pattern in KNOWLEDGE.patterns])
def test_every_pattern_is_found_and_not_found_where_its_tests_say(pattern, tested):
    assert problems_of(pattern, tested[1]) == []


def test_the_library_is_laid_out_by_domain_and_a_pattern_belongs_to_that_of_its_folder():
    folders = {Path(file.name).parts[1] for file in shipped_files()}
    assert DOMAINS <= folders <= DOMAINS | LAYERS
    assert [rule.name for rule in KNOWLEDGE.patterns if rule.category != Path(rule.where).parts[1]] == []
    page = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)) >= DOMAINS


def test_every_file_says_what_it_is_about_in_its_first_line():
    assert [file.name for file in shipped_files() if not file.text.startswith("# ")] == []


def test_relations_that_a_path_may_name_are_those_of_the_facts_page():
    text = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
    assert set(RELATIONS) == set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("change", KNOWLEDGE.changes, ids=lambda rule: rule.name)
def test_every_change_rule_decides_and_leaves_what_its_tests_say(change):
    results = list(run_change_tests(KNOWLEDGE.changes, [change]))
    assert len(results) >= 2
    assert [result.problems for result in results if result.problems] == []
    assert change.meaning.endswith(".")


def test_categories_of_changes_are_those_that_the_fact_declares():
    columns = declared_facts()["object_change"].columns
    (doc,) = (column.doc for column in columns if column.name == "category")
    decided = {change.category for change in KNOWLEDGE.changes if change.category} | {OTHER_CATEGORY, LIFECYCLE}
    assert decided == set(re.findall(r"`([a-z]+)`", doc))


def test_every_severe_symptom_can_be_explained_and_every_change_can_explain():
    effects = {name for cause in KNOWLEDGE.causes for name in cause.effects}
    causes = {name for cause in KNOWLEDGE.causes for name in cause.causes}
    roots = {name for pattern in KNOWLEDGE.patterns for name in pattern.roots}
    for symptom in KNOWLEDGE.symptoms:
        if symptom.nature is Nature.CHANGE:
            assert symptom.name in causes, symptom.name
        if symptom.nature is Nature.SYMPTOM and symptom.severity in {Severity.ERROR, Severity.FATAL}:
            assert symptom.name in effects | roots, symptom.name


def test_mechanisms_are_modest_and_say_why():
    assert KNOWLEDGE.mechanisms
    for mechanism in KNOWLEDGE.mechanisms:
        assert mechanism.confidence <= 0.7, mechanism.name
        assert mechanism.meaning.endswith("."), mechanism.name


def test_every_symptom_is_used():
    used = {name for cause in KNOWLEDGE.causes for name in (*cause.causes, *cause.effects)}
    used |= {name for symptom in KNOWLEDGE.symptoms for name in symptom.except_during}
    used |= {name for pattern in KNOWLEDGE.patterns for name in pattern.roots}
    assert {symptom.name for symptom in KNOWLEDGE.symptoms} - used == set()


def test_changes_are_never_severe_and_context_is_never_wrong():
    for symptom in KNOWLEDGE.symptoms:
        if symptom.nature is not Nature.SYMPTOM:
            assert symptom.severity is Severity.INFO, symptom.name


def test_symptoms_of_facts_that_know_old_events_leave_them_out():
    # What was there before the recording began is no symptom of it. A claim, a quota and a rollout are states that matter
    # however long they last.
    standing = {
        "claim-unbound",
        "quota-full",
        "pod-stopping",
        "proxy-restarting",
        "node-out-of-memory",
        "kernel-oom-kill",
    }
    for symptom in KNOWLEDGE.symptoms:
        # Facts called `…_state` say what does not fit, which is wrong however long it has been so.
        knows_age = all("is_past" in fact_columns()[fact] and not fact.endswith("_state") for fact in symptom.facts)
        if knows_age and symptom.nature is Nature.SYMPTOM and symptom.name not in standing:
            assert symptom.only_if is not None, symptom.name
            assert "NOT is_past" in symptom.only_if.sql, symptom.name


def test_every_pattern_says_what_it_means_and_what_to_do():
    for pattern in KNOWLEDGE.patterns:
        assert pattern.meaning.endswith("."), pattern.name
        assert pattern.actions, pattern.name
        assert all(action.endswith(".") for action in pattern.actions), pattern.name


NAMED_DOCUMENTATION = re.compile(r"(?:documentation|manual): \"[A-Z0-9a-z]")
PASTED_COMMAND = re.compile(r"(?:: |\()(?:kubectl|curl|crictl|journalctl|systemctl|ip|sysctl) \S")


def test_every_pattern_names_the_documentation_of_the_field_and_a_command_to_paste():
    for pattern in KNOWLEDGE.patterns:
        assert NAMED_DOCUMENTATION.search(pattern.meaning), pattern.name
        assert any(PASTED_COMMAND.search(action) for action in pattern.actions), pattern.name


def test_every_pattern_has_an_incident_a_near_miss_and_evidence_that_can_be_recorded():
    for pattern in KNOWLEDGE.patterns:
        assert any(test.root_kind for test in pattern.tests), pattern.name
        assert any(test.root_kind is None for test in pattern.tests), pattern.name
        for symptom in symptoms_of_pattern(pattern):
            assert tables_of_symptom(KNOWLEDGE.symptom(symptom)), (pattern.name, symptom)


def test_every_trend_has_what_it_foretells_a_near_miss_and_something_to_do():
    for trend in KNOWLEDGE.trends:
        assert any(test.kind for test in trend.tests), trend.name
        assert any(test.kind is None for test in trend.tests), trend.name
        assert trend.actions, trend.name
        assert trend.meaning.endswith("."), trend.name


def test_no_rule_depends_on_the_names_of_a_recording():
    # Names of the recordings may stand in the tests of patterns and nowhere else.
    names = {
        "shop",
        "cache",
        "frontend",
        "api",
        "db",
        "worker",
        "reports",
        "docs",
        "loadgen",
        "feature-flags",
        "node-a1",
    }
    # What the recordings call the objects that are at fault; objects of the cluster itself have one name everywhere.
    tests = [test for pattern in KNOWLEDGE.patterns for test in pattern.tests if test.root_namespace != "kube-system"]
    names |= {name for test in tests for name in (test.root_name, test.root_namespace) if name}
    for file in shipped_files():
        words, quoted = words_of_rules(file.text)
        assert not names & quoted, file.name
        assert not {name for name in names if "-" in name} & words, file.name


def words_of_rules(text):
    """The words of a file of knowledge without its tests and comments, and what stands in single quotes."""
    rules = re.sub(r"^tests:\n(?:[ ]+.*\n)+", "", text + "\n", flags=re.MULTILINE)
    code = "\n".join(line.partition("#")[0] for line in rules.splitlines())
    return set(re.findall(r"[a-z][a-z0-9-]*", code)), set(re.findall(r"'([^']*)'", rules))


def test_no_rule_names_an_image_or_a_tool_that_injects_faults():
    registry = r"\b(?:docker\.io|quay\.io|gcr\.io|ghcr\.io|registry\.[a-z.-]+)/\w"
    image = re.compile(registry + r"|\b(?:nginx|busybox|alpine|redis|postgres|mysql|python):\w")
    injectors = {
        *("chaos", "chaosblade", "chaos-mesh", "litmus", "stress-ng", "toxiproxy", "pumba", "gremlin"),
        *("kube-monkey", "powerfulseal", "netem", "opsbench"),
    }
    for file in shipped_files():
        words, _quoted = words_of_rules(file.text.lower())
        assert not injectors & words, file.name
        rules = "\n".join(line.partition("#")[0] for line in file.text.splitlines())
        assert image.findall(rules) == [], file.name


def test_every_key_of_the_language_is_on_its_page():
    text = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8")
    kinds = (
        *(
            yaml_types.SymptomYaml,
            yaml_types.ForetoldYaml,
            yaml_types.CauseYaml,
            yaml_types.PatternYaml,
            yaml_types.ChangeYaml,
        ),
        *(yaml_types.ChangeTestYaml, yaml_types.TrendYaml, yaml_types.TrendTestYaml),
    )
    for key in {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}:
        assert f"`{key}" in text, key


@pytest.mark.slow
@pytest.mark.parametrize("trend", [trend.name for trend in KNOWLEDGE.trends])
def test_every_trend_foretells_and_keeps_silent_where_its_tests_say(trend, tested):
    assert problems_of(trend, tested[1]) == []
