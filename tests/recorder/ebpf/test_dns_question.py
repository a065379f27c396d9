"""Questions of DNS messages, also those that somebody made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.ebpf.dns_question import name_code, parse_question


def question_of(*labels: bytes, kind: int = 1) -> bytes:
    """The bytes of a question."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + kind.to_bytes(2, "big") + b"\0\1"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (question_of(b"Ledger", b"SHOP", b"svc"), ("ledger.shop.svc", "A")),
        (question_of(b"_http", b"_tcp", b"a-b", kind=33), ("_http._tcp.a-b", "SRV")),
        (question_of(kind=2), (".", "NS")),
        (question_of(b"x", kind=28) + b"what follows", ("x", "AAAA")),
        (question_of(b"x", kind=1234), ("x", "TYPE1234")),
        (question_of(b"a.b", b"\n\x1b[31m", b"\xff'"), (r"a\046b.\010\027\09131m.\255\039", "A")),
        (
            question_of(b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 61)[:-2],
            (".".join(("x" * 63, "y" * 63, "z" * 63, "w" * 61)), "A"),
        ),
    ],
)
def test_a_question_is_spelled_in_lower_case_without_any_special_character(raw, expected) -> None:
    assert parse_question(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0",
        b"\x05abc",
        question_of(b"abc")[:5],
        b"\xc0\x0c\0\1\0\1",
        question_of(*[b"x" * 60] * 5),
    ],
)
def test_what_is_no_question_has_no_name(raw) -> None:
    assert parse_question(raw) is None


@given(st.binary(max_size=264))
def test_any_bytes_give_a_name_of_plain_characters_or_none(raw) -> None:
    question = parse_question(raw)
    if question is not None:
        assert question[0].isascii()
        assert question[0].isprintable()
        assert len(question[0]) <= 4 * 255


def test_codes_have_the_names_of_their_registry() -> None:
    assert [name_code(number) for number in (0, 2, 3, 5, 15)] == [
        "NOERROR",
        "SERVFAIL",
        "NXDOMAIN",
        "REFUSED",
        "RCODE15",
    ]
