"""What a seed makes happen: the same every time, and complete."""

from random import Random

import pytest

from fixtures.accuracy.causes import read_causes
from fixtures.accuracy.split import SPLIT_FILE, read_tuned_kinds
from fixtures.lab.incident import Role
from fixtures.live.decoys import draw_decoys
from fixtures.live.injection import list_kinds
from fixtures.live.manifests import write_application
from fixtures.live.plan import Plan, make_plan, make_plans
from fixtures.live.split import find_causes_used_elsewhere, is_unseen
from fixtures.live.topologies import SHAPES, draw_application
from fixtures.live.truth import describe_truth, list_affected

KINDS = list_kinds()
SEED = 7


def plan_of(name: str) -> Plan:
    return make_plan(SEED, 0, KINDS[name])


def test_seed_decides_everything() -> None:
    # GIVEN / WHEN
    first, second, other = (make_plans(seed, len(KINDS), KINDS) for seed in (SEED, SEED, SEED + 1))
    # THEN
    assert first == second
    assert first != other
    # AND every kind comes before one comes again
    assert {plan.kind.name for plan in first} == set(KINDS)


def test_plan_does_not_depend_on_which_other_kinds_are_chosen() -> None:
    # GIVEN
    name = "selector-mismatch"
    # WHEN
    (alone,) = make_plans(SEED, 1, {name: KINDS[name]})
    # THEN
    assert alone == plan_of(name)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_has_a_truth(name: str) -> None:
    # GIVEN
    plan = plan_of(name)
    injection = plan.injection
    # WHEN
    truth = describe_truth(plan, [], "tuned")
    # THEN a fault names what is at fault and who fails; an operation names nothing
    assert truth["healthy"] == (KINDS[name].cause is None) == (injection.root_cause is None)
    assert bool(truth["chain"]) != truth["healthy"]
    # AND no decoy touches what fails
    failing = set(injection.failing)
    touched = {step.action.name for step in plan.steps if step.role is Role.DECOY}
    is_whole_node = failing >= {workload.name for workload in injection.application.everyone}
    assert is_whole_node or not failing & touched
    # AND nothing is done before the recording begins
    assert all(plan.lead_seconds + step.at_seconds >= 0 for step in plan.steps)
    # AND what is outside of the namespace is undone
    changed = {step.action.name for step in injection.steps if step.action.kind in {"Node", "Daemon", "PriorityClass"}}
    assert changed <= {action.name for action in injection.undo}


def test_every_cause_is_known_and_either_tuned_or_unseen_as_the_hash_says() -> None:
    # GIVEN
    causes = read_causes()
    tuned = read_tuned_kinds()
    used = find_causes_used_elsewhere(tuned, causes.incidents.values())
    # WHEN
    of_kinds = {kind.cause for kind in KINDS.values() if kind.cause is not None}
    # THEN
    assert of_kinds <= set(causes.domains)
    assert tuned["made"] == {cause for cause in of_kinds if not is_unseen(cause, used)}
    # AND the page of the split lists the unseen ones, about a third
    listed = read_unseen()
    assert listed == of_kinds - tuned["made"]
    assert 0.25 < len(listed) / len(of_kinds) < 0.4


def read_unseen() -> set[str]:
    import yaml

    return set(yaml.safe_load(SPLIT_FILE.read_text(encoding="utf-8"))["unseen"]["made"])


def test_split_of_a_cause_does_not_depend_on_the_others() -> None:
    # GIVEN / WHEN / THEN a cause that another set was tuned on stays tuned
    fresh = [f"cause-{number}" for number in range(300)]
    unseen = [cause for cause in fresh if is_unseen(cause, frozenset())]
    assert 150 < len(unseen) < 250
    assert not is_unseen(unseen[0], frozenset({unseen[0]}))


def test_applications_have_every_shape_and_no_cycles() -> None:
    # GIVEN
    applications = [draw_application(Random(seed)) for seed in range(60)]
    # THEN
    assert {application.shape for application in applications} == set(SHAPES)
    for application in applications:
        order = [workload.name for workload in application.workloads]
        assert all(order.index(called) > order.index(one.name) for one in application.workloads for called in one.calls)
        assert len({workload.name for workload in application.everyone}) == len(application.everyone)
    assert any(one.kind == "StatefulSet" for application in applications for one in application.workloads)
    assert any(one.sidecar is not None for application in applications for one in application.workloads)


def test_services_are_created_before_the_containers_that_are_told_their_addresses() -> None:
    # GIVEN
    application = draw_application(Random(3))
    # WHEN
    kinds = [manifest["kind"] for manifest in write_application(application)]
    # THEN
    last_service = max(number for number, kind in enumerate(kinds) if kind == "Service")
    first_workload = min(number for number, kind in enumerate(kinds) if kind in {"Deployment", "StatefulSet"})
    assert last_service < first_workload


def test_further_keys_of_a_workload_replace_those_of_its_spec() -> None:
    # GIVEN
    application = plan_of("revert-sticks").injection.application
    # WHEN
    policies = {
        manifest["metadata"]["name"]: manifest["spec"]["podManagementPolicy"]
        for manifest in write_application(application)
        if manifest["kind"] == "StatefulSet"
    }
    # THEN
    (reverted,) = plan_of("revert-sticks").injection.failing
    assert policies.pop(reverted) == "OrderedReady"
    assert set(policies.values()) <= {"Parallel"}


def test_what_is_in_another_namespace_is_created_after_it_and_removed_with_it() -> None:
    # GIVEN
    injection = plan_of("shared-namespace-deleted").injection
    manifests = write_application(injection.application)
    # WHEN
    places = [manifest["metadata"].get("namespace") for manifest in manifests]
    (other,) = set(places) - {None}
    # THEN
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    assert names.index(("Namespace", other)) < places.index(other)
    assert [action.name for action in injection.undo] == [other]
    # AND the truth says that a namespace is in no namespace
    truth = describe_truth(plan_of("shared-namespace-deleted"), [], "unseen")
    assert truth["root_cause"] == {"kinds": ["Namespace"], "name": other, "namespace": None}


def test_decoys_touch_only_what_the_application_does_not_need() -> None:
    # GIVEN
    for seed in range(40):
        application = draw_application(Random(seed))
        # WHEN
        decoys = draw_decoys(application, Random(seed))
        # THEN
        needed = {name for one in application.workloads for name in (one.name, one.config)}
        assert decoys
        assert all(step.action.name not in needed and step.role is Role.DECOY for step in decoys)


def test_callers_of_what_fails_may_fail_too() -> None:
    # GIVEN a diamond: the first calls the second and the third, which call the last
    application = next(one for seed in range(99) if (one := draw_application(Random(seed))).shape == "diamond")
    first, second, third, last = (workload.name for workload in application.workloads)
    # WHEN / THEN
    assert list_affected(application, [last]) == [last, second, third, first]
    assert list_affected(application, [second]) == [second, first]
