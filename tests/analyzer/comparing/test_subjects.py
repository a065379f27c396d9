"""Promises of the names by which a workload is recognized in another capture."""

from __future__ import annotations

import pytest

from analyzer.comparing.subjects import subject_of


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("Pod", "cache-54d65c5b4b-jxcgq", "cache"),
        ("Pod", "kube-proxy-x7vqz", "kube-proxy"),
        ("Pod", "db-0", "db"),
        ("Pod", "debug", "debug"),
        ("Container", "cache-54d65c5b4b-jxcgq/app", "cache/app"),
        ("ReplicaSet", "cache-54d65c5b4b", "cache"),
        ("Job", "report-29384756", "report"),
        ("Job", "migrate", "migrate"),
        ("Deployment", "cache-54d65c5b4b", "cache-54d65c5b4b"),
        ("Process", "python (4711)", "python"),
    ],
)
def test_generated_parts_of_names_are_left_out(kind: str, name: str, expected: str) -> None:
    assert subject_of(kind, "shop", name).name == expected


def test_two_pods_of_one_workload_are_one_subject_and_those_of_two_namespaces_are_not() -> None:
    one, other = (subject_of("Pod", "shop", f"api-5nx7qv52cv-{end}") for end in ("7rk2v", "n4lqt"))
    assert one == other != subject_of("Pod", "bank", "api-5nx7qv52cv-7rk2v")
    assert str(one) == "Pod shop/api"
