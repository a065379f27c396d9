"""Prose keeps the phrases that are declared and the names of the capture, and nothing else."""

from __future__ import annotations

import pytest

from analyzer.sharing.collecting import Collector
from analyzer.sharing.names import rewrite_name
from analyzer.sharing.prose import Vouching, reduce_note
from analyzer.sharing.pseudonyms import Pseudonyms


def reduce(text: str, *names: str) -> str:
    collector = Collector()
    collector.see(text)
    for name in names:
        collector.see(name)
        rewrite_name(name, collector)
    vouching = Vouching(collector.is_known_name, collector.is_known_token, {8080}.__contains__)
    return reduce_note(text, Pseudonyms(b"k" * 32, collector), vouching)


def pseudonym_of(name: str) -> str:
    collector = Collector()
    collector.see(name)
    return rewrite_name(name, Pseudonyms(b"k" * 32, collector))


def test_phrases_stay_and_names_are_replaced() -> None:
    reduced = reduce("Back-off restarting failed container cache, see hunter2 at Acme", "cache")
    assert reduced == f"Back-off restarting failed container {pseudonym_of('cache')}, …"


@pytest.mark.parametrize(
    "text",
    [
        "panic: customer 4711 0815 IBAN DE89 pw=hunter4", "host 10-31-32-34, 010.031.032.033", "mac 52:54:00:12:34:57",
        "card 4111 1111 1111 1112", "user password secret token database", "1A2B:3C4D:5E6F:7A8C", "06 12 34 56 79",
        "at 2031-02-03T04:05:06Z", "apple", "jane.doe", "at:8443", "a b db word", "張偉", "p!4@s#s$w%0^r&d",
    ],
)  # fmt: skip
def test_nothing_else_is_left(text: str) -> None:
    assert set(reduce(text)) <= set("…., =:/@-_")


def test_numbers_stay_only_where_a_phrase_has_one() -> None:
    text = "0/3 nodes are available: 1 Insufficient memory, 4711 more"
    assert reduce(text) == "0/3 nodes are available: 1 Insufficient memory, …"
    assert reduce("HTTP probe failed with statuscode: 404 after 404 tries").startswith(
        "HTTP probe failed with statuscode: 404 …"
    )


def test_eviction_keeps_what_a_container_used_and_loses_its_name() -> None:
    text = (
        "low on resource: memory. Container acme was using 166088Ki, request is 10Mi, has larger consumption of memory."
    )
    reduced = reduce(text)
    assert "was using 166088Ki, request is 10Mi, has larger consumption of memory" in reduced
    assert "acme" not in reduced


def test_quota_keeps_its_amounts_and_loses_its_names() -> None:
    text = "exceeded quota: team, requested: pods=1,acme.io/gpu=2, used: pods=9, limited: pods=10"
    reduced = reduce(text, "team")
    assert "requested: pods=1," in reduced
    assert "used: pods=9, limited: pods=10" in reduced
    assert "team" not in reduced
    assert "acme" not in reduced


def test_address_and_port_of_a_probe_are_replaced_unless_an_object_declares_the_port() -> None:
    reduced = reduce('Readiness probe failed: Get "http://10.244.112.135:8080/health": dial tcp 10.244.112.135:9999')
    assert reduced.startswith("Readiness probe failed: ")
    assert ":8080/" in reduced
    assert "112" not in reduced
    assert "9999" not in reduced
    assert "health" not in reduced


def test_known_name_in_a_compound_is_replaced_as_the_name_is() -> None:
    assert pseudonym_of("nightly-job-1") in reduce(
        "Saw completed job: nightly-job-1, condition: Complete", "nightly-job-1"
    )
