"""IP addresses as text, for whole columns: each distinct address is spelled once."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_MAPPED_PREFIX = b"\0" * 10 + b"\xff\xff"


def address_column(packed: npt.NDArray[Any]) -> pa.DictionaryArray:
    """The text of each address.

    Args:
        packed: 16 bytes each (dtype `V16`), IPv4 as `::ffff:a.b.c.d`.

    Returns:
        Dictionary-encoded text: dotted for IPv4, RFC 5952 for IPv6.
    """
    rows = np.ascontiguousarray(packed)
    binary = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(rows)])
    encoded = binary.dictionary_encode()
    texts = pa.array([address_text(raw) for raw in encoded.dictionary.to_pylist()], pa.utf8())
    return pa.DictionaryArray.from_arrays(encoded.indices, texts)


def is_ipv4(packed: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the addresses (dtype `V16`) are IPv4."""
    words = np.ascontiguousarray(packed).view("<u4").reshape(-1, 4)
    prefix = np.frombuffer(_MAPPED_PREFIX, "<u4")
    return np.asarray((words[:, :3] == prefix).all(axis=1))


def address_text(packed: bytes) -> str:
    """The text of one address of 16 bytes."""
    if packed.startswith(_MAPPED_PREFIX):
        return str(ipaddress.IPv4Address(packed[12:]))
    return str(ipaddress.IPv6Address(packed))
