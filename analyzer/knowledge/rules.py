"""What the YAML of `patterns/` says, as data: all kinds of rules together. `docs/patterns.md` is normative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from analyzer.knowledge.change_rules import ChangeRule
from analyzer.knowledge.expression import Expression
from analyzer.knowledge.trend_rules import TrendRule


class Nature(StrEnum):
    """What a symptom is in a story."""

    CHANGE = "change"
    """Somebody or something altered it: can be a root cause."""
    SYMPTOM = "symptom"
    """Something is wrong with it: wants an explanation; a root cause only if nothing explains it."""
    CONTEXT = "context"
    """Neither wrong nor a cause, but a link in the chain: a rollout, an eviction."""


class Severity(StrEnum):
    """How bad a symptom is. Only `error` and `fatal` symptoms make findings."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    FATAL = "fatal"


class Condition(StrEnum):
    """What is wrong with an entity, whatever kind it is and whatever told it. Mechanisms speak of these alone."""

    ABSENT = "absent"
    """It is not there, or has nothing that does its work: no pod, no endpoint, no replica."""
    NOT_STARTING = "not-starting"
    """It is wanted and does not begin to run: not scheduled, not created, image not pulled, volume not mounted."""
    CRASHING = "crashing"
    """It ends by itself although it should run."""
    KILLED = "killed"
    """Something else ended it: the OOM killer, the kubelet after failed probes."""
    NOT_READY = "not-ready"
    """It runs and is not ready to serve, or does not make the progress that is wanted of it."""
    REFUSING = "refusing"
    """It refuses connections: nothing listens."""
    SILENT = "silent"
    """It accepts and does not answer."""
    ERRORING = "erroring"
    """It answers with errors, or receives them."""
    DENYING = "denying"
    """It rejects who asks: 401, 403, 407, 429, admission, credentials."""
    SLOW = "slow"
    """It answers, later than it should."""
    STARVED = "starved"
    """It gets less of a resource than it needs: CPU, memory, disk, descriptors."""
    GREEDY = "greedy"
    """It uses more of a resource that it shares with others than before."""
    FULL = "full"
    """It has no room left: a quota, a volume, a node, a limit."""
    UNREACHABLE = "unreachable"
    """Packets do not get there, or do not come back."""
    MISROUTED = "misrouted"
    """It points to the wrong thing, or to nothing: a selector, a port, an address."""
    EVICTED = "evicted"
    """It was removed from its place: by a node, a taint, a preemption."""
    LOST = "lost"
    """It can no longer be seen: a node whose kubelet is silent, a volume that is gone."""


