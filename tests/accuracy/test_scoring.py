"""The score of a document, by hand-made documents."""

import pytest

from fixtures.accuracy.cases import RightObject, Scope, Truth
from fixtures.accuracy.causes import read_causes
from fixtures.accuracy.scoring import Judged, score_document, score_failure
from tests.accuracy.made_documents import document, entity, finding

CAUSES = read_causes()
TRUTH = Truth(RightObject(Scope.OBJECT, "settings", "shop", ("ConfigMap",)), "bad-configuration-value")
SETTINGS, OTHER = entity("ConfigMap", "settings"), entity("Deployment", "billing")
RIGHT = finding(SETTINGS, pattern="config-crash-loop", confidence=0.9)
VAGUE = finding(SETTINGS, pattern=None)
SAME_DOMAIN = finding(SETTINGS, pattern="config-out-of-memory")
WRONG = finding(OTHER, pattern="bad-release", confidence=0.6)
UNEXPLAINED = finding(SETTINGS, pattern="unexplained", confidence=0.5)


@pytest.mark.parametrize(
    ("findings", "rank", "is_domain_right", "is_exact"),
    [
        ((), None, False, False),
        ((RIGHT,), 1, True, True),
        ((VAGUE,), 1, False, False),
        ((SAME_DOMAIN,), 1, True, False),
        ((WRONG, RIGHT), 2, False, False),
        ((WRONG, WRONG, WRONG, RIGHT), 4, False, False),
        ((WRONG,), None, False, False),
        ((UNEXPLAINED,), None, False, False),
    ],
)
def test_rank_domain_and_kind_are_judged_by_the_finding_that_names_the_object(
    findings, rank, is_domain_right, is_exact
) -> None:
    score = score_document(document(*findings), TRUTH, CAUSES)
    assert (score.object_rank, score.is_domain_right, score.is_exact) == (rank, is_domain_right, is_exact)


def test_findings_are_counted_by_what_they_claim() -> None:
    # GIVEN / WHEN
    score = score_document(document(RIGHT, VAGUE, WRONG, UNEXPLAINED), TRUTH, CAUSES)
    # THEN
    assert (score.findings, score.named, score.unexplained) == (4, 2, 1)
    assert score.judged == (Judged(0.9, True), Judged(0.9, True), Judged(0.6, False))


def test_every_finding_about_a_healthy_recording_is_wrong() -> None:
    # GIVEN / WHEN
    score = score_document(document(RIGHT), Truth(None, None), CAUSES)
    # THEN
    assert score.is_healthy
    assert score.object_rank is None
    assert [item.is_right for item in score.judged] == [False]


def test_kind_that_is_not_known_is_never_exact() -> None:
    # GIVEN / WHEN
    score = score_document(document(VAGUE), Truth(TRUTH.right, None), CAUSES)
    # THEN
    assert score.object_rank == 1
    assert not score.has_known_cause
    assert not score.is_exact


def test_analysis_that_failed_has_found_nothing() -> None:
    score = score_failure(TRUTH)
    assert (score.object_rank, score.findings, score.is_healthy) == (None, 0, False)
