"""`tapio pattern lint`: all mistakes of knowledge files at once, and what is allowed but probably not meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analyzer.knowledge.check import check_knowledge
from analyzer.knowledge.files import SHIPPED, KnowledgeFile, read_knowledge_files
from analyzer.knowledge.load import load_knowledge
from analyzer.knowledge.rules import Knowledge, Nature, PatternRule
from analyzer.model.engine_tables import fact_columns
from formats.errors import KnowledgeError


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one place of a file.

    Attributes:
        where: file:line:column; the file alone if there is no place in it.
        is_mistake: whether the knowledge cannot be used; otherwise it is a warning.
        says: what is wrong and what to do.
    """

    where: str
    is_mistake: bool
    says: str


@dataclass(frozen=True, slots=True)
class LintResult:
    """What was found in some files.

    Attributes:
        files: how many were read.
        patterns: how many patterns they define.
        remarks: mistakes, then warnings, each in order of place.
        is_complete: False if references could not be checked, because a document could not be read.
    """

    files: int
    patterns: int
    remarks: tuple[Remark, ...]
    is_complete: bool

    @property
    def mistakes(self) -> int:
        """How many of the remarks are mistakes."""
        return sum(1 for remark in self.remarks if remark.is_mistake)


def lint_knowledge(paths: Sequence[Path]) -> LintResult:
    """Checks the YAML files of these paths together with the shipped knowledge that they may refer to.

    Documents are read first, each giving its first mistake. What rules refer to is checked only when all documents can
    be read, so that one mistake is not reported again wherever its rule is used.

    Raises:
        MissingInputError: if a path does not exist or cannot be read.
        KnowledgeError: if a file is no text.
    """
    own = read_knowledge_files(paths)
    names = {file.name for file in own}
    mistakes: list[KnowledgeError] = []
    knowledge = load_knowledge([*_shipped_beside(own), *own], mistakes.append)
    is_complete = not mistakes
    if is_complete:
        check_knowledge(knowledge, fact_columns(), mistakes.append)
    remarks = [
        *(Remark(mistake.where or "", is_mistake=True, says=_in_words(mistake)) for mistake in mistakes),
        *(warning for warning in _warnings(knowledge, is_complete=is_complete) if _file_of(warning.where) in names),
    ]
    return LintResult(
        files=len(own),
        patterns=sum(1 for pattern in knowledge.patterns if _file_of(pattern.where) in names),
        remarks=tuple(sorted(remarks, key=_order)),
        is_complete=is_complete,
    )


def _shipped_beside(own: Sequence[KnowledgeFile]) -> Iterator[KnowledgeFile]:
    """The shipped files that are not linted themselves."""
    linted = {Path(file.name).resolve() for file in own}
    return (file for file in read_knowledge_files([SHIPPED]) if Path(file.name).resolve() not in linted)


def _in_words(mistake: KnowledgeError) -> str:
    return f"{mistake.problem}; {mistake.next_step}" if mistake.next_step else mistake.problem


def _warnings(knowledge: Knowledge, *, is_complete: bool) -> Iterator[Remark]:
    for pattern in knowledge.patterns:
        for says in _warnings_of(pattern):
            yield Remark(pattern.where, is_mistake=False, says=f"pattern `{pattern.name}` {says}")
    for trend in knowledge.trends:
        if not any(test.kind for test in trend.tests) or all(test.kind for test in trend.tests):
            says = "needs a test in which it foretells something, and a near miss with `prediction: none`"
            yield Remark(trend.where, is_mistake=False, says=f"trend `{trend.name}` {says}")
    if not is_complete:
        return
    used = set(_used_symptoms(knowledge))
    for symptom in knowledge.symptoms:
        # Mechanisms speak of every change and every condition. Only of what makes a finding is more to be said.
        if symptom.name not in used and (symptom.is_severe or symptom.nature is Nature.CONTEXT):
            yield Remark(
                symptom.where,
                is_mistake=False,
                says=f"no cause and no pattern uses symptom `{symptom.name}`; add a cause that names it in `to`",
            )


def _warnings_of(pattern: PatternRule) -> Iterator[str]:
    if not any(test.root_kind for test in pattern.tests):
        yield "has no test that must match; add a test with `capture` and `root_cause`"
    if all(test.root_kind for test in pattern.tests):
        yield "has no near-miss test; add a test with a similar `capture` and `finding: none`"
    if not pattern.actions:
        yield "has no actions; add what to do, best first"


def _used_symptoms(knowledge: Knowledge) -> Iterator[str]:
    for symptom in knowledge.symptoms:
        yield from symptom.except_during
    for cause in knowledge.causes:
        if not cause.is_mechanism:
            yield from (*cause.causes, *cause.effects)
    for trend in knowledge.trends:
        yield from trend.foretells
    for pattern in knowledge.patterns:
        yield from (*pattern.roots, *pattern.chain)
        for names in pattern.requires:
            yield from names
        yield from (wanted.symptom for wanted in (*pattern.refuted_by, *pattern.needs) if wanted.symptom)


def _file_of(where: str) -> str:
    """The file of a place that is file:line:column."""
    return where.rsplit(":", 2)[0]


def _order(remark: Remark) -> tuple[bool, str, tuple[int, ...], str]:
    name, *numbers = remark.where.rsplit(":", 2)
    return not remark.is_mistake, name, tuple(int(number) for number in numbers if number.isdigit()), remark.says
