"""Pseudonyms: stable, of the same shape, never an original."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.sharing.addresses import is_address, is_kept_address
from analyzer.sharing.collecting import Collector
from analyzer.sharing.names import rewrite_identifier, rewrite_name, rewrite_path
from analyzer.sharing.pseudonyms import Pseudonyms

KEY = b"k" * 32


def _pseudonyms(*texts: str, key: bytes = KEY) -> Pseudonyms:
    collector = Collector()
    for text in texts:
        collector.see(text)
        rewrite_name(text, collector)
        if re.match(r"[0-9a-f.:]+$", text):
            collector.address(text)
    return Pseudonyms(key, collector)


@given(st.lists(st.text(alphabet="abcXYZ019-._/", min_size=1, max_size=12), min_size=1, max_size=20))
@example(["1.1.1.1", "10.0.0.0"])
def test_pseudonyms_keep_the_shape_and_never_are_an_original(texts):
    # GIVEN names of every shape
    pseudonyms = _pseudonyms(*texts)
    originals = {token.lower() for text in texts for token in re.findall(r"[A-Za-z0-9]+", text) if len(token) > 1}
    # WHEN they are rewritten, twice
    first = [rewrite_name(text, pseudonyms) for text in texts]
    second = [rewrite_name(text, pseudonyms) for text in texts]
    # THEN the result is stable, as long as before and with the same separators; an address is one again
    assert first == second
    for old, new in zip(texts, first, strict=True):
        if is_address(old):
            assert is_address(new)
            assert is_kept_address(old) or new != old
            continue
        assert len(old) == len(new)
        assert re.sub(r"[^-._/]", "x", old) == re.sub(r"[^-._/]", "x", new)
        for token in re.findall(r"[A-Za-z0-9]+", new):
            assert len(token) < 3 or token.isdigit() or token.lower() not in originals
        assert new != old or is_kept_address(old) or not re.search(r"[A-Za-z0-9]", old)


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


@pytest.mark.parametrize(
    "text", ["web-0", "fd-10-0-12-34", "a", "4-7-1-1-9-9", "12-34", "x9", "張-伟", "🦓", "10.81.92.13.14"]
)
def test_no_piece_of_a_name_stays(text):
    # GIVEN a name of small pieces, or beyond ASCII
    new = rewrite_name(text, _pseudonyms(text))
    # WHEN rewritten THEN every piece is another one
    pieces = re.split(r"[-. ]", text)
    assert all(old != piece for old, piece in zip(pieces, re.split(r"[-. ]", new), strict=True)) or "10" in pieces
    assert new != text


def test_address_in_a_name_is_the_image_of_the_address():
    # GIVEN a node that is called after its address
    pseudonyms = _pseudonyms("10.0.12.34", "fd-10-0-12-34")
    # WHEN name and address are rewritten THEN they still belong together
    assert rewrite_name("fd-10-0-12-34", pseudonyms).endswith(pseudonyms.address("10.0.12.34").replace(".", "-"))


@pytest.mark.parametrize("text", ["52:54:00:12:34:56", "1A2B:3C4D:5E6F:7A8B", "cafe:babe:face", "::ffff:8.21.32.43"])
def test_groups_of_hexadecimal_digits_are_replaced(text):
    new = rewrite_name(text, _pseudonyms(text))
    assert not set(re.findall(r"[0-9A-Fa-f]{2,}", text.lower().removeprefix("::ffff:"))) & set(
        re.findall(r"[0-9a-f]{2,}", new.removeprefix("::ffff:"))
    )


def test_misspelt_service_stays_misspelt():
    # GIVEN the Service `ledger` and a host that is called almost so
    collector = Collector()
    collector.see_service("ledger")
    collector.host("legder")
    pseudonyms = Pseudonyms(KEY, collector)
    # WHEN both are rewritten THEN as many letters differ
    service, host = pseudonyms.token("ledger"), pseudonyms.token("legder")
    assert sum(left != right for left, right in zip(service, host, strict=True)) == 2


def test_port_that_nothing_declares_becomes_another():
    collector = Collector()
    collector.declare_port(6379)
    pseudonyms = Pseudonyms(KEY, collector)
    assert pseudonyms.port(6379) == 6379
    assert pseudonyms.port(4711) not in {4711, 6379}
