"""The `through:` of a cause: how two entities must be related, e.g. `ConfigMap <-USES- Pod -CONTAINS-> Container`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from analyzer.knowledge.rules import Path, PathStep
from formats.rows.kube_resources import KIND_BY_NAME

SAME = "same"
"""The path of no steps: cause and effect concern the same entity."""

SAME_NAMESPACE = "same namespace"
"""The other path of no steps: cause and effect concern objects of one namespace, as a quota and what it refuses."""

_HELD = frozenset({"ConfigMap", "PersistentVolumeClaim", "Secret"})

_PERMITTING = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"})

_WEBHOOKS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})

RELATIONS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "APPLIES_TO": (frozenset({"NetworkPolicy"}), frozenset({"Pod"})),
    "ASKS": (_WEBHOOKS, frozenset({"Service"})),
    "BINDS": (frozenset({"PersistentVolumeClaim"}), frozenset({"PersistentVolume"})),
    "BLOCKED_BY": (frozenset({"Pod"}), frozenset({"Node", "Pod"})),
    "CALLS": (frozenset({"Pod"}), frozenset({"Address", "Node", "Pod", "Service"})),
    "CLASS_OF": (frozenset({"PriorityClass", "RuntimeClass", "StorageClass"}), frozenset()),
    "CONTAINS": (frozenset({"Container", "Pod"}), frozenset({"Container", "Process"})),
    "CROWDS_OUT": (frozenset({"Pod"}), frozenset({"Pod"})),
    "DEFAULTS": (frozenset({"LimitRange"}), frozenset({"Pod"})),
    "ENDPOINTS_OF": (frozenset({"EndpointSlice", "Endpoints"}), frozenset({"Service"})),
    "FILLS": (frozenset({"Pod"}), frozenset({"ResourceQuota"})),
    "HAS_CALLED": (frozenset({"Pod"}), frozenset({"Pod", "Service"})),
    "HOLDS": (frozenset({"Namespace"}), frozenset()),
    "LIMITS": (frozenset({"ResourceQuota"}), frozenset({"Namespace"})),
    "MAY_DELETE": (frozenset({"Pod"}), frozenset()),
    "MOUNTS": (frozenset({"Pod"}), _HELD),
    "OWNS": (frozenset(), frozenset()),
    "PERMITS": (_PERMITTING, frozenset({"Pod"})),
    "PREEMPTS": (frozenset({"Pod"}), frozenset({"Pod"})),
    "REFUSED_BY": (frozenset(), _WEBHOOKS),
    "PROTECTS": (frozenset({"PodDisruptionBudget"}), frozenset({"Pod"})),
    "ROUTES_TO": (frozenset({"HTTPRoute", "Ingress"}), frozenset({"Service"})),
    "RUNS_ON": (frozenset({"Pod"}), frozenset({"Node"})),
    "SCALES": (frozenset({"HorizontalPodAutoscaler"}), frozenset()),
    "SELECTS": (frozenset({"Service"}), frozenset({"Pod"})),
    "SELECTS_TEMPLATE": (frozenset({"Service"}), frozenset()),
    "STARTED_WITH": (frozenset({"Pod"}), frozenset({"ConfigMap", "Secret"})),
    "USES": (frozenset({"Pod"}), _HELD),
    "WORKLOAD_OF": (frozenset({"Pod"}), frozenset()),
}
"""The relations that a path may name, with the kinds that they lead from and to; none = any kind.
Source: docs/facts.md, table of relations."""

MAX_PATH = 6
"""Relations in one path. Why: each is a join; no relation of Kubernetes objects that we know needs more than five."""

KINDS = frozenset({*KIND_BY_NAME.values(), "Address", "Process"})
"""Kinds that may be misspelt; of other kinds, such as custom resources, nothing is known."""

MISSPELT = 0.85
"""How like a known kind a misspelt one is: `Deploymnet` is (0.9), `NodePool` is a kind of its own (0.67)."""

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
        before = steps[-2].kinds if len(steps) > 1 else _kinds(tokens[0])
        _check_ends(steps[-1], before)
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


def _check_ends(step: PathStep, before: tuple[str, ...]) -> None:
    """Refuses a relation between kinds that it never joins: such a rule would be silent for ever."""
    ends = (before, step.kinds) if step.forward else (step.kinds, before)
    for kinds, possible in zip(ends, RELATIONS[step.relation], strict=True):
        for kind in kinds if possible else ():
            if kind not in possible:
                sources, targets = ("|".join(sorted(side)) or "*" for side in RELATIONS[step.relation])
                way = "leads" if step.forward else "leads back"
                raise ValueError(
                    f"`{step.relation}` never {way} from {'|'.join(before) or '*'} to {'|'.join(step.kinds) or '*'}: "
                    f"it is `{sources} -{step.relation}-> {targets}`"
                )


def _kinds(text: str) -> tuple[str, ...]:
    if _KINDS.fullmatch(text) is None:
        raise ValueError(f"`{text}` is not a valid kind: expected a kind such as `Pod`, `Pod|Container` or `*`")
    if text == "*":
        return ()
    kinds = tuple(text.split("|"))
    for kind in kinds:
        if kind not in KINDS:
            import difflib  # noqa: PLC0415 - only needed for a kind that is not known

            near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=MISSPELT)
            if near:
                raise ValueError(f"unknown kind `{kind}`; did you mean `{near[0]}`?")
    return kinds
