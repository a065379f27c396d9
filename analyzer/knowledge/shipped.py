"""The knowledge that comes with Tapio, and what a user adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyzer.knowledge.cache import keep_cached, knowledge_key, read_cached
from analyzer.knowledge.check import check_knowledge
from analyzer.knowledge.files import find_feedback, read_knowledge_files, shipped_files
from analyzer.knowledge.rules import Knowledge
from analyzer.model.engine_tables import fact_columns


def read_knowledge(additional: Sequence[Path] = (), feedback: Path | None = None) -> Knowledge:
    """All rules: the shipped ones and those of additional files or directories, checked now or in an earlier run.

    Args:
        additional: YAML files and directories.
        feedback: file of verdicts on findings; None = the one beside the additional files, if there is one.

    Raises:
        MissingInputError: if a path does not exist.
        KnowledgeError: for the first mistake, with file:line:column.
    """
    files = [*shipped_files(), *(read_knowledge_files(additional) if additional else ())]
    key = knowledge_key(files, fact_columns())
    knowledge = read_cached(key)
    if knowledge is None:
        from analyzer.knowledge.load import load_knowledge  # noqa: PLC0415 - needs a YAML parser: 25 ms to import

        knowledge = load_knowledge(files)
        check_knowledge(knowledge, fact_columns())
        keep_cached(key, knowledge)
    verdicts = feedback or find_feedback(additional)
    if verdicts is not None:
        from analyzer.knowledge.feedback import apply_feedback, read_feedback  # noqa: PLC0415 - seldom needed

        knowledge = apply_feedback(knowledge, read_feedback(verdicts))
    return knowledge
