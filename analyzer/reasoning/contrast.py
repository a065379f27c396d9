"""Contrast: what speaks for and against a change as a cause, without any knowledge of the failure.

A change is compared with what it did not reach: the time before it, and the pods of the same workload that are older
than it. Who fails in the same way there does not fail because of the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analyzer.knowledge.rules import Nature
from analyzer.reasoning.symptoms import FoundSymptom
from formats.rows.kube_resources import WORKLOAD_KINDS

BEFORE_FACTOR = 0.5
"""For an effect that its workload showed before the change already."""

UNEXPOSED_FACTOR = 0.6
"""For an effect that older pods of the workload, which do not run what was changed, show as well."""

NOT_BEFORE_NS = 5_000_000_000
"""What begins so shortly before a change does not count as being there before it. Why: times of the API are in whole
seconds, and an object is received a little after it was written."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against a change as the cause of one effect.

    Attributes:
        factor: of the confidence of the edge between the two.
        says: why, in words.
        seen_on: number of the symptom that says so.
    """

    factor: float
    says: str
    seen_on: int


class Contrast:
    """Where each symptom of a capture shows on each workload.

    Args:
        symptoms: all of the capture, in order of begin.
    """

    def __init__(self, symptoms: Iterable[FoundSymptom]) -> None:
        self._first: dict[tuple[str, str], FoundSymptom] = {}
        self._on_oldest_part: dict[tuple[str, str], FoundSymptom] = {}
        for symptom in symptoms:
            if symptom.rule.nature is not Nature.SYMPTOM:
                continue
            place = _place(symptom)
            self._first.setdefault(place, symptom)
            if symptom.entity_id != symptom.workload_id:
                kept = self._on_oldest_part.setdefault(place, symptom)
                if symptom.entity_from_ns < kept.entity_from_ns:
                    self._on_oldest_part[place] = symptom

    def objections(self, cause: FoundSymptom, effect: FoundSymptom) -> Iterator[Objection]:
        """What speaks against one symptom, if it is a change, as the cause of another.

        Args:
            cause: any symptom.
            effect: began after it, or shortly before.
        """
        if cause.rule.nature is not Nature.CHANGE:
            return
        before = self._first.get(_place(effect))
        if before is not None and before.from_ns < cause.from_ns - NOT_BEFORE_NS:
            yield Objection(
                BEFORE_FACTOR, f"{before.kind} {before.name} showed the same before the change", before.number
            )
        elif _is_exposed(cause, effect):
            unexposed = self._on_oldest_part.get(_place(effect))
            if unexposed is not None and unexposed.entity_from_ns < cause.from_ns - NOT_BEFORE_NS:
                yield Objection(
                    UNEXPOSED_FACTOR,
                    f"{unexposed.kind} {unexposed.name}, which is older than the change, shows the same",
                    unexposed.number,
                )


def _is_exposed(change: FoundSymptom, effect: FoundSymptom) -> bool:
    """Whether the effect shows on something that the change of a workload made."""
    return (
        change.kind in WORKLOAD_KINDS
        and change.entity_id == effect.workload_id
        and effect.entity_from_ns >= change.from_ns - NOT_BEFORE_NS
    )


def _place(symptom: FoundSymptom) -> tuple[str, str]:
    """What shows, and on which workload, or on what else."""
    return symptom.rule.name, symptom.workload_id or symptom.entity_id
