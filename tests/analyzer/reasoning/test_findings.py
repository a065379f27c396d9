"""Promises of a finding: the number that a reader trusts, each factor of it, and what speaks against it."""

from __future__ import annotations

import pytest

from analyzer.model.entity_index import EntityIndex
from analyzer.model.losses import ClockErrors, Loss, Recorded
from analyzer.reasoning.comparison import ComparisonSearch
from analyzer.reasoning.findings import Context, describe_findings
from analyzer.reasoning.root_cause import rank_candidates
from tests.analyzer.hand_made import (
    SECOND,
    add_entities,
    add_trouble,
    cause_text,
    graph_of,
    make_tables,
    relate,
    symptom_text,
)
from tests.analyzer.knowledge_text import load_text

WHOLE = Recorded(rows={}, losses=(), clocks=ClockErrors({}))
SYMPTOMS = (
    symptom_text("edit", nature="change", severity="info"),
    symptom_text("crash"),
    symptom_text("alibi", severity="warning"),
    symptom_text("excuse", severity="warning"),
)
CAUSE = cause_text("edit-crashes", "edit", "crash", through="ConfigMap <-USES- Pod", confidence=0.8)
PATTERN = """
kind: Pattern
name: bad-edit
title: "{root} broke {effect}"
category: configuration
meaning: An edit broke something.
root: [edit]
chain: [crash]
refuted_by:
  - {symptom: alibi, says: it was elsewhere}
  - {symptom: excuse, says: it had a reason}
needs:
  - {table: memory, says: memory was not recorded}
"""
LONELY = """
kind: Pattern
name: crash-alone
title: "{root} crashed"
category: application
meaning: It crashed by itself.
root: [crash]
"""


@pytest.fixture
def tables(engine):
    """Pods a and b use ConfigMap conf, pod a uses ConfigMap other, too; c uses nothing."""
    make_tables(engine)
    add_entities(engine, "ConfigMap/conf", "ConfigMap/other", "Pod/a", "Pod/b", "Pod/c")
    for pod, config in (("a", "conf"), ("b", "conf"), ("a", "other")):
        relate(engine, "USES", f"Pod/{pod}", f"ConfigMap/{config}")
    return engine


def edit_and_crash(tables):
    """A crash of pod a that begins when the change of conf ends: its edge keeps the whole confidence of the rule."""
    add_trouble(tables, 1, "ConfigMap/conf", "edit", end=3)
    add_trouble(tables, 3, "Pod/a", "crash", end=9)


def find(tables, *patterns, recorded=WHOLE, effect=""):
    symptoms = [*SYMPTOMS, effect] if effect else SYMPTOMS
    graph = graph_of(tables, [*symptoms, CAUSE])
    knowledge = load_text(*symptoms, *patterns)
    context = Context(graph, knowledge.patterns, EntityIndex(tables), recorded, ComparisonSearch(tables, graph))
    return describe_findings(rank_candidates(graph), context)


def terms(finding):
    return {term.term: term.value for term in finding.confidence_terms}


def test_edge_is_all_there_is_to_doubt_of_a_finding_with_nothing_against_it(tables):
    edit_and_crash(tables)
    (finding,) = find(tables, PATTERN)
    assert terms(finding) == {"path": 0.8, "coverage": 1.0}
    assert finding.confidence == 0.8
    assert finding.refuted_by == ()


def test_failure_that_no_pattern_names_is_believed_less(tables):
    edit_and_crash(tables)
    (finding,) = find(tables)
    assert terms(finding) == {"path": 0.8, "coverage": 1.0, "pattern": 0.85}
    assert finding.confidence == 0.68
    assert finding.pattern is None


def test_failure_that_begins_without_a_change_is_believed_less(tables):
    add_trouble(tables, 3, "Pod/a", "crash")
    (finding,) = find(tables, LONELY)
    assert terms(finding) == {"path": 1.0, "coverage": 1.0, "origin": 0.85}
    assert finding.confidence == 0.85


def test_failure_whose_cause_was_not_recorded_says_what_was_considered(tables):
    # GIVEN a change that nothing connects with what failed, one that came too late, and no kernel events
    add_trouble(tables, 1, "ConfigMap/conf", "edit")
    add_trouble(tables, 3, "Pod/c", "echo", end=9)
    add_trouble(tables, 5, "ConfigMap/other", "edit")
    (finding,) = find(tables, PATTERN, effect=symptom_text("echo", more="role: effect\n"))
    # THEN the finding claims no cause, and names the candidates with what speaks against each
    assert finding.pattern == "unexplained"
    assert terms(finding) == {"path": 1.0, "coverage": 1.0, "unexplained": 0.3}
    assert [statement.what for statement in finding.supported_by] == [
        (
            "considered and rejected: ConfigMap conf shows edit "
            "(it was made 2.0 s before, and no recorded relation leads from it to Pod c)"
        ),
        "considered and rejected: ConfigMap other shows edit (it was made 2.0 s after the failure began)",
    ]
    assert "connections were not recorded" in " ".join(statement.what for statement in finding.missing)


