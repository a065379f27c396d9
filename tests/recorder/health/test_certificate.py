"""Until when a certificate holds is read from what a server sends, whatever it is."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.health.certificate import read_not_after_ns
from tests.recorder.health.servers import make_certificate

CERTIFICATE = make_certificate(datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)).der


@pytest.mark.parametrize("moment", [datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC), datetime(2101, 1, 2, tzinfo=UTC)])
def test_the_end_is_read_in_both_forms(moment):
    # Up to 2049 as UTCTime, from 2050 on as GeneralizedTime (RFC 5280, section 4.1.2.5).
    assert read_not_after_ns(make_certificate(moment).der) == int(moment.timestamp()) * 10**9


@given(st.integers(0, len(CERTIFICATE) - 1))
def test_a_certificate_that_ends_too_early_is_refused_or_tells_the_same(length):
    try:
        told = read_not_after_ns(CERTIFICATE[:length])
    except ValueError:
        return
    assert told == read_not_after_ns(CERTIFICATE)


@given(st.binary(max_size=300))
def test_anything_else_is_refused(noise):
    with pytest.raises(ValueError, match=r"it |element"):
        read_not_after_ns(noise)


@given(st.integers(0, len(CERTIFICATE) - 1), st.integers(0, 255))
def test_one_wrong_byte_raises_nothing_else(place, byte):
    forged = CERTIFICATE[:place] + bytes([byte]) + CERTIFICATE[place + 1 :]
    with contextlib.suppress(ValueError):
        assert isinstance(read_not_after_ns(forged), int)
