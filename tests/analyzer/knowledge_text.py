"""Knowledge for tests, as text."""

from __future__ import annotations

from analyzer.knowledge.check import check_knowledge
from analyzer.knowledge.files import KnowledgeFile
from analyzer.knowledge.load import load_knowledge
from analyzer.knowledge.rules import Knowledge
from analyzer.model.engine_tables import fact_columns

SYMPTOM = """
kind: Symptom
name: crash
nature: symptom
condition: crashing
severity: error
title: "{entity} crashed with {exit_code}"
from: container_termination
where: exit_code <> 0
merge: 10s
keep: [exit_code]
magnitude: {sum: exit_code, unit: codes}
"""

CHANGE = """
kind: Symptom
name: edit
nature: change
severity: info
title: "{what}"
from: object_change
where: category = 'config'
keep: [what, old_value, new_value]
"""

CAUSE = """
kind: Cause
name: edit-crashes
from: [edit]
to: [crash]
through: "ConfigMap <-USES- Pod -CONTAINS-> Container"
lag: [0s, 10m]
confidence: 0.8
says: "{effect} read {cause}"
"""

PATTERN = """
kind: Pattern
name: bad-edit
title: "{root} broke {effect}"
category: configuration
meaning: "An edit broke something."
root: [edit]
chain: [crash]
actions: ["Put {old_value} back"]
tests: []
"""


def load_text(*documents: str, name: str = "own.yaml") -> Knowledge:
    """The rules of these documents, unchecked."""
    return load_knowledge([KnowledgeFile(name, "\n---\n".join(document.strip() for document in documents) + "\n")])


def check_text(*documents: str) -> Knowledge:
    """The rules of these documents, checked against the facts."""
    knowledge = load_text(*documents)
    check_knowledge(knowledge, fact_columns())
    return knowledge
