"""Contrast: what speaks for and against a cause, without any knowledge of the failure.

A change is compared with what it did not reach: the time before it, the pods of the same workload that are older than
it, and the time after it was undone. Who fails in the same way there does not fail because of the change. A failure of
something else is compared with the time after that is well again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analyzer.knowledge.rules import Condition, Nature, Role
from analyzer.reasoning.symptoms import FoundSymptom
from formats.rows.kube_resources import WORKLOAD_KINDS
from formats.units import format_duration

BEFORE_FACTOR = 0.5
"""For an effect that its workload showed before the change already."""

UNEXPOSED_FACTOR = 0.6
"""For an effect that older pods of the workload, which do not run what was changed, show as well."""

WENT_ON_FACTOR = 0.5
"""For an effect that its workload still shows long after the change was undone."""

RECOVERED_DOUBT = 0.5
"""The share of the doubt that is left where the effect ended when the change was undone."""

NOT_BEFORE_NS = 5_000_000_000
"""What begins so shortly before a change does not count as being there before it. Why: times of the API are in whole
seconds, and an object is received a little after it was written."""

RECOVERED_EARLY_NS = 60_000_000_000
"""An effect that was seen last so shortly before the change was undone may have ended because of that. Why: what shows
in moments (a failed request, a kill) is not seen all the time."""

RECOVERED_WITHIN_NS = 120_000_000_000
"""An effect that ended at most so long after the change was undone ended because of that. Why: a rollout takes time."""

WENT_ON_NS = 300_000_000_000
"""An effect that is seen so long after the change was undone does not depend on it. Why: a container that keeps
crashing is started again after five minutes at most."""

OUTLASTED_FACTOR = 0.5
"""For an effect that still shows long after what it depends on is well again. Why no refutation: a container that keeps
crashing is started again after five minutes at most, and some programs never try again."""

OUTLASTED_NS = 30_000_000_000
"""So long after its cause an effect outlasts it. Why: probes and callers that are well again say so within this."""

OVER_FACTOR = 0.5
"""For what begins after a shortage was over. Why: what was held back goes on as soon as there is enough again."""

OVER_NS = 5_000_000_000
"""What begins so shortly after it may still be due to it. Why: shortages are sampled every few seconds, and probes and
callers wait some seconds before they give up."""

BORNE_FACTOR = 0.7
"""For what begins long after a shortage began: it was borne until then, so something else is likely to have changed."""

BORNE_NS = 30_000_000_000
"""So long a shortage may take until it shows elsewhere. Why: probes fail several times before anything follows."""

SERVED_FACTOR = 0.7
"""For requests that fail only after a pod of the change served for a while. Why no refutation: a leak takes its time,
and some requests are rare."""

SERVED_NS = 10_000_000_000
"""A pod that was ready for so long served first. Why: what is wrong with a version or its settings shows with the first
requests, and callers come as soon as it is ready."""

_OF_REQUESTS = frozenset(
    {Condition.ERRORING, Condition.DENYING, Condition.REFUSING, Condition.SILENT, Condition.MISROUTED}
)

_HOLDING_BACK = frozenset({Condition.NOT_READY, Condition.SLOW, Condition.STARVED})

READ_AT_START = frozenset({"ConfigMap", "Secret"})
"""Kinds that containers read when they start: a change reaches them with their next start."""


@dataclass(frozen=True, slots=True)
class Argument:
    """What speaks for or against something as the cause of one effect.

    Attributes:
        is_for: whether it speaks for it.
        strength: of what speaks for it the share of the doubt that is left, of what speaks against it the share of the
            confidence.
        says: why, in words.
        seen_on: number of the symptom that says so.
        is_outlasting: whether it says that the cause was over long before the effect.
    """

    is_for: bool
    strength: float
    says: str
    seen_on: int
    is_outlasting: bool = False

    def weigh(self, confidence: float) -> float:
        """The confidence of the edge between the two with this argument."""
        return 1 - (1 - confidence) * self.strength if self.is_for else confidence * self.strength


class Contrast:
    """Where each symptom of a capture shows on each workload, and which changes were undone.

    Args:
        symptoms: all of the capture, in order of begin.
    """

    def __init__(self, symptoms: Iterable[FoundSymptom]) -> None:
        self._first: dict[tuple[str, str], FoundSymptom] = {}
        self._last: dict[tuple[str, str], FoundSymptom] = {}
        self._on_oldest_part: dict[tuple[str, str], FoundSymptom] = {}
        self._last_of_all: dict[str, FoundSymptom] = {}
        changes = []
        for symptom in symptoms:
            if symptom.rule.nature is Nature.CHANGE:
                changes.append(symptom)
            if symptom.rule.nature is not Nature.SYMPTOM:
                continue
            place = _place(symptom)
            self._first.setdefault(place, symptom)
            if symptom.to_ns >= self._last.setdefault(place, symptom).to_ns:
                self._last[place] = symptom
            last = self._last_of_all.setdefault(_owner(symptom), symptom)
            if (symptom.is_ongoing, symptom.to_ns) > (last.is_ongoing, last.to_ns):
                self._last_of_all[_owner(symptom)] = symptom
            if symptom.entity_id != symptom.workload_id:
                kept = self._on_oldest_part.setdefault(place, symptom)
                if symptom.entity_from_ns < kept.entity_from_ns:
                    self._on_oldest_part[place] = symptom
        self._undone_by = _find_undone(changes)

    def arguments(self, cause: FoundSymptom, effect: FoundSymptom) -> Iterator[Argument]:
        """What speaks for and against one symptom as the cause of another.

        Args:
            cause: any symptom.
            effect: began after it, or shortly before.
        """
        if cause.rule.nature is Nature.CHANGE:
            arguments = (
                self.compare_with_before(cause, effect)
                or self._compare_with_unexposed(cause, effect)
                or _compare_with_served(cause, effect),
                self.compare_with_undone(cause, effect),
            )
        else:
            arguments = (self._compare_with_recovered(cause, effect), _compare_with_shortage(cause, effect))
        for argument in arguments:
            if argument is not None:
                yield argument

    def undo_of(self, change: FoundSymptom) -> FoundSymptom | None:
        """The next change of the same object that puts the old value back; None if there is none."""
        return self._undone_by.get(change.number)

    def compare_with_before(self, change: FoundSymptom, effect: FoundSymptom) -> Argument | None:
        """Speaks against the change if the workload of the effect showed the same before; None if it did not."""
        before = self._first.get(_place(effect))
        if before is None or before.from_ns >= change.from_ns - NOT_BEFORE_NS:
            return None
        says = f"{before.kind} {before.name} showed the same before the change"
        return Argument(is_for=False, strength=BEFORE_FACTOR, says=says, seen_on=before.number)

    def compare_with_undone(self, change: FoundSymptom, effect: FoundSymptom) -> Argument | None:
        """Speaks for the change if the effect ended when it was undone, against it if the effect went on long after.

        None if the change was not undone, if the effect was over before, or if the recording ended too soon to tell.
        """
        undo, last = self.undo_of(change), self._last.get(_place(effect))
        if undo is None or last is None:
            return None
        after_ns = last.to_ns - undo.from_ns
        # What reads its configuration when it starts keeps the wrong one: only a new episode says that it went on.
        is_renewed = last.from_ns > undo.from_ns or change.kind not in READ_AT_START
        if after_ns >= WENT_ON_NS and is_renewed:
            says = f"{last.kind} {last.name} showed the same {format_duration(after_ns)} after the change was undone"
            return Argument(is_for=False, strength=WENT_ON_FACTOR, says=says, seen_on=last.number)
        if last.is_ongoing or not -RECOVERED_EARLY_NS <= after_ns <= RECOVERED_WITHIN_NS:
            return None
        if after_ns > 0:
            says = f"it ended {format_duration(after_ns)} after the change was undone"
        else:
            says = "it was not observed again after the change was undone"
        return Argument(is_for=True, strength=RECOVERED_DOUBT, says=says, seen_on=undo.number)

    def _compare_with_recovered(self, cause: FoundSymptom, effect: FoundSymptom) -> Argument | None:
        """Speaks against what is well again, with all that belongs to its workload, if the effect goes on elsewhere.

        On one workload, failed calls of others alone speak so: what crashes or is killed may stay down for long. And
        nothing does that used more of something than before: what it did to others may last.
        """
        if not effect.is_ongoing or cause.rule.condition is Condition.GREEDY:
            return None
        if _owner(cause) != _owner(effect):
            last = self._last_of_all.get(_owner(cause))
        else:
            last = self._last.get(_place(cause)) if cause.rule.role is Role.EFFECT else None
        if last is None or last.is_ongoing:
            return None
        outlasted_ns = effect.to_ns - last.to_ns
        if outlasted_ns < OUTLASTED_NS:
            return None
        says = f"it went on {format_duration(outlasted_ns)} after {cause.kind} {cause.name} was well again"
        return Argument(is_for=False, strength=OUTLASTED_FACTOR, says=says, seen_on=last.number, is_outlasting=True)

    def _compare_with_unexposed(self, change: FoundSymptom, effect: FoundSymptom) -> Argument | None:
        if not _is_exposed(change, effect):
            return None
        unexposed = self._on_oldest_part.get(_place(effect))
        if unexposed is None or unexposed.entity_from_ns >= change.from_ns - NOT_BEFORE_NS:
            return None
        says = f"{unexposed.kind} {unexposed.name}, which is older than the change, shows the same"
        return Argument(is_for=False, strength=UNEXPOSED_FACTOR, says=says, seen_on=unexposed.number)


def _compare_with_shortage(cause: FoundSymptom, effect: FoundSymptom) -> Argument | None:
    """Speaks against what was over before the effect began, or was borne for long before it, if it only held back."""
    if cause.rule.condition not in _HOLDING_BACK:
        return None
    what = f"{cause.kind} {cause.name}"
    over_ns, borne_ns = effect.seen_from_ns - cause.to_ns, effect.seen_from_ns - cause.seen_from_ns
    if over_ns > OVER_NS and not cause.is_ongoing:
        says = f"it began {format_duration(over_ns)} after {what} was well again"
        return Argument(is_for=False, strength=OVER_FACTOR, says=says, seen_on=cause.number, is_outlasting=True)
    if borne_ns > BORNE_NS:
        says = f"{what} had been like that for {format_duration(borne_ns)}"
        return Argument(is_for=False, strength=BORNE_FACTOR, says=says, seen_on=cause.number)
    return None


def _find_undone(changes: Iterable[FoundSymptom]) -> dict[int, FoundSymptom]:
    """For each change that was undone, by its number, the next change of its object that puts the old value back.

    Args:
        changes: in order of begin. Those that do not tell what they changed are not compared.
    """
    found: dict[int, FoundSymptom] = {}
    putting: dict[tuple[str, str, str | None], FoundSymptom] = {}
    for change in reversed([change for change in changes if "path" in change.details]):
        place = change.entity_id, change.details["path"]
        undo = putting.get((*place, change.details.get("old_value")))
        if undo is not None and undo.from_ns > change.from_ns:
            found[change.number] = undo
        putting[*place, change.details.get("new_value")] = change
    return found


def _compare_with_served(change: FoundSymptom, effect: FoundSymptom) -> Argument | None:
    """Speaks against the change of a workload if a pod that it made was ready long before its requests failed."""
    if (
        effect.pod_ready_ns is None
        or effect.from_ns < effect.pod_ready_ns + SERVED_NS
        or effect.rule.condition not in _OF_REQUESTS
        or not _is_exposed(change, effect)
    ):
        return None
    says = f"{effect.kind} {effect.name} was ready {format_duration(effect.from_ns - effect.pod_ready_ns)} before"
    return Argument(is_for=False, strength=SERVED_FACTOR, says=says, seen_on=effect.number)


def _is_exposed(change: FoundSymptom, effect: FoundSymptom) -> bool:
    """Whether the effect shows on something that the change of a workload made."""
    return (
        change.kind in WORKLOAD_KINDS
        and change.entity_id == effect.workload_id
        and effect.entity_from_ns >= change.from_ns - NOT_BEFORE_NS
    )


def _place(symptom: FoundSymptom) -> tuple[str, str]:
    """What shows, and on which workload, or on what else."""
    return symptom.rule.name, _owner(symptom)


def _owner(symptom: FoundSymptom) -> str:
    """Its workload, or what else it shows on."""
    return symptom.workload_id or symptom.entity_id
