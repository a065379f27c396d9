"""Sets of cases, read from directories made by hand in their formats."""

import json
from pathlib import Path

import yaml

from fixtures.accuracy.case_sets import Catalog, read_benchmark, read_incidents, read_recordings
from fixtures.accuracy.cases import WORKLOAD, Case, Place, RightObject, Scope
from fixtures.accuracy.causes import read_causes
from fixtures.accuracy.measure import choose_sample

CAUSES = read_causes()
CATALOG = Catalog(CAUSES, {"set": frozenset({"node-selector"}), "all": None})
ROOT = Path(__file__).parents[2]


def write_benchmark(directory: Path, labels: list[dict[str, str]]) -> None:
    for label in labels:
        case = directory / "cases" / label["case"]
        case.mkdir(parents=True)
        (case / "watch10.jsonl.zst").touch()
        (case / "snapshot.json.zst").touch()
    (directory / "labels.jsonl").write_text("".join(json.dumps(label) + "\n" for label in labels))


def label(case: str, object_: str, cause: str) -> dict[str, str]:
    return {"case": case, "object": object_, "cause": cause, "namespace": "shop", "complaint": "It is slow."}


def test_incidents_of_this_repository_have_objects_causes_and_chains() -> None:
    # GIVEN / WHEN
    cases = {case.name: case for case in read_incidents(ROOT / "fixtures" / "incidents", "all", CATALOG)}
    # THEN
    assert cases["healthy-rollout"].kind == "healthy"
    demo = cases["demo"]
    assert demo.truth.right == RightObject(Scope.OBJECT, "cache-config", "shop", ("ConfigMap",))
    assert demo.truth.chain[:2] == (Place("ConfigMap", "cache-config"), Place(WORKLOAD, "cache"))
    assert all(case.kind != "other" and case.is_tuned and case.source.exists() for case in cases.values())


def test_label_of_a_benchmark_is_read_once_for_each_form(tmp_path) -> None:
    # GIVEN
    write_benchmark(
        tmp_path,
        [
            label("a", "app/orders", "node_selector_mismatch"),
            label("b", "node/node-1", "kubelet_unavailable"),
            label("c", "namespace/shop", "a_kind_that_is_new"),
        ],
    )
    # WHEN
    cases = list(read_benchmark(tmp_path, "set", CATALOG))
    # THEN
    assert [(case.form, case.name) for case in cases] == [
        *(("watch10", name) for name in "abc"),
        *(("snapshot", name) for name in "abc"),
    ]
    assert [case.truth.right for case in cases[:3]] == [
        RightObject(Scope.APPLICATION, "orders", "shop"),
        RightObject(Scope.NODE, "node-1"),
        RightObject(Scope.NAMESPACE, "shop"),
    ]
    # AND a kind that nobody listed as used for tuning is unseen
    assert [(case.kind, case.is_tuned) for case in cases[:3]] == [
        ("node-selector", True),
        ("kubelet-down", False),
        ("other", False),
    ]


def test_recording_has_its_chain_and_who_calls_whom(tmp_path) -> None:
    # GIVEN
    folder = tmp_path / "some-incident"
    folder.mkdir()
    pod = {"kind": "Pod", "namespace": "shop", "name": "db-0"}
    truth = {
        "scenario": "some-incident",
        "healthy": False,
        "root_cause": pod,
        "causal_chain": [{"object": pod}, {"object": {"kind": "Service", "namespace": "shop", "name": "api"}}],
        "dependencies": [{"from": "api", "to": "db"}, {"from": "edge", "to": "api"}, {"from": "api", "to": "edge"}],
    }
    (folder / "truth.yaml").write_text(yaml.safe_dump(truth))
    # WHEN
    (case,) = read_recordings(tmp_path, "all", CATALOG)
    # THEN
    assert (case.name, case.kind, case.source) == ("some-incident", "other", folder / "api.jsonl.zst")
    assert case.truth.right == RightObject(Scope.OBJECT, "db-0", "shop", ("Pod",))
    assert case.truth.chain == (Place(WORKLOAD, "db"), Place(WORKLOAD, "db"), Place(WORKLOAD, "api"))
    assert case.truth.callers == {"db": {"api", "edge"}, "api": {"api", "edge"}, "edge": {"api", "edge"}}


def test_truth_of_a_renamed_recording_has_the_new_names(tmp_path) -> None:
    # GIVEN
    write_benchmark(tmp_path, [label("a", "app/orders", "node_selector_mismatch")])
    truth = next(read_benchmark(tmp_path, "set", CATALOG)).truth
    # WHEN / THEN
    assert truth.rename(str.upper).right == RightObject(Scope.APPLICATION, "ORDERS", "SHOP")


def test_sample_has_every_kind_in_all_forms_and_is_the_same_every_time(tmp_path) -> None:
    # GIVEN two kinds, one of them rare
    labels = [label(f"a{number}", "app/orders", "node_selector_mismatch") for number in range(20)]
    write_benchmark(tmp_path, [*labels, label("b", "node/node-1", "kubelet_unavailable")])
    cases = list(read_benchmark(tmp_path, "set", CATALOG))
    # WHEN
    sample = choose_sample(cases, 5, seed=1)
    # THEN
    assert {case.kind for case in sample} == {"node-selector", "kubelet-down"}
    assert len(sample) == 2 * len(names(sample)) == 12
    assert sample == choose_sample(cases, 5, seed=1)
    assert names(sample) != names(choose_sample(cases, 5, seed=2))


def names(cases: list[Case]) -> set[str]:
    return {case.name for case in cases}
