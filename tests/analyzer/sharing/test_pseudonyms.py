"""Pseudonyms: stable, of the same shape, never an original."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.sharing.pseudonyms import Collector, Pseudonyms
from analyzer.sharing.rewriting import reduce_note, rewrite_identifier, rewrite_name, rewrite_path, rewrite_value

KEY = b"k" * 32


def _pseudonyms(*texts: str, key: bytes = KEY) -> Pseudonyms:
    collector = Collector()
    for text in texts:
        rewrite_name(text, collector)
        if re.match(r"[0-9a-f.:]+$", text):
            collector.address(text)
    return Pseudonyms(key, collector)


@given(st.lists(st.text(alphabet="abcXYZ019-._/é", min_size=1, max_size=12), min_size=1, max_size=20))
def test_pseudonyms_keep_the_shape_and_never_are_an_original(texts):
    # GIVEN names of every shape
    pseudonyms = _pseudonyms(*texts)
    originals = {token.lower() for text in texts for token in re.findall(r"[A-Za-z0-9]+", text) if len(token) > 1}
    # WHEN they are rewritten, twice
    first = [rewrite_name(text, pseudonyms) for text in texts]
    second = [rewrite_name(text, pseudonyms) for text in texts]
    # THEN the result is stable, as long as before and with the same separators
    assert first == second
    for old, new in zip(texts, first, strict=True):
        assert len(old) == len(new)
        assert re.sub(r"[^-._/]", "x", old) == re.sub(r"[^-._/]", "x", new)
        for token in re.findall(r"[A-Za-z0-9]+", new):
            assert len(token) == 1 or token.isdigit() or token.lower() not in originals


def test_different_names_stay_different():
    # GIVEN all names of two letters of one alphabet, which fill a good part of the space
    names = [first + second for first in "abcdefghijklm" for second in "nopqrstuvwxyz"]
    pseudonyms = _pseudonyms(*names)
    # WHEN each is rewritten THEN no two meet
    assert len({rewrite_name(name, pseudonyms) for name in names}) == len(names)


def test_another_key_gives_other_pseudonyms():
    # GIVEN one name and two keys WHEN it is rewritten THEN the results differ
    assert rewrite_name("payments-backend", _pseudonyms("payments-backend")) != rewrite_name(
        "payments-backend", _pseudonyms("payments-backend", key=b"q" * 32)
    )


def test_equal_prefixes_of_addresses_stay_equal_and_private_stays_private():
    # GIVEN three pods of one network and one of another
    texts = ["10.244.1.5", "10.244.1.9", "10.244.1.200", "10.99.3.4", "2001:db8::1", "2001:db8::2", "8.8.8.8"]
    pseudonyms = _pseudonyms(*texts)
    # WHEN they are rewritten
    mapped = {text: pseudonyms.address(text) for text in texts}
    # THEN the /24 of the three is still one, private is still private, and none is an original
    assert len({mapped[text].rsplit(".", 1)[0] for text in texts[:3]}) == 1
    assert mapped["10.99.3.4"].rsplit(".", 1)[0] != mapped["10.244.1.5"].rsplit(".", 1)[0]
    assert all(ipaddress.ip_address(mapped[text]) in ipaddress.ip_network("10.0.0.0/8") for text in texts[:4])
    assert mapped["2001:db8::1"].rsplit(":", 1)[0] == mapped["2001:db8::2"].rsplit(":", 1)[0]
    assert not set(mapped.values()) & set(texts)


def test_loopback_and_unspecified_stay():
    # GIVEN addresses that every machine has WHEN rewritten THEN they stay
    pseudonyms = _pseudonyms()
    assert [pseudonyms.address(text) for text in ("127.0.0.1", "0.0.0.0", "::1", "::")] == [
        "127.0.0.1", "0.0.0.0", "::1", "::",
    ]  # fmt: skip


def test_both_spellings_of_a_uid_stay_one_uid():
    # GIVEN a pod uid as the API and as a systemd cgroup spell it
    uid = "01a80662-5692-496f-8ae0-093a493ad67a"
    pseudonyms = _pseudonyms()
    # WHEN both are rewritten
    plain = rewrite_identifier(uid, pseudonyms)
    path = rewrite_path(
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid.replace('-', '_')}.slice", pseudonyms
    )
    # THEN the path is still a pod's, of the same uid
    assert path == (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{plain.replace('-', '_')}.slice")
    assert plain != uid


def test_service_variables_still_name_their_service():
    # GIVEN an environment value that refers to the service `cache`
    pseudonyms = _pseudonyms("cache")
    # WHEN it and the service's name are rewritten THEN they still belong together
    name = rewrite_name("cache", pseudonyms)
    assert rewrite_value("$(CACHE_SERVICE_HOST):$(CACHE_SERVICE_PORT)", pseudonyms, {"cache"}.__contains__) == (
        f"$({name.upper()}_SERVICE_HOST):$({name.upper()}_SERVICE_PORT)"
    )


@pytest.mark.parametrize("value", ["cache:6379", "http://cache.shop.svc:6379/v1", "a=cache:6379,cache:6379"])
def test_the_port_of_a_known_host_stays_as_the_ports_of_objects_do(value):
    rewritten = rewrite_value(value, _pseudonyms("cache", value), {"cache"}.__contains__)
    assert rewritten.count(":6379") == value.count(":6379")
    assert "cache" not in rewritten


@pytest.mark.parametrize("value", ["admin:4711", "postgres://cache:4711@db/x", "4711", "cache:471100"])
def test_a_number_after_anything_else_is_replaced(value):
    assert "4711" not in rewrite_value(value, _pseudonyms("cache", value), {"cache"}.__contains__)


def test_prose_keeps_only_words_of_kubernetes_and_known_names():
    # GIVEN a message with a name that a table has, one that none has, and a secret
    pseudonyms = _pseudonyms("cache")
    # WHEN it is reduced
    reduced = reduce_note(
        "Back-off restarting failed container cache, see hunter2 at Acme", pseudonyms, {"cache"}.__contains__
    )
    # THEN the sense is left and the rest is not
    name = rewrite_name("cache", pseudonyms)
    assert reduced == f"Back-off restarting failed container {name}, … … at …"
