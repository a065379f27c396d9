"""Laws of chains: whoever asks about one object is told the same story as who reads the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model.named_entities import NamedEntities
from analyzer.reasoning.why import explain, symptoms_in, tell_explanation, way_to
from reports.answer import answer
from tests.analyzed import document_of

FIXTURES = Path(__file__).parents[2] / "fixtures"
IN_UNIT = ("configmap-oom-crashloop", "demo")
CAPTURES = [
    path if path.stem in IN_UNIT else pytest.param(path, marks=pytest.mark.slow)
    for path in sorted([*FIXTURES.glob("captures/*.tapio"), *FIXTURES.glob("incidents/*.tapio")])
]


def objects_of(finding):
    """Every entity on the finding's chain, with the position of the last step about it."""
    return {step.entity.id: position for position, step in enumerate(finding.chain)}


@pytest.mark.no_cover
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_why_tells_the_chain_of_the_report_to_every_object_on_it(capture):
    document = document_of(capture)
    for finding in document.findings:
        for entity, last in objects_of(finding).items():
            # GIVEN an object on the chain of a finding
            symptoms = [symptom for symptom in document.symptoms if symptom.entity.id == entity]
            told = [step.symptom_id for step in finding.chain[: last + 1]]
            # WHEN the way to it is asked for
            way = way_to(document, finding, symptoms_in(finding, symptoms))
            # THEN it is the chain up to the last step about it
            assert [told[0], *(edge.target for edge in way)] == told
            assert [edge.source for edge in way] == told[:-1]
            # AND the answer says the steps in this order
            lines = list(tell_explanation(document, explain(document, NamedEntities(frozenset({entity}), (entity,)))))
            begin = next(
                number for number, line in enumerate(lines) if line.startswith(answer(document, finding).title)
            )
            for step in finding.chain[: last + 1]:
                begin = next(number for number in range(begin + 1, len(lines)) if step.what in lines[number])
