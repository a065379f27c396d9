"""Lines of the CRI log format become messages."""

from __future__ import annotations

from formats.rows.cri_log import MAX_MESSAGE, join_messages

TIME = "2026-11-22T10:00:00.000000000Z"


def test_pieces_of_a_long_message_are_joined_by_stream() -> None:
    lines = [
        f"{TIME} stdout P con",
        f"{TIME} stderr P panic: ",
        f"{TIME} stdout F nected",
        f"{TIME} stderr F:x nil map",
        f"{TIME} stdout F ",
    ]
    assert join_messages(lines) == ["connected", "panic: nil map", ""]


def test_a_message_without_its_end_is_one_too() -> None:
    assert join_messages([f"{TIME} stderr P out of mem"]) == ["out of mem"]


def test_lines_of_another_form_are_left_out() -> None:
    assert join_messages(["", "x", "2026 stdin F x", '{"log":"docker"}', f"{TIME} stdout"]) == []


def test_a_message_is_bounded() -> None:
    lines = [f"{TIME} stdout P {'x' * 10000}"] * 5 + [f"{TIME} stdout F end"]
    assert join_messages(lines) == ["x" * MAX_MESSAGE]