def test_rival_that_would_explain_as_much_lowers_the_confidence(tables):
    # GIVEN a second change that pod a uses
    edit_and_crash(tables)
    add_trouble(tables, 1.5, "ConfigMap/other", "edit", end=3)
    (finding,) = find(tables, PATTERN)
    assert finding.root_cause.name == "conf"
    assert terms(finding) == {"path": 0.8, "coverage": 1.0, "rival": 0.8}
    assert finding.confidence == 0.64


def test_severe_symptom_that_a_finding_leaves_open_lowers_its_confidence(tables):
    # GIVEN two crashes that come of the change, and one that has nothing to do with it
    edit_and_crash(tables)
    add_trouble(tables, 3, "Pod/b", "crash")
    add_trouble(tables, 4, "Pod/c", "crash")
    finding, _other = find(tables, PATTERN)
    # THEN the finding explains two of three, and a third of 30 % is taken off
    assert terms(finding) == {"path": 0.8, "coverage": 0.9}
    assert finding.confidence == 0.72


@pytest.mark.parametrize(
    ("begin", "end", "table", "is_told"),
    [(4, 5, "kube_event", True), (0, 1, "kube_event", True), (9, 99, "kube_event", True),
     (10, 99, "kube_event", False), (4, 5, "memory", False)],
)  # fmt: skip
def test_loss_in_the_decisive_time_of_a_table_that_the_chain_rests_on_lowers_the_confidence(
    tables, begin, end, table, is_told
):
    edit_and_crash(tables)
    loss = Loss(table, begin * SECOND, end * SECOND, "5 events are missing")
    (finding,) = find(tables, PATTERN, recorded=Recorded({"memory": 1}, (loss,), 0))
    assert terms(finding) == {"path": 0.8, "coverage": 1.0, **({"loss": 0.85} if is_told else {})}
    assert finding.confidence == (0.68 if is_told else 0.8)
    assert [statement.what for statement in finding.missing] == (["5 events are missing"] if is_told else [])


def test_each_refutation_that_is_found_lowers_the_confidence_and_is_shown_with_its_evidence(tables):
    edit_and_crash(tables)
    add_trouble(tables, 5, "Pod/a", "alibi", seq=77)
    (finding,) = find(tables, PATTERN)
    assert [(one.what, one.evidence) for one in finding.refuted_by] == [
        ("it was elsewhere: Pod a shows alibi", ("kube_event:n:77",))
    ]
    assert terms(finding)["refutation"] == 0.7
    assert finding.confidence == 0.56
    # WHEN there is a second kind of refutation THEN it counts again
    add_trouble(tables, 5, "ConfigMap/conf", "excuse")
    (finding,) = find(tables, PATTERN)
    assert len(finding.refuted_by) == 2
    assert terms(finding)["refutation"] == 0.49
    assert finding.confidence == 0.392


def test_refutation_of_one_kind_counts_once(tables):
    edit_and_crash(tables)
    for pod in ("a", "b"):
        relate(tables, "USES", f"Pod/{pod}", "ConfigMap/conf")
        add_trouble(tables, 5, f"Pod/{pod}", "alibi")
    add_trouble(tables, 4, "Pod/b", "crash")
    (finding,) = find(tables, PATTERN)
    assert len(finding.refuted_by) == 1


@pytest.mark.parametrize(("entity", "at"), [("Pod/c", 5), ("Pod/a", 10)], ids=["elsewhere", "later"])
def test_refutation_elsewhere_or_after_the_chain_is_none(tables, entity, at):
    edit_and_crash(tables)
    add_trouble(tables, at, entity, "alibi")
    (finding,) = find(tables, PATTERN)
    assert finding.refuted_by == ()
    assert "refutation" not in terms(finding)


def test_root_is_no_refutation_of_itself(tables):
    add_trouble(tables, 3, "Pod/a", "crash")
    (finding,) = find(tables, LONELY + "refuted_by: [{symptom: crash, says: it crashed}]\n")
    assert finding.refuted_by == ()


def test_refutation_may_concern_the_node_by_its_name(tables):
    # GIVEN pod a on a node that shows what speaks against the pattern
    tables.execute("UPDATE entity SET node = 'node-1' WHERE entity_id = 'Pod/a'")
    add_entities(tables, "Node/node-1", "Node/node-2")
    edit_and_crash(tables)
    for node, found in (("node-2", 0), ("node-1", 1)):
        add_trouble(tables, 5, f"Node/{node}", "alibi")
        (finding,) = find(tables, PATTERN)
        assert len(finding.refuted_by) == found


def test_all_doubts_multiply(tables):
    edit_and_crash(tables)
    relate(tables, "USES", "Pod/b", "ConfigMap/other")
    add_trouble(tables, 3, "Pod/b", "crash")
    add_trouble(tables, 1.5, "ConfigMap/other", "edit", end=3)
    add_trouble(tables, 5, "Pod/a", "alibi")
    add_trouble(tables, 4, "Pod/c", "crash")
    loss = Loss("kube_event", 4 * SECOND, 5 * SECOND, "5 events are missing")
    finding, _other = find(tables, PATTERN, recorded=Recorded({}, (loss,), 0))
    assert terms(finding) == {
        "path": 0.8, "coverage": 0.9, "rival": 0.8, "refutation": 0.7, "loss": 0.85,
    }  # fmt: skip
    assert finding.confidence == pytest.approx(0.8 * 0.9 * 0.8 * 0.7 * 0.85, abs=5e-5)


