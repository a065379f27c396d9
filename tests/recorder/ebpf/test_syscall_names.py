"""The names of system calls."""

from __future__ import annotations

import pytest

from recorder.ebpf.syscall_names import syscall_name, syscall_names


@pytest.mark.parametrize(
    ("machine", "number", "name"),
    [
        ("x86_64", 0, "read"),
        ("x86_64", 59, "execve"),
        ("x86_64", 334, "rseq"),
        ("x86_64", 435, "clone3"),
        ("aarch64", 63, "read"),
        ("aarch64", 79, "newfstatat"),
        ("aarch64", 221, "execve"),
        ("aarch64", 260, "wait4"),
        ("aarch64", 435, "clone3"),
    ],
)
def test_known_numbers_have_their_names(machine: str, number: int, name: str) -> None:
    assert syscall_names(machine)[number] == name


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_no_name_stands_for_two_numbers(machine: str) -> None:
    names = list(syscall_names(machine).values())
    assert len(names) == len(set(names))


def test_what_is_not_known_is_shown_as_a_number() -> None:
    assert syscall_name(99_999) == "syscall_99999"
    assert syscall_names("vax") == {}
