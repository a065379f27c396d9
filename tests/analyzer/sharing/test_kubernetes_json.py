"""Objects keep their shape and lose what people wrote into them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzer.sharing.kubernetes_json import ObjectWalk


class Stars:
    """A `Replacement` whose results are seen at once."""

    def token(self, text: str) -> str:
        return "*" * len(text)

    def identifier(self, text: str) -> str:
        return f"id{len(text)}"

    def address(self, text: str) -> str:
        assert text
        return "0.0.0.0"


def rewrite(value: Any) -> Any:
    text = ObjectWalk(Stars(), known=lambda _: False).rewrite_json(json.dumps(value))
    assert text is not None
    return json.loads(text)


def test_fields_of_kubernetes_and_numbers_stay() -> None:
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
    assert ObjectWalk(Stars(), known=lambda _: False).rewrite_json(text) is None


def test_absurd_depth_is_cut() -> None:
    deep: Any = "acme"
    for _ in range(200):
        deep = {"spec": deep}
    assert "acme" not in json.dumps(rewrite(deep))
