"""Recordings and states of a Kubernetes cluster that other programs wrote, told apart by what is in them.

Three forms: lists and watch events, answers of kubelets and export requests of OpenTelemetry (`k8s_watch`,
`kubelet_lines`, `otlp_lines`), the audit log of an API server (`audit_log`), and objects as kubectl writes them
(`kube_documents`). All plain, gzip or zstd.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from analyzer.importers.audit_log import AuditLog, is_audit_event
from analyzer.importers.budget import ImportBudget, ImportLimits
from analyzer.importers.foreign_file import ForeignFile
from analyzer.importers.k8s_watch import WatchLines, is_watch_line
from analyzer.importers.kube_conversations import KubeConversations
from analyzer.importers.kube_documents import KubeDocuments
from analyzer.importers.kubelet_lines import is_kubelet_line
from analyzer.importers.otlp_lines import is_otlp_line
from analyzer.importers.recording import Recording
from formats.clock import Instant
from formats.errors import FormatError
from formats.loss import LossReason
from formats.rows.kube_json import integer, parse_object, text
from formats.rows.kube_redaction import Redaction
from formats.rows.kube_time import unix_nano

EXPECTED = (
    "the output of `kubectl get -o json` or `-o yaml`, the folder of a cluster dump or must-gather, an audit log of "
    'the API server, or one JSON object per line with "t", "boot_ns", "resource", "type" and "object"'
)
_CORE_EVENTS = re.compile(rb'"resource"\s*:\s*"events"')
_LOG_ENDING = ".log"
_HEAD_BYTES = 4_096

Progress = Callable[[int], None]


class Form(StrEnum):
    """What a file holds, as people call it."""

    WATCH = "lists and watch events"
    AUDIT = "audit events"
    OBJECTS = "objects"


@dataclass(frozen=True, slots=True)
class InputSurvey:
    """What a first reading of a file found.

    Attributes:
        path: the file.
        digest: of the file as stored, 32 bytes.
        lines: that are not empty.
        form: what it holds.
        begin_unix_nano: time of the first line that has one; 0 for objects.
        has_core_events: whether Events of core/v1 are in it, so that their other form is left out.
        damage: what was wrong below the lines; None if nothing.
    """

    path: Path
    digest: bytes
    lines: int
    form: Form
    begin_unix_nano: int
    has_core_events: bool
    damage: str | None


def read_kubernetes(
    paths: Sequence[Path],
    *,
    node_name: str,
    configmap_values: bool = False,
    on_progress: Progress | None = None,
    limits: ImportLimits | None = None,
) -> tuple[Recording, str]:
    """The rows of what was recorded of a Kubernetes cluster.

    Args:
        paths: the files, of one form.
        node_name: who recorded it.
        configmap_values: whether values of ConfigMaps are kept.
        on_progress: called now and then with the bytes read so far, of twice the size of all files.
        limits: of the import; None = the ordinary ones.

    Returns:
        The recording, and what identifies it: equal files and options give equal texts.

    Raises:
        FormatError: nothing in the files is what it should be, they are of several forms, or they exceed a limit.
        MissingInputError: a file cannot be read.
    """
    progress = _Progress(on_progress, ImportBudget(limits))
    surveys = _of_one_form([_survey(path, progress) for path in paths])
    progress.budget.begin_pass()
    digest = surveys[0].digest
    if len(surveys) > 1:
        digest = hashlib.blake2b(b"".join(survey.digest for survey in surveys), digest_size=32).digest()
    # Whoever has only the capture does not have the file, and so not the key.
    key = hashlib.blake2b(digest, person=b"tapio-redaction").digest()[:32]
    recording = Recording(node_name)
    conversations = KubeConversations(recording, Redaction(key, configmap_values))
    read = {Form.WATCH: _read_watch, Form.AUDIT: _read_audit, Form.OBJECTS: _read_objects}[surveys[0].form]
    begin, end = read(surveys, recording, conversations, progress)
    conversations.end(begin, end)
    for damage in dict.fromkeys(survey.damage for survey in surveys if survey.damage):
        recording.add_loss("kube_object", LossReason.DAMAGED, None, since=end, until=end, detail=damage)
    if not recording.rows:
        where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1:,} more"
        raise FormatError("no Kubernetes object was found", where=where, next_step=f"give {EXPECTED}")
    return recording, f"{digest.hex()} {node_name} {configmap_values}"


class _Progress:
    """Adds up what was read of several files, and what it cost."""

    def __init__(self, on_progress: Progress | None, budget: ImportBudget) -> None:
        self.budget = budget
        self._on_progress = on_progress
        self._before = 0
        self._of_file = 0

    def begin_file(self) -> None:
        self._before += self._of_file
        self._of_file = 0

    def advance(self, read: int) -> None:
        self._of_file = read
        if self._on_progress is not None:
            self._on_progress(self._before + read)


def _survey(path: Path, progress: _Progress) -> InputSurvey:
    progress.begin_file()
    file = ForeignFile(path, progress.budget, progress.advance)
    lines = begin = 0
    form = Form.OBJECTS
    has_core_events = False
    for line in file.lines():
        if not line.strip():
            continue
        lines += 1
        if form is Form.OBJECTS and (
            b'"resource"' in line
            or b'"audit.k8s.io' in line
            or b'"what"' in line[:_HEAD_BYTES]
            or b'"signal"' in line[:_HEAD_BYTES]
        ):
            parsed = parse_object(line)
            if is_watch_line(parsed) or is_kubelet_line(parsed) or is_otlp_line(parsed):
                form = Form.WATCH
                begin = integer(parsed, "t") or 0
            elif is_audit_event(parsed):
                form = Form.AUDIT
                begin = unix_nano(text(parsed, "stageTimestamp")) or 0
        has_core_events = has_core_events or _CORE_EVENTS.search(line, 0, _HEAD_BYTES) is not None
    return InputSurvey(path, file.digest.digest(), lines, form, begin, has_core_events, file.damage)


def _of_one_form(surveys: Sequence[InputSurvey]) -> list[InputSurvey]:
    """The files that hold something, in the order in which they were written; logs of programs among them left out."""
    holding = [survey for survey in surveys if survey.lines and not _is_program_log(survey, surveys)]
    if not holding:
        damage = next((f": {survey.damage}" for survey in surveys if survey.damage), "")
        raise FormatError(f"the file is empty{damage}", where=str(surveys[0].path), next_step=f"give {EXPECTED}")
    forms = list(dict.fromkeys(survey.form for survey in holding))
    if len(forms) > 1:
        other = next(survey for survey in holding if survey.form is not forms[0])
        raise FormatError(
            f"it holds {other.form}, and {holding[0].path} {forms[0]}; both are not one recording",
            where=str(other.path),
            next_step="import them one by one",
        )
    return sorted(holding, key=lambda survey: survey.begin_unix_nano)


def _is_program_log(survey: InputSurvey, surveys: Sequence[InputSurvey]) -> bool:
    return len(surveys) > 1 and survey.form is Form.OBJECTS and _LOG_ENDING in survey.path.suffixes


def _read_watch(
    surveys: Sequence[InputSurvey], recording: Recording, conversations: KubeConversations, progress: _Progress
) -> tuple[Instant, Instant]:
    unreadable = _Unreadable("neither a list, a watch event, an answer of a kubelet nor an export request")
    has_core_events = any(survey.has_core_events for survey in surveys)
    lines = WatchLines(recording, conversations, has_core_events=has_core_events)
    begin: Instant | None = None
    for survey in surveys:
        for number, raw in _lines(survey, progress):
            line = parse_object(raw)
            if line is None or not lines.read(line):
                unreadable.add(number)
            else:
                begin = begin or lines.at
    lines.end()
    begin = begin or lines.at
    unreadable.tell(recording, begin, lines.at)
    return begin, lines.at


def _read_audit(
    surveys: Sequence[InputSurvey], recording: Recording, conversations: KubeConversations, progress: _Progress
) -> tuple[Instant, Instant]:
    unreadable = _Unreadable("not an audit event")
    log = AuditLog()
    first = last = 0
    for survey in surveys:
        for number, raw in _lines(survey, progress):
            event = parse_object(raw)
            if event is None or not is_audit_event(event):
                unreadable.add(number)
                continue
            for write in log.read(event):
                at = Instant(write.unix_nano, write.unix_nano)
                first, last = min(first or write.unix_nano, write.unix_nano), max(last, write.unix_nano)
                if write.before is not None:
                    conversations.know(write.resource, write.before, at)
                conversations.tell(write.resource, write.watch_type, write.raw, at)
    begin, end = Instant(first, first), Instant(last, last)
    recording.tell_clock(begin)
    unreadable.tell(recording, begin, end)
    if log.bodiless:
        detail = "writes whose object was not logged; audit them at level RequestResponse"
        recording.add_loss("kube_object", LossReason.REJECTED, log.bodiless, since=begin, until=end, detail=detail)
    return begin, end


def _read_objects(
    surveys: Sequence[InputSurvey], recording: Recording, conversations: KubeConversations, progress: _Progress
) -> tuple[Instant, Instant]:
    documents = KubeDocuments()
    for survey in surveys:
        parts = []
        size = 0
        for _, line in _lines(survey, progress, with_empty=True):
            size += len(line)
            progress.budget.check_document(size, survey.path)
            parts.append(line)
        documents.add(b"\n".join(parts).decode("utf-8", "replace"), str(survey.path))
    at = Instant(documents.newest_unix_nano, documents.newest_unix_nano)
    recording.tell_clock(at)
    for resource, listed in documents.by_resource():
        conversations.list(resource, {"items": listed, "kind": text(listed[0], "kind")}, at)
    for unread in dict.fromkeys(documents.unread):
        recording.add_loss("kube_object", LossReason.DAMAGED, None, since=at, until=at, detail=unread)
    return at, at


def _lines(survey: InputSurvey, progress: _Progress, *, with_empty: bool = False) -> Iterator[tuple[int, bytes]]:
    """Number and text of the lines of a file, read once more."""
    progress.begin_file()
    for number, raw in enumerate(ForeignFile(survey.path, progress.budget, progress.advance).lines(), start=1):
        if with_empty or raw.strip():
            yield number, raw


class _Unreadable:
    """Counts lines that are not what the file holds.

    Args:
        what: what they are instead, such as `not an audit event`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._lines = 0
        self._first = 0

    def add(self, number: int) -> None:
        self._lines += 1
        self._first = self._first or number

    def tell(self, recording: Recording, begin: Instant, end: Instant) -> None:
        """Record what was counted as a loss, if anything was."""
        if self._lines:
            detail = f"lines that are {self._what}, the first at line {self._first}"
            recording.add_loss("kube_object", LossReason.DAMAGED, self._lines, since=begin, until=end, detail=detail)
