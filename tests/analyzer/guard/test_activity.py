from __future__ import annotations

from analyzer.guard.activity import Activity, is_watched, working_on


def test_work_is_read_with_its_name_and_its_time() -> None:
    activity = Activity()
    assert activity.read() is None

    activity.begin("symptom `é`")

    work = activity.read()
    assert work is not None
    assert work[0] == "symptom `é`"
    assert work[1] >= 0


def test_work_that_ended_is_not_read() -> None:
    activity = Activity()
    activity.begin("x")
    activity.end()

    assert activity.read() is None


def test_a_name_that_is_too_long_is_cut() -> None:
    activity = Activity()
    activity.begin("\ud800" + "x" * 100_000)

    work = activity.read()
    assert work is not None
    assert len(work[0]) < 4096


def test_a_process_that_nobody_watches_needs_no_page() -> None:
    assert not is_watched()
    with working_on("x"):
        pass
