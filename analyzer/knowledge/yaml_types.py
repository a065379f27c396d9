"""What a YAML file of knowledge may say, as types. `docs/patterns.md` is normative.

`formats/schemas/knowledge.schema.json` is the JSON Schema, which `make docs` writes from the types and docstrings here.
A key that is left out is UNSET and never null: an empty `where:` would hold for every row.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from analyzer.knowledge.rules import Condition, Nature, Role, Severity
from formats.units import parse_duration

MAX_TEXT = 2_000
"""Characters of one text that is no expression. Why: sentences for people."""

MAX_LIST = 200
"""Items of one list."""

MAX_NAME = 64
"""Characters of a name."""

MAX_DURATION_NS = 30 * 86_400_000_000_000
"""30 days. Why: no capture is longer, and sums of times and lags stay far inside 64 bits."""


class SignedDuration(int):
    """Nanoseconds, at most 30 days, negative ones allowed; written as `250ms`, `10m`, `-3s`."""


def read_duration(kind: type, value: Any) -> SignedDuration:
    """A duration for the decoder.

    Raises:
        ValueError: with a clause that says what is expected.
    """
    if kind is not SignedDuration:
        raise NotImplementedError(kind)
    nanoseconds = parse_duration(value, is_signed=True)
    if abs(nanoseconds) > MAX_DURATION_NS:
        raise ValueError(f"{value} is longer than 30 days")
    return SignedDuration(nanoseconds)


Name = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=MAX_NAME,
        extra={"form": f"is not a valid name: use lowercase words with hyphens, up to {MAX_NAME} characters"},
    ),
]
Text = Annotated[str, Meta(pattern=r"\S", max_length=MAX_TEXT, extra={"form": "must be a string that is not empty"})]
Expression = Annotated[str, Meta(pattern=r"\S", extra={"form": "must be an SQL expression"})] | bool | int
_ListedText = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
"""Why not `Text`: msgspec 0.22 crashes in the garbage collector on a union of a string with a pattern and a list.
`analyzer.knowledge.decoded.texts_of` refuses blank texts."""

Texts = _ListedText | Annotated[tuple[_ListedText, ...], Meta(max_length=MAX_LIST)]
SomeTexts = _ListedText | Annotated[tuple[_ListedText, ...], Meta(min_length=1, max_length=MAX_LIST)]


class MagnitudeYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How bad a symptom is: one of `sum`, `max` and `min` of an expression over the events of an episode.

    Attributes:
        unit: of the magnitude; `requests` is the unit by which the impact counts failed requests.
        sum: expression whose values are added up.
        max: expression of whose values the largest counts.
        min: expression of whose values the smallest counts.
    """

    unit: Text
    sum: Expression | UnsetType = UNSET
    max: Expression | UnsetType = UNSET
    min: Expression | UnsetType = UNSET


class OrdinaryYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes an episode ordinary: every healthy cluster has such, and they make no finding. One is enough.

    Attributes:
        shorter_than: it was shorter, and over before the recording ended.
        when: expression over the fact's columns that holds for each of its events.
        begins_within: it began no later than this after the recording, so that it may always have been so.
        heals_within: for what begins a chain: every severe symptom that it explains was over before the recording
            ended, or the recording ended within this time of it, when it is too early to tell; and none was fatal.
    """

    shorter_than: SignedDuration = msgspec.field(default_factory=lambda: SignedDuration(0))
    when: Expression | UnsetType = UNSET
    begins_within: SignedDuration | UnsetType = UNSET
    heals_within: SignedDuration | UnsetType = UNSET


class ForetoldYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a symptom is an early sign of.

    Attributes:
        symptom: name of the symptom that is expected, on the same entity, or on its pod or one of its containers.
        share: of the episodes how many are followed by it in time, above 0 and below 1, measured on recordings.
        within: how soon it follows at the latest.
        after: the event of an episode that is the sign: 1 is the first one.
    """

    symptom: Text
    share: Annotated[float, Meta(gt=0, lt=1)]
    within: SignedDuration
    after: Annotated[int, Meta(ge=1, le=1_000)] = 1


class SymptomYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How something shows in one fact.

    Attributes:
        kind: `Symptom`.
        name: lowercase words with hyphens, unique among symptoms.
        nature: change (someone altered something), symptom (something is wrong), context (a link in a chain).
        severity: only error and fatal symptoms make findings.
        title: one sentence; placeholders are entity, kind, name, namespace, node, count, magnitude, duration, and what
            is kept.
        facts: a fact of docs/facts.md, or several that have the columns used.
        role: effect: never the beginning of a finding, even if nothing explains it; origin: of the mechanisms only a
            change explains it.
        entity: column of the fact that names the entity.
        condition: what is wrong, the same word for every kind of entity; what every nature symptom needs.
        where: expression over the fact's columns; left out: all rows.
        merge: events on one entity no further apart than this are one episode.
        at_least: an episode of fewer events is dropped.
        lasting: an episode that is shorter is dropped.
        ordinary: which episodes make no finding, because every healthy cluster has such.
        except_during: symptoms: an episode that begins while one of them holds on the same entity or on its pod is
            dropped.
        keep: columns whose value at the first event stays with the episode.
        magnitude: how bad.
        foretells: what it is an early sign of.
    """

    kind: Literal["Symptom"]
    name: Name
    nature: Nature
    severity: Severity
    title: Text
    facts: SomeTexts = msgspec.field(name="from")
    role: Role = Role.ANY
    entity: Text = "entity_id"
    condition: Condition | UnsetType = UNSET
    where: Expression | UnsetType = UNSET
    merge: SignedDuration = msgspec.field(default_factory=lambda: SignedDuration(0))
    at_least: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1
    lasting: SignedDuration = msgspec.field(default_factory=lambda: SignedDuration(0))
    ordinary: OrdinaryYaml = msgspec.field(default_factory=OrdinaryYaml)
    except_during: Texts = ()
    keep: Texts = ()
    magnitude: MagnitudeYaml | UnsetType = UNSET
    foretells: Annotated[tuple[ForetoldYaml, ...], Meta(max_length=MAX_LIST)] = ()


class LinkYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one thing may bring about another: the keys that a cause and a mechanism have in common.

    Attributes:
        name: lowercase words with hyphens, unique among causes and mechanisms.
        causes: what may be the cause.
        effects: what may be the effect.
        through: how the two entities are related: same, same namespace, or a path of kinds and relations; several: any
            of them.
        lag: least and most: the effect begins at least so long after the cause began, and at most so long after it
            ended.
        confidence: how likely it is if all this fits, above 0 and at most 1; that of a mechanism is modest, so that a
            cause that knows more wins.
        says: one sentence; placeholders are cause, effect, cause_name, effect_name, lag.
        when: expression over cause.* and effect.*; left out: always.
    """

    name: Name
    causes: SomeTexts = msgspec.field(name="from")
    effects: SomeTexts = msgspec.field(name="to")
    through: SomeTexts
    lag: tuple[SignedDuration, SignedDuration]
    confidence: Annotated[float, Meta(gt=0, le=1)]
    says: Text
    when: Expression | UnsetType = UNSET