class Combine(StrEnum):
    """How the values of the events of one episode become its magnitude."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"


class Role(StrEnum):
    """Whether a symptom may stand at the beginning of a finding."""

    ANY = "any"
    """It may, if nothing explains it."""
    EFFECT = "effect"
    """It never may: it is always the effect of something, seen or not (an error of an upstream call)."""
    ORIGIN = "origin"
    """It may, and of all mechanisms only a change explains it: what somebody wrote does not follow from what fails."""
    PLACE = "place"
    """It may, if nothing explains it, but it tells only where something fails, not why (a failing probe): it counts
    less than a cause that says why."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a symptom is an early sign of.

    Attributes:
        symptom: name of the symptom that is expected.
        share: of the episodes that it follows, 0 to 1.
        within_ns: how soon at the latest.
        after: number of the event of an episode that is the sign, from 1.
    """

    symptom: str
    share: float
    within_ns: int
    after: int


@dataclass(frozen=True, slots=True)
class SymptomRule:
    """`kind: Symptom`: how something shows in one fact.

    Attributes:
        places: file:line:column of the value of each key that was written.
        facts: the facts it may show in, one rule row each; the columns used must be in all of them.
        entity: column of the fact with the entity id.
        condition: what is wrong, in the words of the ontology; None for changes and context.
        only_if: WHERE; None = every row.
        merge_ns: events on one entity no further apart than this are one episode.
        at_least: an episode with fewer events is dropped.
        lasting_ns: an episode shorter than this is dropped.
        ordinary_ns: an episode that was shorter and over before the recording ended is ordinary: it makes no finding.
        ordinary_if: so is an episode for all of whose events this holds; None = none.
        ordinary_begin_ns: so is an episode that began no later than this after the capture; None = none.
        heals_within_ns: a chain that begins with it makes no finding if all its severe effects were over before the
            capture ended, or it ended within this time of the beginning, and none was fatal; None = it does.
        except_during: names of other symptoms: an episode that begins while one of them holds on the same entity or on
            its pod is dropped (what a pod does while it is stopped is nothing wrong).
        keep: columns of the fact whose value at the first event stays with the episode.
        magnitude: value of one event, a whole number; None = no measure.
        combine: how the values of the events become one.
        title: template of the sentence.
        unit: of the magnitude.
        foretells: what it is an early sign of.
    """

    name: str
    where: str
    places: Mapping[str, str]
    nature: Nature
    severity: Severity
    role: Role
    title: str
    facts: tuple[str, ...]
    entity: str
    condition: Condition | None
    only_if: Expression | None
    merge_ns: int
    at_least: int
    lasting_ns: int
    ordinary_ns: int
    ordinary_if: Expression | None
    ordinary_begin_ns: int | None
    heals_within_ns: int | None
    except_during: tuple[str, ...]
    keep: tuple[str, ...]
    magnitude: Expression | None
    combine: Combine
    unit: str | None
    foretells: tuple[Foretold, ...] = ()

    @property
    def is_severe(self) -> bool:
        """Whether an episode of it wants a finding, unless that episode is ordinary."""
        return self.nature is Nature.SYMPTOM and self.severity in (Severity.ERROR, Severity.FATAL)


@dataclass(frozen=True, slots=True)
class PathStep:
    """One relation of a path, from the entity before it to `kinds`.

    Attributes:
        relation: OWNS, CONTAINS, …
        forward: True for `-REL->` (the entity before is the relation's source), False for `<-REL-`.
        kinds: kinds that the entity after it may have; empty = any.
    """

    relation: str
    forward: bool
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """How two entities must be related. No steps = the same entity, or the same namespace (see `text`).

    Attributes:
        text: as written.
        kinds: kinds of the first entity; empty = any.
        steps: the relations from cause to effect.
    """

    text: str
    kinds: tuple[str, ...]
    steps: tuple[PathStep, ...]

    @property
    def relations(self) -> tuple[str, ...]:
        """The relations with their directions, whatever kinds they join; without steps, the text."""
        return tuple(f"{step.relation}{'>' if step.forward else '<'}" for step in self.steps) or (self.text,)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRule:
    """How one thing may bring about another: what a cause and a mechanism have in common.

    Attributes:
        places: file:line:column of the value of each key that was written.
        causes: what may be the cause.
        effects: what may be the effect.
        paths: any of these relations must hold.
        lag_ns: (least, most): the effect begins at least so long after the cause began, and at most so long after
            the cause ended.
        confidence: 0 to 1, when everything fits.
        only_if: over `cause.*` and `effect.*` (see `check.EPISODE_COLUMNS`); None = always.
        says: template of the sentence.
    """

    name: str
    where: str
    places: Mapping[str, str]
    causes: tuple[str, ...]
    effects: tuple[str, ...]
    paths: tuple[Path, ...]
    lag_ns: tuple[int, int]
    confidence: float
    only_if: Expression | None
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRule(LinkRule):
    """`kind: Cause`: which symptom may cause which; causes and effects are names of symptoms.

    Attributes:
        is_mechanism: whether it was made from a `kind: Mechanism`.
    """

    is_mechanism: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismRule(LinkRule):
    """`kind: Mechanism`: which condition may bring about which, whatever symptom shows it.

    Causes are conditions, or `change` for every symptom of that nature; effects are conditions.

    Attributes:
        meaning: why this is so in every cluster, in one sentence.
    """

    meaning: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Evidence that a pattern wants: a symptom by name, or a table that must hold rows.

    Attributes:
        symptom: name of a symptom; None if a table is wanted.
        table: name of a table; None if a symptom is wanted.
        says: what it means that it is there (refutation) or is not there (missing).
    """

    symptom: str | None
    table: str | None
    says: str


@dataclass(frozen=True, slots=True)
class PatternTest:
    """One test of a pattern over one recording.

    Attributes:
        where: file:line:column.
        capture: path as written: relative to the YAML file, or to the fixtures folder.
        root_kind: expected kind of the root cause; None if no finding of this pattern is expected.
        root_namespace: expected namespace; None = not compared.
        root_name: expected name.
        chain: symptom names that must be in the chain in this order.
        is_nothing: whether no finding at all is expected, of no pattern.
    """

    where: str
    capture: str
    root_kind: str | None
    root_namespace: str | None
    root_name: str | None
    chain: tuple[str, ...]
    is_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a pattern before any verdict: the Beta distribution of the share of right findings.

    Attributes:
        right: as if so many findings had been right, above 0.
        wrong: as if so many had been wrong, above 0.
    """

    right: float
    wrong: float


DEFAULT_PRIOR = Prior(4, 1)
"""Of a pattern that states none. Why: modest, so that five verdicts weigh as much."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What people said of findings of a pattern (`tapio feedback`).

    Attributes:
        right: findings that were right; one on which the file has both verdicts is half a finding.
        wrong: findings that were wrong.
        file: name and digest of the file.
    """

    right: float
    wrong: float
    file: str


@dataclass(frozen=True, slots=True)
class PatternRule:
    """`kind: Pattern`: what a named failure looks like, means and asks for.

    Attributes:
        places: file:line:column of the value of each key that was written.
        roots: names of symptoms that may be the root.
        chain: names of symptoms of which at least one after the root must be explained; each one found raises the fit.
        requires: of each tuple of names at least one must be explained (or be the root).
        is_general: whether it is taken only where no other pattern fits.
        root_cause: kind of entity that is named as root cause, looked for upwards from the root's entity by
            CONTAINS and OWNS; None = the root's own entity.
        prior: belief in its findings before any verdict.
        verdicts: of a file of feedback; None if there is none on this pattern.
    """

    name: str
    where: str
    places: Mapping[str, str]
    title: str
    category: str
    meaning: str
    roots: tuple[str, ...]
    chain: tuple[str, ...]
    requires: tuple[tuple[str, ...], ...]
    is_general: bool
    root_cause: str | None
    refuted_by: tuple[Wanted, ...]
    needs: tuple[Wanted, ...]
    actions: tuple[str, ...]
    tests: tuple[PatternTest, ...]
    prior: Prior = DEFAULT_PRIOR
    verdicts: Verdicts | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All rules, each list sorted by name.

    Attributes:
        causes: those of `kind: Cause`, and each mechanism as a cause between the symptoms that have its conditions.
        files: names of the files read, sorted.
    """

    symptoms: tuple[SymptomRule, ...]
    causes: tuple[CauseRule, ...]
    mechanisms: tuple[MechanismRule, ...]
    patterns: tuple[PatternRule, ...]
    trends: tuple[TrendRule, ...]
    changes: tuple[ChangeRule, ...]
    files: tuple[str, ...]

    def symptom(self, name: str) -> SymptomRule:
        """The symptom of that name; KeyError if there is none."""
        for rule in self.symptoms:
            if rule.name == name:
                return rule
        raise KeyError(name)
