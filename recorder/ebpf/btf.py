"""Where a member lies in a struct of the running kernel, read from the kernel's own type information (BTF).

Why not the `bpftool` or `pahole` programs: no node has them. Only what offsets need is read: structs, unions, members.

Source: kernel Documentation/bpf/btf.rst.
"""

from __future__ import annotations

import struct
from typing import Final

from formats.errors import FormatError

_MAGIC: Final = 0xEB9F
_HEADER: Final = struct.Struct("<HBBIIIII")
_MAX_TYPES: Final = 2_000_000
"""Why: ten times what the largest distribution kernel has."""

_ARRAY, _STRUCT, _UNION, _ENUM, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT = 3, 4, 5, 6, 8, 9, 10, 11
_POINTER, _FUNC_PROTO, _VAR, _DATASEC, _DECL_TAG, _TYPE_TAG, _ENUM64 = 2, 13, 14, 15, 17, 18, 19
_FIXED_EXTRA: Final = {1: 1, _ARRAY: 3, _VAR: 1, _DECL_TAG: 1}
"""Words after the three of every type, by kind."""
_EXTRA_PER_ENTRY: Final = {_STRUCT: 3, _UNION: 3, _ENUM: 2, _FUNC_PROTO: 2, _DATASEC: 3, _ENUM64: 3}
"""Words per member, parameter or value, by kind."""
_QUALIFIERS: Final = frozenset({_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TYPE_TAG})
_MAX_NESTING: Final = 32


class Btf:
    """The types of one kernel.

    Args:
        data: the content of `/sys/kernel/btf/vmlinux`.
        where: its path, for errors.

    Raises:
        FormatError: it is not BTF, or it is cut.
    """

    def __init__(self, data: bytes, where: str = "/sys/kernel/btf/vmlinux") -> None:
        self._where = where
        if len(data) < _HEADER.size:
            raise self._damaged(f"{len(data)} bytes are too few for a BTF header")
        magic, _version, _flags, header, types_at, types_size, strings_at, strings_size = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise self._damaged(f"the magic number is {magic:#06x}, not {_MAGIC:#06x}")
        types_at += header
        strings_at += header
        if types_size % 4 or types_at + types_size > len(data) or strings_at + strings_size > len(data):
            raise self._damaged("a section ends after the end of the file")
        self._words = memoryview(data)[types_at : types_at + types_size].cast("I")
        self._strings = data[strings_at : strings_at + strings_size]
        self._starts = self._find_types()
        self._structs: dict[str, int] = {}
        self._typedefs: dict[str, int] = {}
        for type_id, start in enumerate(self._starts[1:], 1):
            kind = self._words[start + 1] >> 24 & 31
            if kind in (_STRUCT, _UNION):
                self._structs.setdefault(self._name(self._words[start]), type_id)
            elif kind == _TYPEDEF:
                self._typedefs.setdefault(self._name(self._words[start]), type_id)

    def offset(self, path: str) -> int | None:
        """Byte offset of a member, e.g. `task_struct.signal` or `sock_common.skc_net.net`.

        Members of anonymous structs and unions are found as C finds them; a dot goes into a nested struct, never
        through a pointer. None if the struct or the member does not exist in this kernel.

        Raises:
            FormatError: the member is a bit field, which has no byte offset, or the types do not end.
        """
        name, *members = path.split(".")
        type_id: int | None = self._structs.get(name)
        total_bits = 0
        for member in members:
            found = self._find_member(type_id, member) if type_id is not None else None
            if found is None:
                return None
            bits, type_id = found
            total_bits += bits
        if type_id is None or not members:
            return None
        if total_bits % 8:
            raise self._damaged(f"{path} is a bit field")
        return total_bits // 8

    def tracepoint_parameters(self, name: str) -> tuple[str | None, ...] | None:
        """What the arguments of a raw tracepoint point to: names of structs, None for anything else.

        None if there is no such tracepoint. The kernel describes it as `typedef void (*btf_trace_NAME)(void *, …)`.
        """
        type_id = self._typedefs.get(f"btf_trace_{name}")
        for _ in range(_MAX_NESTING):
            if type_id is None or not 0 < type_id < len(self._starts):
                return None
            start = self._starts[type_id]
            info = self._words[start + 1]
            if info >> 24 & 31 == _FUNC_PROTO:
                types = self._words[start + 4 : start + 3 + 2 * (info & 0xFFFF) : 2].tolist()
                return tuple(self._pointed_struct(parameter) for parameter in types[1:])
            type_id = self._words[start + 2]
        return None

    def _pointed_struct(self, type_id: int) -> str | None:
        for _ in range(_MAX_NESTING):
            if not 0 < type_id < len(self._starts):
                return None
            start = self._starts[type_id]
            kind = self._words[start + 1] >> 24 & 31
            if kind == _STRUCT:
                return self._name(self._words[start])
            if kind != _POINTER and kind not in _QUALIFIERS:
                return None
            type_id = self._words[start + 2]
        return None

    def _find_types(self) -> list[int]:
        """Index of the first word of every type; type ids count from 1."""
        words, starts, at, count = self._words, [0], 0, len(self._words)
        while at < count:
            starts.append(at)
            if at + 3 > count or len(starts) > _MAX_TYPES:
                raise self._damaged(f"type {len(starts) - 1} is truncated or superfluous")
            info = words[at + 1]
            kind = info >> 24 & 31
            at += 3 + _FIXED_EXTRA.get(kind, 0) + _EXTRA_PER_ENTRY.get(kind, 0) * (info & 0xFFFF)
        if at > count:
            raise self._damaged("the last type is truncated")
        return starts

    def _find_member(self, type_id: int, member: str, depth: int = 0) -> tuple[int, int] | None:
        """(offset in bits, type id) of a member; goes into anonymous members and through typedefs and qualifiers."""
        start = self._struct_start(type_id)
        if start is None:
            return None
        if depth > _MAX_NESTING:
            raise self._damaged(f"structs are nested deeper than {_MAX_NESTING}")
        info = self._words[start + 1]
        has_bit_fields = bool(info >> 31)
        anonymous: list[tuple[int, int]] = []
        for at in range(start + 3, start + 3 + 3 * (info & 0xFFFF), 3):
            name_at, member_type, bits = self._words[at], self._words[at + 1], self._words[at + 2]
            if has_bit_fields:
                bits &= 0xFFFFFF
            if name_at == 0:
                anonymous.append((bits, member_type))
            elif self._name(name_at) == member:
                return bits, member_type
        for bits, member_type in anonymous:
            found = self._find_member(member_type, member, depth + 1)
            if found is not None:
                return bits + found[0], found[1]
        return None

    def _struct_start(self, type_id: int) -> int | None:
        for _ in range(_MAX_NESTING):
            if not 0 < type_id < len(self._starts):
                return None
            start = self._starts[type_id]
            kind = self._words[start + 1] >> 24 & 31
            if kind in (_STRUCT, _UNION):
                return start
            if kind not in _QUALIFIERS:
                return None
            type_id = self._words[start + 2]
        return None

    def _name(self, at: int) -> str:
        end = self._strings.find(b"\0", at)
        return self._strings[at : end if end >= 0 else len(self._strings)].decode("ascii", "replace")

    def _damaged(self, problem: str) -> FormatError:
        return FormatError(problem, where=self._where, next_step="not the BTF of a kernel")
