"""The words that may stay come from Kubernetes and Linux, and not from somebody's cluster."""

from __future__ import annotations

from analyzer.sharing.vocabulary import load_words
from fixtures.kube import make_api_words
from fixtures.kube.make_field_names import FILE, make_field_names


def test_field_names_are_those_of_the_pinned_client_and_no_others() -> None:
    assert FILE.read_text(encoding="utf-8") == make_field_names(), "run fixtures/kube/make_field_names.py"
    assert {"metadata", "resourceVersion", "lastTransitionTime", "$ref"} <= load_words("fields")


def test_words_of_the_api_are_those_of_the_pinned_client_and_no_others() -> None:
    text = make_api_words.FILE.read_text(encoding="utf-8")
    assert text == make_api_words.make_api_words(), "run fixtures/kube/make_api_words.py"
    assert not {"acme", "billing", "payments"} & set(text.splitlines())
