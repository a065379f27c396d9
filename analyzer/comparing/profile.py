"""What a capture shows in one interval, by subjects that another capture has as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.comparing.counting import COUNTED_FACTS, EventCounter, Interval
from analyzer.comparing.subjects import Subject, subject_of
from analyzer.model.build import build_model
from analyzer.model.engine import Engine
from analyzer.model.entity_index import EntityIndex
from formats.capture.reading import Capture
from formats.postmortem.document import Document
from formats.postmortem.recording import EntityRef
from formats.rows.kube_json import parse_object
from formats.severity import SeverityNumber
from formats.times import parse_time

_DERIVED_KINDS = frozenset({"Pod", "Node", "Event", "EndpointSlice", "Endpoints", "Lease", "ControllerRevision"})
"""Objects that say how the cluster is, not what somebody wants; so do all that are owned by a controller."""

IMPORTED = "tapio import"
"""Begin of `created_by` of segments that `tapio import` made."""

_GIVEN_BY_SERVER = frozenset(
    {"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "volumeName", "controller-uid", "ipFamilies"}
)
_MAY_BE_EMPTY = frozenset({"metadata", "labels", "annotations"})
_ANNOTATIONS_OF_TOOLS = (
    "kubectl.kubernetes.io/",
    "deployment.kubernetes.io/",
    "batch.kubernetes.io/",
    "pv.kubernetes.io/",
)


@dataclass(frozen=True, slots=True)
class SymptomFigure:
    """A symptom of one subject in the interval.

    Attributes:
        what: the sentence of its first episode.
        severity: the worst of its episodes.
        episodes: how many there are.
    """

    what: str
    severity: str
    episodes: int


@dataclass(frozen=True, slots=True)
class IntervalProfile:
    """What one interval of a capture shows.

    Attributes:
        interval: that was looked at.
        recorders: who made digests of what is not recorded: equal values have equal digests within one of them.
        events: number of events by subject and kind.
        symptoms: by subject and name of the symptom; nothing that is only a change or context.
        findings: title by subject of the root cause and name of the pattern (empty if none names it).
        changes: by subject, path and new value: the sentence.
        objects: what is wanted of each object, in its newest version of the interval or before.
    """

    interval: Interval
    recorders: frozenset[str]
    events: Mapping[tuple[Subject, str], int]
    symptoms: Mapping[tuple[Subject, str], SymptomFigure]
    findings: Mapping[tuple[Subject, str], str]
    changes: Mapping[tuple[Subject, str, str], str]
    objects: Mapping[Subject, dict[str, Any]]


def read_profiles(capture: Capture, document: Document, intervals: Sequence[Interval]) -> tuple[IntervalProfile, ...]:
    """The profile of each interval.

    Args:
        capture: opened.
        document: of the whole capture.
        intervals: of it.
    """
    with Engine.for_events(capture.events) as engine:
        model = build_model(capture, engine, wanted=("entity", "object_version", *COUNTED_FACTS))
        counter = EventCounter(engine, intervals)
        model.go_through([counter.part_step])
        counter.finish()
        subjects = _Subjects(EntityIndex(engine))
        subjects.entities.load(entity for counts in counter.counts for entity, _kind in counts)
        subjects.entities.load(symptom.entity.id for symptom in document.symptoms)
        return tuple(
            IntervalProfile(
                interval=interval,
                recorders=_recorders(capture),
                events=_events(counts, subjects),
                symptoms=_symptoms(document, interval, subjects),
                findings=_findings(document, interval),
                changes=_changes(document, interval),
                objects=_objects(engine, interval),
            )
            for interval, counts in zip(intervals, counter.counts, strict=True)
        )


def _recorders(capture: Capture) -> frozenset[str]:
    """The nodes, each of which has one key for its digests; each import has another one, whatever node it names."""
    return frozenset(
        f"{manifest.node_name} {manifest.boot_id if manifest.created_by.startswith(IMPORTED) else ''}"
        for manifest in (segment.manifest for segment in capture.segments)
    )


@dataclass(frozen=True, slots=True)
class _Subjects:
    """The subject of an entity: its workload, if it has one."""

    entities: EntityIndex

    def find(self, entity_id: str) -> Subject:
        row = self.entities.get(entity_id)
        top = self.entities.get(row.workload_id) if row is not None else None
        if top is not None:
            return subject_of(top.kind, top.namespace, top.name)
        pod = self.entities.get(row.pod_id) if row is not None else None
        if pod is not None:
            return subject_of("Pod", pod.namespace, pod.name)
        if row is not None:
            return subject_of(row.kind, row.namespace, row.name)
        kind, _, name = entity_id.partition("/")
        return subject_of(kind, None, name)


def _events(counts: Mapping[tuple[str, str], int], subjects: _Subjects) -> dict[tuple[Subject, str], int]:
    events: Counter[tuple[Subject, str]] = Counter()
    for (entity_id, kind), number in counts.items():
        events[subjects.find(entity_id), kind] += number
    return dict(events)


def _symptoms(document: Document, interval: Interval, subjects: _Subjects) -> dict[tuple[Subject, str], SymptomFigure]:
    found: dict[tuple[Subject, str], SymptomFigure] = {}
    for symptom in document.symptoms:
        if symptom.nature == "symptom" and interval.overlaps(parse_time(symptom.begin), parse_time(symptom.end)):
            key = (subjects.find(symptom.entity.id), symptom.name)
            before = found.get(key)
            if before is None:
                found[key] = SymptomFigure(symptom.what, symptom.severity, 1)
            else:
                worst = max(before.severity, symptom.severity, key=severity_rank)
                found[key] = SymptomFigure(before.what, worst, before.episodes + 1)
    return found


def severity_rank(severity: str) -> int:
    """A number that is larger for what is worse; 0 for a word that this version does not know."""
    return {"info": SeverityNumber.INFO, "warning": SeverityNumber.WARN, "error": SeverityNumber.ERROR}.get(
        severity, SeverityNumber.FATAL if severity == "fatal" else 0
    )


def _findings(document: Document, interval: Interval) -> dict[tuple[Subject, str], str]:
    found = {}
    for finding in document.findings:
        times = [parse_time(step.time) for step in finding.chain]
        if interval.overlaps(min(times), max(times)):
            root = finding.root_cause
            found[subject_of(root.kind, root.namespace, root.name), finding.pattern or ""] = finding.title
    return found


def _changes(document: Document, interval: Interval) -> dict[tuple[Subject, str, str], str]:
    found = {}
    for change in document.changes:
        if interval.overlaps(parse_time(change.time), parse_time(change.time)):
            # A time that a tool writes (`kubectl rollout restart`) is another one each time.
            is_mark = any(prefix in (change.path or "") for prefix in _ANNOTATIONS_OF_TOOLS)
            key = (_subject(change.entity), change.path or "", "" if is_mark else change.new or "")
            found[key] = change.what
    return found


def _subject(entity: EntityRef) -> Subject:
    return subject_of(entity.kind, entity.namespace, entity.name)


def _objects(engine: Engine, interval: Interval) -> dict[Subject, dict[str, Any]]:
    rows = engine.rows(
        """
        SELECT kind, namespace, name, arg_max(content, (at_ns, seq)) AS content FROM object_version
        WHERE at_ns <= ? AND until_ns >= ? AND content IS NOT NULL AND owner_uid IS NULL
        GROUP BY kind, namespace, name ORDER BY kind, namespace, name
        """,
        [interval.to_ns, interval.from_ns],
    )
    objects = {}
    for kind, namespace, name, content in rows:
        wanted = None if kind in _DERIVED_KINDS else parse_object(content)
        if wanted is not None:
            objects[subject_of(kind, namespace, name)] = _what_is_wanted(wanted)
    return objects


def _what_is_wanted(content: dict[str, Any]) -> dict[str, Any]:
    """The object without status, identity and what the server or tools filled in."""
    kept: dict[str, Any] = {key: content[key] for key in content if key not in {"metadata", "status", "kind"}}
    metadata = content.get("metadata")
    if isinstance(metadata, dict):
        kept["metadata"] = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    return {key: _without_given(value) for key, value in kept.items()}


def _without_given(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {
            key: _without_given(item)
            for key, item in value.items()
            if key not in _GIVEN_BY_SERVER and not key.startswith(_ANNOTATIONS_OF_TOOLS)
        }
        # What had nothing but entries of tools is as if it were not there; `podSelector: {}` says something.
        return {
            key: item for key, item in kept.items() if item != {} or (value[key] == {} and key not in _MAY_BE_EMPTY)
        }
    if isinstance(value, list):
        return [_without_given(item) for item in value]
    return value


def find_trigger(document: Document) -> int | None:
    """When the incident of a capture began: the root cause of its first finding, unix ns; None without a finding."""
    return parse_time(document.findings[0].root_cause.time) if document.findings else None


def whole_interval(document: Document) -> Interval:
    """All that was recorded."""
    return Interval(parse_time(document.capture.begin), parse_time(document.capture.end))


def align_at_triggers(documents: Iterable[Document]) -> tuple[Interval, ...] | None:
    """The time that all captures have before and after their trigger; None if one of them has no finding."""
    spans = [(find_trigger(document), whole_interval(document)) for document in documents]
    known = [(trigger, span) for trigger, span in spans if trigger is not None]
    if len(known) < len(spans):
        return None
    before = min(max(trigger - span.from_ns, 0) for trigger, span in known)
    after = min(max(span.to_ns - trigger, 0) for trigger, span in known)
    return tuple(Interval(trigger - before, trigger + after) for trigger, _span in known)
