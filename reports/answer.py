"""The answer of one finding as its reader needs it first: impact, cause, fix and check, and what was seen when.

Pods are named by their workload and every object with its namespace. Texts are as recorded: whoever shows them
escapes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from formats.postmortem.document import Document
from formats.postmortem.findings import Finding, RootCause
from formats.postmortem.graph import Change, Symptom
from formats.postmortem.recording import Entity, EntityRef
from formats.text import cut_middle
from formats.units import format_bytes
from reports import story
from reports.kills import list_kills
from reports.managers import advise_on_source, call_manager, say_last_write, say_who
from reports.quantities import clock_minute, clock_time, day, number, span
from reports.zones import moment

TEXT_CHARACTERS = 160
"""Longest text of one step; what is cut is cut in the middle, as errors say at the end what is wrong."""

HIGH_CONFIDENCE, MEDIUM_CONFIDENCE = 0.85, 0.6
NO_CAUSE = "No recorded change explains it: its cause is not in this recording."

MAX_NAMES = 4
MAX_QUIET_CHANGES = 10
"""Changes that are listed where nothing failed."""

_SHORT_KINDS = {
    "Deployment": "deploy",
    "StatefulSet": "sts",
    "DaemonSet": "ds",
    "ReplicaSet": "rs",
    "Service": "svc",
    "Namespace": "ns",
    "PersistentVolumeClaim": "pvc",
    "PersistentVolume": "pv",
}
_LOWER_WORDS = ("a ", "an ", "the ", "no ", "several ")
_KILLS_TABLE = "oom"
_LOOKING = frozenset({"get", "describe", "logs", "top"})
"""Subcommands of kubectl that only show something."""

_SEVERE = frozenset({"error", "fatal"})
_NOT_CAUSES = frozenset({"origin", "unexplained"})
"""Terms of a confidence that say that the finding begins with a symptom, not with its cause."""
_FIELD = re.compile(r"spec\.template\.spec\.(?:initC|c)ontainers\[name=([^\]]+)\]\.(\S+)")
_SPEC = re.compile(r"(?<!\S)spec\.(?:template\.(?:spec|metadata)\.)?(?=\S)")
_VARIABLE = re.compile(r"\benv\[name=([^\]]+)\]\.value\b")
_WHOLE_VARIABLE = re.compile(r"\benv\[name=([^\]]+)\] of (\S+) was set to (\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})")
_WHOLE_TAINT = re.compile(r"(?:spec\.)?\btaints\[key=[^\]]+\] was set to (\{[^{}]*\})")
_RESTART = re.compile(r'spec\.template\.metadata\.annotations\["kubectl\.kubernetes\.io/restartedAt"\] was set to \S+')


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was seen.

    Attributes:
        time: RFC 3339, of its first sighting.
        subject: such as `deploy/cache`.
        text: what was seen of it.
        is_change: whether somebody or something changed the object.
        day: `2026-11-20` if it was on another day than the begin of the recording, else None.
    """

    time: str
    subject: str
    text: str
    is_change: bool
    day: str | None = None

    @property
    def moment(self) -> str:
        """`21:13:02Z`, after the day if that is another one."""
        return moment(self.time) if self.day is None else f"{self.day} {moment(self.time)}"