def test_evidence_that_would_decide_is_missing_only_where_it_was_not_recorded(tables):
    edit_and_crash(tables)
    for rows, missing in (({}, ["memory was not recorded"]), ({"memory": 1}, [])):
        (finding,) = find(tables, PATTERN, recorded=Recorded(rows, (), 0))
        assert [statement.what for statement in finding.missing] == missing


def edit_for_pod_a(tables):
    """An edit at second 101 that pod a of a Deployment started with, and its older pod b did not; a crashes."""
    tables.execute("UPDATE entity SET pod_id = entity_id, workload_id = 'Deployment/x' WHERE kind = 'Pod'")
    tables.execute("UPDATE entity SET from_ns = ? WHERE name = 'a'", [102 * SECOND])
    add_trouble(tables, 101, "ConfigMap/conf", "edit", end=103)
    add_trouble(tables, 103, "Pod/a", "crash", end=109)


def test_pods_that_the_change_did_not_reach_and_do_not_fail_take_away_a_fifth_of_the_doubt(tables):
    edit_for_pod_a(tables)
    (finding,) = find(tables, PATTERN)
    assert [(row.by, row.speaks) for row in finding.contrast] == [("pods", "for"), ("time", "for")]
    # of 0.2 doubt 0.16 is left: 0.84 is 1.05 times 0.8
    assert terms(finding) == {"path": 0.8, "coverage": 1.0, "contrast": 1.05}
    assert finding.confidence == pytest.approx(0.84)


def test_what_the_comparison_says_against_the_change_is_a_refutation_that_the_edge_has_weighed(tables):
    # GIVEN pod b, which did not start with the edit, crashes as well, before the edit already
    edit_for_pod_a(tables)
    add_trouble(tables, 50, "Pod/b", "crash", end=120)
    (finding,) = [one for one in find(tables, PATTERN) if one.root_cause.kind == "ConfigMap"]
    assert [(row.by, row.speaks) for row in finding.contrast] == [("pods", "against"), ("time", "against")]
    assert [statement.what for statement in finding.refuted_by] == [row.what for row in finding.contrast]
    # THEN it counts once: the path has 0.8 × 0.5
    assert terms(finding)["path"] == pytest.approx(0.4)
    assert "refutation" not in terms(finding)


def test_what_the_comparison_says_against_the_change_counts_where_no_edge_has_weighed_it(tables):
    # GIVEN a chain in which a link stands between the change and the crash
    edit_for_pod_a(tables)
    add_trouble(tables, 50, "Pod/b", "crash", end=120)
    add_trouble(tables, 102, "Pod/a", "excuse", end=103)
    graph = graph_of(
        tables,
        [
            *SYMPTOMS,
            cause_text("edit-excuses", "edit", "excuse", through="ConfigMap <-USES- Pod"),
            cause_text("excuse-crashes", "excuse", "crash"),
        ],
    )
    context = Context(graph, (), EntityIndex(tables), WHOLE, ComparisonSearch(tables, graph))
    (finding,) = [one for one in describe_findings(rank_candidates(graph), context) if one.root_cause.name == "conf"]
    assert terms(finding)["refutation"] == pytest.approx(0.7**2, abs=1e-4)


def test_finding_that_begins_with_no_change_has_no_contrast(tables):
    add_trouble(tables, 3, "Pod/a", "crash", end=9)
    (finding,) = find(tables, LONELY)
    assert finding.contrast == ()


@pytest.mark.parametrize(
    ("old", "advice"),
    [
        ("16", "put back 16"),
        ("digest:0123456789abcdef", "put back its old value (not recorded: see `configmap_values`)"),
    ],
    ids=["recorded", "digest"],
)
def test_advice_says_where_the_old_value_of_a_config_map_was_not_recorded(tables, old, advice):
    # GIVEN a change of a ConfigMap of which the old value or only its digest was recorded
    add_trouble(tables, 1, "ConfigMap/conf", "edit", end=3, values=(old, "200"))
    add_trouble(tables, 3, "Pod/a", "crash", end=9)
    edit = symptom_text("edit", nature="change", severity="info", more="keep: [old_value]\n")
    rules = [edit, *SYMPTOMS[1:]]
    pattern = PATTERN + 'actions: ["put back {old_value}"]\n'
    # WHEN
    graph = graph_of(tables, [*rules, CAUSE])
    context = Context(
        graph, load_text(*rules, pattern).patterns, EntityIndex(tables), WHOLE, ComparisonSearch(tables, graph)
    )
    (finding,) = describe_findings(rank_candidates(graph), context)
    # THEN
    assert finding.recommendations == (advice,)
