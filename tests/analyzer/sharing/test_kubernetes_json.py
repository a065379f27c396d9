"""Objects keep their shape and lose what people wrote into them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzer.sharing.kubernetes_json import ObjectWalk
from analyzer.sharing.prose import NOTHING_VOUCHED


class Stars:
    """A `Replacement` whose results are seen at once."""

    def token(self, text: str) -> str:
        return "*" * len(text)

    def number(self, text: str) -> str:
        return "9" * len(text)

    def identifier(self, text: str) -> str:
        return f"id{len(text)}"

    def opaque(self, text: str) -> str:
        assert text
        return "opaque"

    def port(self, port: int) -> int:
        assert port
        return 1

    def name(self, text: str) -> None:
        assert text is not None

    def host(self, text: str) -> None:
        assert text

    def address(self, text: str) -> str:
        assert text
        return "0.0.0.0"


def rewrite(value: Any, kind: str = "Deployment", api_version: str = "apps/v1") -> Any:
    text = ObjectWalk(Stars(), NOTHING_VOUCHED).rewrite_json(json.dumps(value), kind, api_version)
    assert text is not None
    return json.loads(text)


def test_fields_of_kubernetes_and_declared_numbers_stay() -> None:
    spec = {"spec": {"replicas": 3, "template": {"spec": {"containers": [{"ports": [{"containerPort": 80}]}]}}}}
    assert rewrite({"kind": "Deployment", **spec}) == {"kind": "Deployment", **spec}


def test_names_and_labels_are_replaced() -> None:
    found = rewrite({"metadata": {"name": "acme-shop", "labels": {"acme": "secret"}}})
    assert "acme" not in json.dumps(found)
    assert "secret" not in json.dumps(found)
    assert found["metadata"]["name"] == "****-****"


def test_field_that_no_kubernetes_type_has_is_dropped_or_renamed() -> None:
    assert "acmefield" not in json.dumps(rewrite({"spec": {"acmefield": {"acmekey": "acmevalue"}}}))


def test_uid_is_an_identifier() -> None:
    assert rewrite({"metadata": {"uid": "0f0e0d0c-0b0a"}})["metadata"]["uid"] == "id13"


def test_change_keeps_its_path_and_loses_its_names() -> None:
    (change,) = rewrite([{"path": "spec.containers[name=acme].image", "old": "acme:1", "new": "acme:2"}])
    assert change["path"] == "spec.containers[name=****].image"
    assert "acme" not in json.dumps(change)


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[" * 100_000])
def test_what_is_no_json_is_none(text: str) -> None:
    assert ObjectWalk(Stars(), NOTHING_VOUCHED).rewrite_json(text, "Pod", "v1") is None


def test_absurd_depth_is_cut() -> None:
    deep: Any = "acme"
    for _ in range(200):
        deep = {"spec": deep}
    assert "acme" not in json.dumps(rewrite(deep))


def test_number_whose_field_declares_none_is_dropped() -> None:
    spec = {"spec": {"securityContext": {"runAsUser": 31337}, "priority": 4711, "replicas": 4_929_123_412_341_234}}
    assert rewrite(spec) == {"spec": {"securityContext": {}}}


def test_change_of_what_is_dropped_still_shows_that_it_changed() -> None:
    (change,) = rewrite([{"path": "spec.securityContext.runAsUser", "old": 31337, "new": 31338}])
    assert change["path"] == "spec.securityContext.runAsUser"
    assert change["old"].startswith("digest:")
    assert "31337" not in json.dumps(change)


@pytest.mark.parametrize(("kind", "api_version"), [("Payment", "acme.example/v1"), ("Deployment", "acme.example/v1")])
def test_of_a_custom_resource_only_kind_and_relations_are_left(kind: str, api_version: str) -> None:
    metadata = {
        "name": "pay",
        "uid": "0f0e",
        "labels": {"acme": "x"},
        "ownerReferences": [{"kind": "Node", "uid": "1"}],
    }
    found = rewrite({"kind": kind, "metadata": metadata, "spec": {"port": 4711, "replicas": 3}}, kind, api_version)
    assert sorted(found) == ["kind", "metadata"]
    assert found["metadata"] == {"name": "***", "uid": "id4", "ownerReferences": [{"kind": "Node", "uid": "id1"}]}


def test_change_of_a_custom_resource_tells_only_which_part_changed() -> None:
    (change,) = rewrite([{"path": "spec.acmeLimit.value", "old": 1, "new": 4711}], "Payment", "acme.example/v1")
    assert change["path"] == "spec"
    assert "4711" not in json.dumps(change)


def test_environment_values_and_arguments_become_opaque() -> None:
    container = {"env": [{"name": "A", "value": "Running at 52:54:00:12:34:56"}], "args": ["--pin=12-34", "x y"]}
    found = rewrite({"spec": {"containers": [container]}})["spec"]["containers"][0]
    assert found == {"env": [{"name": "*", "value": "~opaque"}], "args": ["~opaque", "~opaque"]}


@pytest.mark.parametrize("value", ["not a time", "2031-02-03T04:05:06Z secret"])
def test_time_that_is_none_is_dropped(value: str) -> None:
    assert rewrite({"metadata": {"creationTimestamp": value}}) == {"metadata": {}}


def test_annotations_are_dropped_unless_kubernetes_defines_their_form() -> None:
    revision = "deployment.kubernetes.io/revision"
    annotations = {revision: "7", "kubectl.kubernetes.io/restartedAt": "canary", "acme/owner": "jane"}
    assert rewrite({"metadata": {"annotations": annotations}}) == {"metadata": {"annotations": {revision: "9"}}}


def test_what_a_role_is_bound_to_stays_what_it_is_and_loses_its_name() -> None:
    # GIVEN groups that every cluster has, those of a namespace, and a person
    names = ["system:authenticated", "system:serviceaccounts:acme", "system:serviceaccount:acme:shop", "jane@acme"]
    binding = {"subjects": [{"kind": "Group", "name": name} for name in names]}
    # WHEN
    found = rewrite(binding, "RoleBinding", "rbac.authorization.k8s.io/v1")
    # THEN
    assert [subject["kind"] for subject in found["subjects"]] == ["Group"] * 4
    assert [subject["name"] for subject in found["subjects"]] == [
        "system:authenticated",
        "system:serviceaccounts:****",
        "system:serviceaccount:****:****",
        "****@****",
    ]
