"""Addresses as text."""

from __future__ import annotations

import ipaddress
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.rows.address import address_column, address_text, is_ipv4


def pack(text: str) -> bytes:
    address = ipaddress.ip_address(text)
    return b"\0" * 10 + b"\xff\xff" + address.packed if address.version == 4 else address.packed


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "fe80::1:0:0:1"],
)
def test_addresses_are_spelled_as_rfc_5952_wants(text: str) -> None:
    assert address_text(pack(text)) == text


@given(st.binary(min_size=16, max_size=16))
def test_every_address_is_spelled_as_the_c_library_spells_it(packed: bytes) -> None:
    # inet_ntop writes the obsolete ::a.b.c.d form with dots; RFC 5952 does not ask for it
    if not packed.startswith(b"\0" * 10):
        assert address_text(packed) == socket.inet_ntop(socket.AF_INET6, packed)
    assert pack(address_text(packed)) == packed


def test_a_column_spells_each_distinct_address_once() -> None:
    # GIVEN
    texts = ["10.0.0.1", "::1", "10.0.0.1", "10.0.0.2", "::1"]
    packed = np.frombuffer(b"".join(map(pack, texts)), "V16")

    # WHEN
    column = address_column(packed)

    # THEN
    assert column.to_pylist() == texts
    assert len(column.dictionary) == 3
    assert is_ipv4(packed).tolist() == [True, False, True, True, False]


def test_addresses_that_end_with_zeros_are_kept_apart() -> None:
    packed = np.frombuffer(pack("2001:db8::") + pack("2001:db8:1::"), "V16")
    assert address_column(packed).to_pylist() == ["2001:db8::", "2001:db8:1::"]


def test_no_rows_give_no_rows() -> None:
    empty = np.empty(0, "V16")
    assert address_column(empty).to_pylist() == []
    assert is_ipv4(empty).tolist() == []