@dataclass(frozen=True, slots=True)
class QuietChange:
    """What was changed in a recording without a finding.

    Attributes:
        step: the change, as in a chain.
        who: who made it; None if the recording does not tell.
    """

    step: Step
    who: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One finding in a few lines.

    Attributes:
        title: one sentence.
        pattern: name of the pattern that matched; None if none did.
        severity: high, medium or low.
        confidence: high, medium or low.
        impact: who was hit.
        status: since when, and whether it went on when the recording ended.
        is_ongoing: whether it went on when the recording ended.
        is_cause: whether the recording has the cause; False if `cause` is only the earliest symptom.
        cause: the first step of the chain.
        who: who made the change that is the cause, or wrote the object last; None if the recording does not tell.
        triggers: changes that set it off and are not at fault.
        fix: commands, to be pasted.
        advice: the first recommendation, without its command; None if there is none.
        source: what has to be reverted outside of the cluster as well; None if nothing is known to.
        verify: commands that show whether it worked.
        against: what speaks against it.
        steps: by time of first sighting.
    """

    title: str
    pattern: str | None
    severity: str
    confidence: str
    impact: str
    status: str
    is_ongoing: bool
    is_cause: bool
    cause: Step
    who: str | None
    triggers: tuple[Step, ...]
    fix: tuple[str, ...]
    advice: str | None
    source: str | None
    verify: tuple[str, ...]
    against: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def fix_label(self) -> str:
        """`Fix`, or `Next` if the cause is not known or the commands only look."""
        is_looking = bool(self.fix) and all(not _LOOKING.isdisjoint(one.split()[1:4]) for one in self.fix)
        return "Fix" if self.is_cause and not is_looking else "Next"


def answer(document: Document, finding: Finding) -> Answer:
    """The answer of a finding of this document."""
    names = WorkloadNames(document)
    explained = _explained(document, finding)
    severe = [symptom for symptom in explained if symptom.severity in _SEVERE] or explained
    is_ongoing = any(symptom.is_ongoing for symptom in severe)
    is_felt = bool(finding.impact.services) or bool(finding.impact.failed_requests)
    by_id = {symptom.id: symptom for symptom in document.symptoms}
    recorded_on = day(document.capture.begin)

    def day_of(time: str) -> str | None:
        return None if day(time) == recorded_on else day(time)

    steps = []
    for step in finding.chain:
        known = by_id.get(step.symptom_id)
        is_change = known is not None and known.nature != "symptom"
        text = names.text(step.what, step.entity) + (_tell_kills(document, known) if known is not None else "")
        steps.append(Step(step.time, names.subject(step.entity), text, is_change, day_of(step.time)))
    root = finding.root_cause
    first = finding.chain[0].symptom_id if finding.chain else None
    cause = (
        steps[0]
        if steps
        else Step(root.time, names.subject(root), names.text(root.what, root), is_change=False, day=day_of(root.time))
    )
    return Answer(
        title=_begin_sentence(names.sentence(call_fields(finding.title))),
        pattern=finding.pattern,
        severity="high" if is_felt and is_ongoing else "medium" if is_felt or is_ongoing else "low",
        confidence=confidence_word(finding.confidence),
        impact=_impact(finding, names, has_requests=bool(document.capture.tables.get("request"))),
        status=_status(document, severe, is_ongoing=is_ongoing),
        is_ongoing=is_ongoing,
        is_cause=root.is_state or not any(term.term in _NOT_CAUSES for term in finding.confidence_terms),
        cause=cause,
        who=(None if first is None else say_who(document, first)) or say_last_write(root),
        triggers=tuple(
            Step(
                aside.change.time,
                names.subject(aside.change.entity),
                names.text(aside.change.what, aside.change.entity),
                is_change=True,
                day=day_of(aside.change.time),
            )
            for aside in story.set_aside(document)
            if aside.triggered == finding.rank
        ),
        fix=finding.fix,
        advice=_advice(finding, names),
        source=None if first is None else advise_on_source(document, first),
        verify=finding.verify,
        against=tuple(names.sentence(item.what) for item in finding.refuted_by),
        steps=tuple(sorted(dict.fromkeys(steps), key=lambda step: step.time)),
    )


def _begin_sentence(text: str) -> str:
    """A title with a capital letter, unless it begins with a name."""
    return text[:1].upper() + text[1:] if text.startswith(_LOWER_WORDS) else text


def _tell_kills(document: Document, symptom: Symptom) -> str:
    """`: 4 times, memory limit 48 MiB`, of a symptom that rests on OOM kills; empty for any other.

    What the victims had is not told: it counts pages of files that the limit does not, and can be more than that.
    """
    if not any(key.startswith(f"{_KILLS_TABLE}:") for key in symptom.evidence):
        return ""
    kills = len(list_kills(document).get(symptom.entity.id, ()))
    limits = [one.limit for one in document.measures if one.entity.id == symptom.entity.id and one.unit == "By"]
    said = [f"{kills} times"] if kills > 1 else []
    said += [f"memory limit {format_bytes(limit)}" for limit in limits if limit is not None][:1]
    return f": {', '.join(said)}" if said else ""


def quiet_changes(document: Document) -> tuple[QuietChange, ...]:
    """What was changed, by time: all that there is to tell if nothing failed. Fields of one edit are one step."""
    names = WorkloadNames(document)
    edits: dict[tuple[str, str], list[Change]] = {}
    for change in document.changes:
        edits.setdefault((change.time, change.entity.id), []).append(change)
    return tuple(QuietChange(_tell_edit(changes, names), _who_made(changes)) for changes in edits.values())


def _tell_edit(changes: list[Change], names: WorkloadNames) -> Step:
    first = changes[0]
    texts = [names.text(change.what, change.entity) for change in changes]
    rest = len(texts) - MAX_NAMES
    said = "; ".join(texts[:MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")
    return Step(first.time, names.subject(first.entity), cut_middle(said, TEXT_CHARACTERS), is_change=True)


def _who_made(changes: list[Change]) -> str | None:
    one = changes[0].manager
    return None if one is None else call_manager(one.name, one.operation, one.subresource)


def confidence_word(confidence: float) -> str:
    """`high`, `medium` or `low`; `--verbose` has the number."""
    return "high" if confidence >= HIGH_CONFIDENCE else "medium" if confidence >= MEDIUM_CONFIDENCE else "low"


class WorkloadNames:
    """What the objects of a document are called where it is read: by their workload, with their namespace.

    Args:
        document: has the relations between pods and workloads.
    """

    def __init__(self, document: Document) -> None:
        self._entities = document.entities
        workload = {row.source: row.target for row in document.relations if row.kind == "WORKLOAD_OF"}
        self._workload: dict[str, Entity] = {}
        for pod, target in sorted(workload.items()):
            if target in document.entities and document.entities[target].kind != "StatefulSet":
                self._workload[pod] = document.entities[target]
        for row in document.relations:
            if row.kind == "CONTAINS" and row.source in self._workload:
                self._workload[row.target] = self._workload[row.source]
        spoken = {}
        for key, owner in self._workload.items():
            if key in document.entities:
                entity = document.entities[key]
                spoken[entity.name] = spoken[f"{entity.kind} {entity.name}"] = self._spoken(entity, owner)
        for entity in document.entities.values():
            if entity.namespace and entity.kind not in ("Pod", "Container", "Process"):
                spoken.setdefault(f"{entity.kind} {entity.name}", f"{entity.kind} {_with_namespace(entity)}")
        stateful = {row.source for row in document.relations if row.kind == "WORKLOAD_OF"} - set(self._workload)
        for pod in sorted(stateful & set(document.entities)):
            spoken.setdefault(document.entities[pod].name, _with_namespace(document.entities[pod]))
        self._spoken_names = spoken
        names = sorted(spoken, key=lambda name: (-len(name), name))
        self._pattern = (
            re.compile(rf"(?<![\w./-])(?:(?:Container|Pod) )?({'|'.join(map(re.escape, names))})(?![\w-])")
            if names
            else None
        )

    @staticmethod
    def _spoken(entity: Entity, owner: Entity) -> str:
        whole = _with_namespace(owner)
        if entity.kind == "Container":
            container = entity.name.rpartition("/")[2]
            return whole if container == owner.name else f"{whole} (container {container})"
        return f"a pod of {whole}" if entity.kind == "Pod" else whole

    def subject(self, entity: Entity | EntityRef | RootCause) -> str:
        """`deploy/cache`: the workload of what is in a pod, else the object itself."""
        key = entity.entity if isinstance(entity, RootCause) else entity.id
        owner = self._workload.get(key)
        kind, name = (owner.kind, owner.name) if owner is not None else (entity.kind, entity.name)
        return f"{_SHORT_KINDS.get(kind, kind.lower())}/{name}"

    def owner(self, key: str) -> str:
        """The id of the workload that an entity is a part of; its own id if it is of none."""
        owner = self._workload.get(key)
        return key if owner is None else owner.id

    def whole(self, key: str) -> str:
        """`shop/cache`, of an entity's id."""
        entity = self._workload.get(key) or self._entities.get(key)
        return key if entity is None else _with_namespace(entity)

    def sentence(self, text: str) -> str:
        """A text in which pods and containers are named by their workload."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._spoken_names[match[1]], text)

    def text(self, what: str, entity: Entity | EntityRef | RootCause) -> str:
        """What is said of an entity, without its name, and with fields as people call them."""
        said = what.removeprefix(f"{entity.kind} {entity.name}").lstrip(": ") or what
        said = call_fields(said)
        if entity.kind in ("ConfigMap", "Secret"):
            said = re.sub(r"(?<!\S)data\.(?=\S)", "", said)
        return cut_middle(self.sentence(said), TEXT_CHARACTERS)


def call_fields(text: str) -> str:
    """A text in which fields are called what people call them: `env PORT of api` not their paths."""
    text = _FIELD.sub(r"\2 of \1", _RESTART.sub("was restarted", text))
    text = _WHOLE_TAINT.sub(_tell_taint, _WHOLE_VARIABLE.sub(_tell_variable, text))
    return _SPEC.sub("", _VARIABLE.sub(r"env \1", text))


def _tell_variable(match: re.Match[str]) -> str:
    """`env PORT of api was set to 80`, or to what it refers to, of a variable as the API has it."""
    try:
        variable = json.loads(match[3])
        source = variable.get("valueFrom") or {}
        refers = next(
            (
                f"key {reference['key']} of {kind} {reference['name']}"
                for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret"))
                if (reference := source.get(field))
            ),
            variable.get("value"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return match[0]
    return match[0] if refers is None else f"env {match[1]} of {match[2]} was set to {refers}"


def _tell_taint(match: re.Match[str]) -> str:
    """`taint gone=yes:NoExecute was added`, as `kubectl taint` writes it, of a taint as the API has it."""
    try:
        taint = json.loads(match[1])
        value = f"={taint['value']}" if taint.get("value") else ""
        return f"taint {taint['key']}{value}:{taint['effect']} was added"
    except (ValueError, KeyError, TypeError):
        return match[0]


def _with_namespace(entity: Entity | EntityRef) -> str:
    return f"{entity.namespace}/{entity.name}" if entity.namespace else entity.name


def _explained(document: Document, finding: Finding) -> list[Symptom]:
    wanted = {*(step.symptom_id for step in finding.chain), *finding.also}
    return [symptom for symptom in document.symptoms if symptom.id in wanted and symptom.nature == "symptom"]


def _impact(finding: Finding, names: WorkloadNames, *, has_requests: bool) -> str:
    impact = finding.impact
    parts = []
    failing = sorted(
        (row for row in impact.by_workload if row.failed_requests), key=lambda row: -(row.failed_requests or 0)
    )
    for row in failing[:MAX_NAMES]:
        of = "" if row.requests is None else f" of {number(row.requests)}"
        parts.append(f"{names.whole(row.workload)} failed {number(row.failed_requests or 0)}{of} requests")
    if impact.empty:
        parts.append(f"no ready endpoints: svc {_list_names(impact.empty, names)}")
    elif impact.serving and not failing:
        seen = "users not affected" if has_requests else "no sign that users were affected"
        parts.append(f"{seen}: svc {_list_names(impact.serving, names)} always had ready endpoints")
    elif not failing and not impact.services:
        parts.append("no failed request and no Service without endpoints was recorded")
    reached = [key for key in impact.services if key not in impact.empty]
    if reached:
        parts.append(f"hit: svc {_list_names(reached, names)}")
    others = [key for key in impact.workloads if key not in {row.workload for row in failing}]
    if others:
        parts.append(f"{'also ' if failing or reached else ''}hit: {_list_names(others, names)}")
    if impact.cost is not None:
        parts.append(story.money(impact.cost))
    return "; ".join(parts)


def _advice(finding: Finding, names: WorkloadNames) -> str | None:
    """The first recommendation; without a command that is in the fix; None if the fix undoes the change instead."""
    given = [fix.removeprefix("kubectl ").lower() for fix in finding.fix]
    advised = [_take_command(text) for text in finding.recommendations]
    if not advised:
        return None
    said, command = advised[0]
    told: str | None = finding.recommendations[0]
    if command is not None and given:
        words = next((said for said, command in advised if command is not None and command.startswith(given[0])), None)
        if command.rstrip(".") in given:
            told = f"{said}."
        elif words is None:
            told = None
        elif words.startswith("If "):
            told = f"{words}:"
        # Else the first one has words that the reader must replace, and is told whole.
    return None if told is None else names.sentence(call_fields(told))


def _take_command(recommendation: str) -> tuple[str, str | None]:
    """What a recommendation says before its command, and the command in lower case without `kubectl`."""
    said, is_command, command = recommendation.partition(": kubectl ")
    return said, command.lower() if is_command else None


def _list_names(keys: tuple[str, ...] | list[str], names: WorkloadNames) -> str:
    called = list(dict.fromkeys(names.whole(key) for key in keys))
    rest = len(called) - MAX_NAMES
    return ", ".join(called[:MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _status(document: Document, severe: list[Symptom], *, is_ongoing: bool) -> str:
    if not severe:
        return ""
    since = min(symptom.begin for symptom in severe)
    ended = f"when the recording ended ({moment(document.capture.end)})"
    if is_ongoing:
        before = "before " if since < document.capture.begin else ""
        return f"since {before}{moment(max(since, document.capture.begin))}, STILL FAILING {ended}"
    last = max(symptom.end for symptom in severe)
    length = story.length_of(since, last)
    after = f" after {span(length)}" if length > 0 else ""
    return f"since {moment(since)}, not seen again{after}: last at {moment(last)}"


def step_cells(steps: tuple[Step, ...]) -> Iterator[tuple[str, str, str, str]]:
    """Time, subject, text and mark of each step. Times are of equal length."""
    times = [clock_time(step.time) if step.day is None else f"{step.day} {clock_minute(step.time)}" for step in steps]
    width = max(map(len, times), default=0)
    for time, step in zip(times, steps, strict=True):
        yield time.ljust(width), step.subject, step.text, "change" if step.is_change else ""