class CauseYaml(LinkYaml, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which symptom may cause which.

    Attributes:
        kind: `Cause`.
        causes: symptoms that may be the cause.
        effects: symptoms that may be the effect; none of nature change.
    """

    kind: Literal["Cause"]


class MechanismYaml(LinkYaml, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which condition may bring about which, whatever symptom shows it.

    Attributes:
        kind: `Mechanism`.
        meaning: one sentence that says why this is so in every cluster.
        causes: conditions, any for all of them, or change for every symptom of that nature.
        effects: conditions, or any for all of them.
    """

    kind: Literal["Mechanism"]
    meaning: Text


class WantedYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Evidence that a pattern wants: either a symptom or a table that must hold rows.

    Attributes:
        says: one sentence: what it means that it is there (refuted_by) or is not there (needs).
        symptom: name of a symptom.
        table: name of a recorded table.
    """

    says: Text
    symptom: Text | UnsetType = UNSET
    table: Text | UnsetType = UNSET


class ExpectedRootYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The root cause that a test expects.

    Attributes:
        kind: of the entity.
        name: of the entity.
        namespace: of the entity; left out: not compared.
    """

    kind: Text
    name: Text
    namespace: Text | UnsetType = UNSET


class TestYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recording, and whether the pattern is found in it: either `root_cause` or `finding`.

    Attributes:
        capture: path, relative to the YAML file or to the fixtures folder.
        root_cause: the pattern is found, at rank 1, with this root cause.
        finding: none: the pattern is not found; nothing: no finding of any pattern is. Where the name of the recording
            begins with `healthy`, none means nothing too.
        chain: symptoms that are in the chain, in this order.
    """

    capture: Text
    root_cause: ExpectedRootYaml | UnsetType = UNSET
    finding: Literal["none", "nothing"] | UnsetType = UNSET
    chain: Texts = ()


class PriorYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is believed of a pattern before any verdict of `tapio feedback`: Beta(right, wrong).

    Attributes:
        right: as if so many of its findings had been right.
        wrong: as if so many of its findings had been wrong.
    """

    right: Annotated[float, Meta(gt=0, le=1_000_000)]
    wrong: Annotated[float, Meta(gt=0, le=1_000_000)]


class PatternYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a named failure looks like, means and asks for.

    Attributes:
        kind: `Pattern`.
        name: lowercase words with hyphens, unique among patterns.
        title: what the finding is called; docs/patterns.md lists the placeholders.
        category: where it belongs.
        meaning: what it means.
        root: symptoms that may be the root; the pattern fits a candidate that begins with one of them.
        chain: symptoms that belong to it, in causal order; at least one must be explained.
        requires: what must be explained, each item a symptom or several with | between them (any of these).
        general: whether it is taken only where no other pattern fits.
        root_cause: kind that is named as root cause; left out: the root's own entity.
        refuted_by: what speaks against it.
        needs: evidence that would decide.
        actions: what to do, best first; the placeholders of the title are allowed.
        tests: recordings in which it is found, or is not found.
        prior: belief in its findings before any verdict; left out: 4 right, 1 wrong.
    """

    kind: Literal["Pattern"]
    name: Name
    title: Text
    category: Text
    meaning: Text
    root: SomeTexts
    chain: Texts = ()
    requires: Texts = ()
    general: bool = False
    root_cause: Text | UnsetType = UNSET
    refuted_by: Annotated[tuple[WantedYaml, ...], Meta(max_length=MAX_LIST)] = ()
    needs: Annotated[tuple[WantedYaml, ...], Meta(max_length=MAX_LIST)] = ()
    actions: Texts = ()
    tests: Annotated[tuple[TestYaml, ...], Meta(max_length=MAX_LIST)] = ()
    prior: PriorYaml | UnsetType = UNSET


class ExpectedPredictionYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prediction that a test expects.

    Attributes:
        kind: of the entity.
        name: of the entity.
        lead: how long before the foretold symptom it must be made at the latest.
    """

    kind: Text
    name: Text
    lead: SignedDuration = msgspec.field(default_factory=lambda: SignedDuration(0))


class TrendTestYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recording, and what a trend foretells in it: either `foretells` or `prediction: none`.

    Attributes:
        capture: path, relative to the YAML file or to the fixtures folder.
        foretells: the entity of the prediction, which must come true.
        prediction: none: the trend foretells nothing.
    """

    capture: Text
    foretells: ExpectedPredictionYaml | UnsetType = UNSET
    prediction: Literal["none"] | UnsetType = UNSET


class TrendYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity that grows towards a limit, and what happens there.

    Attributes:
        kind: `Trend`.
        name: lowercase words with hyphens, unique among trends.
        meaning: one sentence: what follows when the limit is reached.
        title: one sentence; placeholders are entity, kind, name, namespace, node, level, limit, rate, and what is in
            series.
        fact: a fact of docs/facts.md.
        quantity: expression: the level.
        limit: expression: the level at which it happens; a reading without one is left out.
        unit: of both: By, 1 for a bare number, or a word for what is counted.
        foretells: symptoms of which one is expected when the limit is reached, on the same entity, its pod or one of
            its containers.
        windows: how far back the growth is looked at; a prediction reaches at most as far ahead.
        confidence: how likely it is if the growth is steady, above 0 and below 1, measured on recordings.
        entity: column of the fact that names the entity.
        series: columns that tell the lines of one entity apart, such as the resource of a quota.
        where: expression over the fact's columns; left out: all rows.
        stale: a reading that is older says nothing of the level now; left out: the level stays until the next reading.
        samples: readings that a window must have at least.
        above: share of the limit below which nothing is said.
        actions: what to do before it happens, best first; the placeholders of the title are allowed.
        tests: recordings in which it foretells something, or nothing.
    """

    kind: Literal["Trend"]
    name: Name
    meaning: Text
    title: Text
    fact: Text = msgspec.field(name="from")
    quantity: Expression
    limit: Expression
    unit: Text
    foretells: SomeTexts
    windows: Annotated[tuple[SignedDuration, ...], Meta(min_length=1, max_length=8)]
    confidence: Annotated[float, Meta(gt=0, lt=1)]
    entity: Text = "entity_id"
    series: Texts = ()
    where: Expression | UnsetType = UNSET
    stale: SignedDuration | UnsetType = UNSET
    samples: Annotated[int, Meta(ge=3, le=24)] = 8
    above: Annotated[float, Meta(ge=0, lt=1)] = 0.25
    actions: Texts = ()
    tests: Annotated[tuple[TrendTestYaml, ...], Meta(max_length=MAX_LIST)] = ()


class ChangeTestYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recorded change, and what the rules say of it.

    Attributes:
        object: kind of the object.
        namespace: of the object.
        name: of the object.
        verb: what happened to it; only a modification has a path.
        path: what was modified, as `tapio changes` shows it.
        old: value before, as JSON.
        new: value after, as JSON.
        is_owned: whether a controller owns the object.
        is_scaled: whether an autoscaler scales the object.
        is_manual: whether it is Endpoints or an EndpointSlice of a Service without a selector.
        category: the category that is expected.
        actor: the actor that is expected.
        ignored: whether it is expected to be left out.
    """

    object: Text
    namespace: Text | UnsetType = UNSET
    name: Text = "example"
    verb: Literal["created", "modified", "deleted"] = "modified"
    path: Text | UnsetType = UNSET
    old: Text | UnsetType = UNSET
    new: Text | UnsetType = UNSET
    is_owned: bool = False
    is_scaled: bool = False
    is_manual: bool = False
    category: Text | UnsetType = UNSET
    actor: Text | UnsetType = UNSET
    ignored: bool | UnsetType = UNSET


class ChangeYaml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a recorded change is: exactly one of `category`, `actor` and `ignored`.

    Attributes:
        kind: `Change`.
        name: lowercase words with hyphens, unique among changes.
        meaning: one sentence.
        category: what was changed.
        actor: controller: a part of Kubernetes made it, as a consequence of something else.
        ignored: true: no one decides it (status, bookkeeping, mirrors); it is left out.
        objects: kinds of objects; left out: all.
        path: any of these paths; left out: every path, and creation and deletion.
        when: expression over the change; left out: always.
        tests: changes that the rules decide as said.
    """

    kind: Literal["Change"]
    name: Name
    meaning: Text
    category: Text | UnsetType = UNSET
    actor: Literal["controller"] | UnsetType = UNSET
    ignored: bool | UnsetType = UNSET
    objects: Texts = ()
    path: Texts = ()
    when: Expression | UnsetType = UNSET
    tests: Annotated[tuple[ChangeTestYaml, ...], Meta(max_length=MAX_LIST)] = ()
