"""Paths in the records of the kernel: the user-space half of `bpf/include/tapio/path.h`."""

from __future__ import annotations

from typing import Final

from recorder.ebpf.records import decode_text
from recorder.ebpf.ring_buffer import Records

PATH_MEMBERS: Final = (("names", "<u4"), ("is_cut", "<u4"), ("name", "S256"))
"""PATH_MEMBERS of the header."""
PATH_OFFSETS: Final = ("dentry.d_parent", "dentry.d_name.name")
"""What the header reads."""

_NAMES: Final = 4
_NAME_BYTES: Final = 64
_AS_GIVEN: Final = 255


def list_paths(records: Records) -> list[str | None]:
    """The path of each record; None if it has none. For records that are few: the kernel limits them."""
    return [
        _join(bytes(raw).ljust(_NAMES * _NAME_BYTES, b"\0"), int(names), bool(is_cut))
        for raw, names, is_cut in zip(records["name"], records["names"], records["is_cut"], strict=True)
    ]


def _join(raw: bytes, names: int, is_cut: bool) -> str | None:
    if names == _AS_GIVEN:
        return decode_text(raw) or None
    parts = [decode_text(raw[number * _NAME_BYTES : (number + 1) * _NAME_BYTES]) for number in range(names)]
    if not parts:
        return None
    return ("…/" if is_cut else "/") + "/".join(reversed(parts))
