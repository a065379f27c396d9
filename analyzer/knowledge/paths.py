"""The `through:` of a cause: how two entities must be related, e.g. `ConfigMap <-USES- Pod -CONTAINS-> Container`."""

from __future__ import annotations

import re

from analyzer.knowledge.rules import Path, PathStep

SAME = "same"
"""The path of no steps: cause and effect concern the same entity."""

SAME_NAMESPACE = "same namespace"
"""The other path of no steps: cause and effect concern objects of one namespace, as a quota and what it refuses."""

RELATIONS = (
    "BINDS",
    "BLOCKED_BY",
    "CALLS",
    "CONTAINS",
    "LIMITS",
    "MOUNTS",
    "OWNS",
    "PREEMPTS",
    "RUNS_ON",
    "SCALES",
    "SELECTS",
    "SELECTS_TEMPLATE",
    "USES",
    "WORKLOAD_OF",
)
"""The relations that a path may name. Source: docs/facts.md, table of relations."""

MAX_PATH = 6
"""Relations in one path. Why: each is a join; no relation of Kubernetes objects that we know needs more than five."""

_TOKEN = re.compile(r"\s*(?:(<-([A-Z_]+)-)|(-([A-Z_]+)->)|([A-Za-z|*]+))", re.ASCII)
_KINDS = re.compile(r"\*|[A-Z][A-Za-z]*(\|[A-Z][A-Za-z]*)*", re.ASCII)


def parse_path(text: str) -> Path:
    """The path that a text describes.

    Args:
        text: `same`, `same namespace`, or kinds (`Pod`, `Pod|Container`, `*` for any) with `-REL->` or `<-REL-`
            between them.

    Raises:
        ValueError: with a clause that says what is expected.
    """
    if text.strip() == SAME:
        return Path(text=SAME, kinds=(), steps=())
    if text.split() == SAME_NAMESPACE.split():
        return Path(text=SAME_NAMESPACE, kinds=(), steps=())
    tokens = _split(text)
    if len(tokens) % 2 == 0 or len(tokens) < 3:
        raise ValueError(
            f"`{text}` is not a valid path: expected kinds with relations between them, `{SAME}` or `{SAME_NAMESPACE}`"
        )
    steps = []
    for arrow, kinds in zip(tokens[1::2], tokens[2::2], strict=True):
        forward = arrow.startswith("-")
        relation = arrow.strip("<->")
        if relation not in RELATIONS:
            raise ValueError(f"unknown relation `{relation}`; known relations: {', '.join(RELATIONS)}")
        steps.append(PathStep(relation=relation, forward=forward, kinds=_kinds(kinds)))
    if len(steps) > MAX_PATH:
        raise ValueError(f"`{text}` has {len(steps)} relations, more than the limit of {MAX_PATH}")
    return Path(text=" ".join(tokens), kinds=_kinds(tokens[0]), steps=tuple(steps))


def _split(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        expects_arrow = len(tokens) % 2 == 1
        if match is None or (match[5] is None) != expects_arrow:
            expected = "`-REL->` or `<-REL-`" if expects_arrow else "a kind such as `Pod`, `Pod|Container` or `*`"
            raise ValueError(f"`{text}` is not a valid path: expected {expected} at character {position + 1}")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


def _kinds(text: str) -> tuple[str, ...]:
    if _KINDS.fullmatch(text) is None:
        raise ValueError(f"`{text}` is not a valid kind: expected a kind such as `Pod`, `Pod|Container` or `*`")
    return () if text == "*" else tuple(text.split("|"))
