"""BTF: on a tiny one made here, on hostile ones, and on that of the running kernel."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError
from recorder.ebpf.btf import Btf

LIVE = Path("/sys/kernel/btf/vmlinux")
INT, POINTER, STRUCT, UNION, TYPEDEF, CONST, FUNC_PROTO = 1, 2, 4, 5, 8, 10, 13


class BtfMaker:
    """Writes BTF type by type; `add` returns the new type's id."""

    def __init__(self) -> None:
        self.strings = b"\0"
        self.types = b""
        self.count = 0

    def name(self, text: str) -> int:
        if not text:
            return 0
        at = len(self.strings)
        self.strings += text.encode() + b"\0"
        return at

    def add(  # noqa: PLR0917 - the fields in their order
        self, kind: int, name: str = "", third: int = 0, extra: tuple[int, ...] = (), count: int = 0, flag: int = 0
    ):
        info = flag << 31 | kind << 24 | count
        self.types += struct.pack(f"<III{len(extra)}I", self.name(name), info, third, *extra)
        self.count += 1
        return self.count

    def add_struct(self, name: str, *members: tuple[str, int, int], kind: int = STRUCT, flag: int = 0) -> int:
        extra = tuple(number for text, type_id, bits in members for number in (self.name(text), type_id, bits))
        return self.add(kind, name, 64, extra, len(members), flag)

    def build(self) -> bytes:
        header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return header + self.types + self.strings


@pytest.fixture
def tiny() -> bytes:
    """struct outer { int a; struct { union { int b; int c; }; int d; }; const inner_t e; struct task *f; int bits : 3; }"""
    maker = BtfMaker()
    number = maker.add(INT, "int", 4, (32,))
    union = maker.add_struct("", ("b", number, 0), ("c", number, 0), kind=UNION)
    anonymous = maker.add_struct("", ("", union, 0), ("d", number, 32))
    inner = maker.add_struct("inner", ("x", number, 0), ("y", number, 64))
    named = maker.add(CONST, third=maker.add(TYPEDEF, "inner_t", inner))
    task = maker.add_struct("task", ("pid", number, 96))
    pointer = maker.add(POINTER, third=task)
    maker.add_struct(
        "outer",
        ("a", number, 0),
        ("", anonymous, 64),
        ("e", named, 192),
        ("f", pointer, 320),
        ("bits", number, 3 << 24 | 389),
        flag=1,
    )
    void_pointer = maker.add(POINTER)
    prototype = maker.add(FUNC_PROTO, extra=(0, void_pointer, 0, pointer, 0, number), count=3)
    maker.add(TYPEDEF, "btf_trace_my_event", maker.add(POINTER, third=prototype))
    return maker.build()


@pytest.mark.parametrize(
    ("path", "offset"),
    [
        ("outer.a", 0),
        ("outer.b", 8),
        ("outer.c", 8),
        ("outer.d", 12),
        ("outer.e", 24),
        ("outer.e.y", 32),
        ("outer.f", 40),
        ("task.pid", 12),
    ],
)
def test_members_are_found_as_c_finds_them(tiny: bytes, path: str, offset: int) -> None:
    assert Btf(tiny).offset(path) == offset


@pytest.mark.parametrize("path", ["nothing.a", "outer.nothing", "outer.a.b", "outer.f.pid", "outer"])
def test_what_does_not_exist_has_no_offset(tiny: bytes, path: str) -> None:
    assert Btf(tiny).offset(path) is None


def test_a_bit_field_is_refused(tiny: bytes) -> None:
    with pytest.raises(FormatError, match=r"outer\.bits is a bit field"):
        Btf(tiny).offset("outer.bits")


def test_a_tracepoint_tells_what_its_arguments_point_to(tiny: bytes) -> None:
    btf = Btf(tiny)
    assert btf.tracepoint_parameters("my_event") == ("task", None)
    assert btf.tracepoint_parameters("no_event") is None


def test_a_struct_that_holds_itself_ends_with_an_error() -> None:
    # GIVEN an anonymous struct whose anonymous member is itself
    maker = BtfMaker()
    maker.add_struct("", ("", 1, 0))
    maker.add_struct("loop", ("", 1, 0))

    # WHEN, THEN
    with pytest.raises(FormatError, match="nested deeper"):
        Btf(maker.build()).offset("loop.x")


@pytest.mark.parametrize("data", [b"", b"\x9f\xeb", b"\0" * 24, b"\x7fELF" + b"\0" * 60])
def test_what_is_not_btf_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="BTF"):
        Btf(data)


def test_every_cut_is_an_error_or_a_shorter_answer_never_a_crash(tiny: bytes) -> None:
    for length in range(len(tiny)):
        with pytest.raises(FormatError):
            Btf(tiny[:length])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_flipped_bytes_never_raise_anything_but_a_format_error(data: st.DataObject) -> None:
    # GIVEN
    maker = BtfMaker()
    number = maker.add(INT, "int", 4, (32,))
    maker.add_struct("outer", ("a", number, 0), ("", maker.add_struct("", ("b", number, 0)), 64))
    raw = bytearray(maker.build())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))

    # WHEN it is read THEN nothing is raised but the error for what is no BTF
    try:
        btf = Btf(bytes(raw))
        btf.offset("outer.a")
        btf.offset("outer.b")
    except FormatError:
        pass


@pytest.mark.kernel
def test_the_running_kernel_is_read() -> None:
    # GIVEN
    btf = Btf(LIVE.read_bytes(), str(LIVE))

    # THEN pid_t pid, tgid stand side by side, and user registers are those of the ABI
    pid, tgid = btf.offset("task_struct.pid"), btf.offset("task_struct.tgid")
    assert pid is not None
    assert tgid == pid + 4
    assert btf.offset("sock_common.skc_daddr") == 0
    assert btf.tracepoint_parameters("sched_process_fork") == ("task_struct", "task_struct")
    assert btf.offset("pt_regs.orig_ax") in (120, None)
