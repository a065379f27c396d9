"""Of what people wrote into environments and arguments only addresses and declared ports are left."""

from __future__ import annotations

import pytest

from analyzer.sharing.collecting import Collector
from analyzer.sharing.names import rewrite_name
from analyzer.sharing.pseudonyms import Pseudonyms
from analyzer.sharing.values import rewrite_value

PORTS = frozenset({6379, 8080})


def pseudonyms_of(*texts: str) -> Pseudonyms:
    collector = Collector()
    for text in texts:
        collector.see(text)
    for port in PORTS:
        collector.declare_port(port)
    return Pseudonyms(b"k" * 32, collector)


def rewrite(text: str) -> str:
    return rewrite_value(text, pseudonyms_of(text), PORTS.__contains__)


def test_service_variables_still_name_their_service() -> None:
    name = rewrite_name("cache", pseudonyms_of("cache")).upper()
    value = rewrite("$(CACHE_SERVICE_HOST):$(CACHE_SERVICE_PORT)")
    assert value.startswith(f"$({name}_SERVICE_HOST),$({name}_SERVICE_PORT),~")


@pytest.mark.parametrize("value", ["cache:6379", "http://cache.shop.svc:6379/v1", "a=cache:6379,cache:6379"])
def test_declared_port_of_an_address_stays(value: str) -> None:
    rewritten = rewrite(value)
    assert rewritten.count(":6379") == value.count(":6379")
    assert "cache" not in rewritten


def test_suffix_of_a_service_in_dns_stays() -> None:
    assert rewrite("cache.shop.svc.cluster.local:6379").endswith(".svc.cluster.local:6379")


@pytest.mark.parametrize("value", ["--port=8080", ":8080", "8080", "listen 0.0.0.0:8080"])
def test_declared_port_stays_in_arguments(value: str) -> None:
    assert "8080" in rewrite(value)


@pytest.mark.parametrize("value", ["admin:4711", "postgres://cache:4711@db/x", "4711", "cache:471100", "--pin=4711"])
def test_number_that_no_object_declares_as_port_is_replaced(value: str) -> None:
    assert "4711" not in rewrite(value)


@pytest.mark.parametrize(
    "value",
    [
        "52:54:00:12:34:56", "svc local cluster tcp https", "Running", "kube-system", "2031-02-03T04:05:06Z", "128Mi",
        "p!4@s#s$w%0^r&d", "s.e.c.r.e.t", "06 12 34 56 78", "4-7-1-1-9-9", "ⓢⓔⓒⓡⓔⓣ", "張 伟", "x²³¹", "--user=bob-smith",
    ],
)  # fmt: skip
def test_nothing_of_another_value_is_left(value: str) -> None:
    rewritten = rewrite(value).lower()
    assert not [word for word in value.lower().replace("=", " ").split() if len(word) > 1 and word in rewritten]


def test_equal_values_stay_equal_and_others_differ() -> None:
    pseudonyms = pseudonyms_of("one two", "one three")
    first, again, other = (
        rewrite_value(text, pseudonyms, PORTS.__contains__) for text in ("one two", "one two", "one three")
    )
    assert first == again != other
