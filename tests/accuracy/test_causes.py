"""Which kinds of cause a finding leaves open."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from fixtures.accuracy.causes import Causes, Statement, find_meant_causes, read_causes
from fixtures.accuracy.split import choose_unseen_kinds, read_tuned_kinds
from fixtures.live.injection import list_kinds
from tests.accuracy.made_documents import entity, finding
from tests.analyzed import shipped_knowledge

CAUSES = Causes(
    domains={"selector": "scheduling", "affinity": "scheduling", "quota-cpu": "admission", "quota-pods": "admission"},
    meanings={},
    labels={},
    incidents={},
    patterns={
        "selector-fits-no-node": frozenset({"selector"}),
        "quota-exceeded": frozenset({"quota-cpu", "quota-pods"}),
        "bad-release": frozenset(),
        "not-ready": frozenset({"quota-pods"}),
    },
    general_patterns=frozenset({"not-ready"}),
    statements=(
        Statement(re.compile("affinity/selector", re.IGNORECASE), frozenset({"selector", "affinity"})),
        Statement(re.compile("affinity", re.IGNORECASE), frozenset({"affinity"})),
        Statement(re.compile("cpu", re.IGNORECASE), frozenset({"quota-cpu"})),
    ),
)
POD = entity("Pod", "orders-1")


@pytest.mark.parametrize(
    ("pattern", "title", "left"),
    [
        (None, "", set()),
        ("selector-fits-no-node", "node affinity", {"selector"}),
        (None, "3 node(s) didn't match Pod's node affinity/selector", {"selector", "affinity"}),
        (None, "no node satisfies the AFFINITY of the pod", {"affinity"}),
        ("quota-exceeded", "exceeded", {"quota-cpu", "quota-pods"}),
        ("quota-exceeded", "exceeded quota: limits.cpu", {"quota-cpu"}),
        ("quota-exceeded", "affinity", {"quota-cpu", "quota-pods"}),
        ("bad-release", "exceeded quota: limits.cpu", {"quota-cpu"}),
        ("not-ready", "no node satisfies the affinity", {"affinity"}),
        ("not-ready", "", {"quota-pods"}),
        ("unknown-pattern", "", set()),
    ],
)
def test_pattern_and_words_of_a_finding_decide_which_kinds_are_left(pattern, title, left) -> None:
    assert find_meant_causes(finding(POD, pattern=pattern, title=title), CAUSES) == left


def test_words_are_searched_in_the_root_cause_and_in_the_chain_too() -> None:
    # GIVEN
    in_chain = finding(POD, POD)
    in_chain["chain"][1]["what"] = "no node satisfies the affinity"
    # WHEN / THEN
    assert find_meant_causes(finding(POD, what="no node satisfies the affinity"), CAUSES) == {"affinity"}
    assert find_meant_causes(in_chain, CAUSES) == {"affinity"}
    # AND what the title claims counts before what the chain repeats
    assert find_meant_causes({**in_chain, "title": "too little cpu"}, CAUSES) == {"quota-cpu"}


def test_words_that_mean_a_kind_only_beside_others_count_with_them_alone() -> None:
    # GIVEN
    beside = Statement(re.compile("replicas"), frozenset({"quota-pods"}), re.compile("refused"))
    causes = replace(CAUSES, statements=(beside,))
    scaled = finding(POD, POD, title="replicas 1 → 9")
    # WHEN / THEN
    assert find_meant_causes(scaled, causes) == set()
    scaled["chain"][1]["what"] = "9 connections were refused"
    assert find_meant_causes(scaled, causes) == {"quota-pods"}


def test_every_pattern_is_mapped_and_every_kind_of_live_incident_has_words_or_a_pattern() -> None:
    # GIVEN
    causes = read_causes()
    said = {kind for statement in causes.statements for kind in statement.causes}
    meant = said.union(*causes.patterns.values())
    # WHEN / THEN
    assert {pattern.name for pattern in shipped_knowledge().patterns} <= set(causes.patterns)
    assert {kind.cause for kind in list_kinds().values() if kind.cause} - meant == {"two-causes"}


def test_shipped_kinds_of_cause_are_consistent() -> None:
    # GIVEN / WHEN: a name that is not a kind of cause raises
    causes = read_causes()
    # THEN every kind has a meaning and every label one kind
    assert all(causes.meanings[kind] for kind in causes.domains)
    assert set(causes.labels.values()) <= set(causes.domains)
    tuned = read_tuned_kinds()
    assert all(kinds <= set(causes.domains) for kinds in tuned.values() if kinds)


@pytest.mark.parametrize(
    ("causes", "word"), [("{}", "demo-cause"), ("{demo-cause: {domain: d, means: a comma, cuts: it}}", "cuts")]
)
def test_mistake_in_the_file_is_refused(causes, word, tmp_path) -> None:
    # GIVEN
    path = tmp_path / "causes.yaml"
    rest = "incidents: {demo: demo-cause}\npatterns: {}\ngeneral_patterns: []\nstatements: []\n"
    path.write_text(f"causes: {causes}\n{rest}")
    # WHEN / THEN
    with pytest.raises(ValueError, match=word):
        read_causes(path)


def test_split_of_the_benchmark_is_the_one_that_the_hash_chose() -> None:
    # GIVEN
    causes = read_causes()
    kinds = set(causes.labels.values())
    # WHEN
    unseen = choose_unseen_kinds(kinds, causes.domains)
    # THEN of the third that was to stay unseen one kind is left, and no kind was taken from the list
    still_unseen = kinds - read_tuned_kinds()["benchmark"]
    assert still_unseen < unseen
    assert still_unseen == {"pod-network-delay"}
    totals, kept = Counter(causes.domains[kind] for kind in kinds), Counter(causes.domains[kind] for kind in unseen)
    assert all(abs(kept[domain] - total / 3) < 1 for domain, total in totals.items())
