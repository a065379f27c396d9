"""Work of a kubelet that fails or is slow, as its metrics tell it."""

from __future__ import annotations

from formats.rows.kubelet_work import METRICS, KubeletWork

SECOND = 1_000_000_000


def metrics(
    *,
    relists: int = 0,
    relist_s: float = 0,
    lists: int = 0,
    list_s: float = 0,
    errors: int = 0,
    ok: int = 0,
    lost: int = 0,
) -> bytes:
    """What a kubelet has done since it started."""
    list_containers = '{operation_type="list_containers"}'
    return (
        f"kubelet_pleg_relist_duration_seconds_sum {relist_s}\n"
        f"kubelet_pleg_relist_duration_seconds_count {relists}\n"
        f"kubelet_runtime_operations_duration_seconds_sum{list_containers} {list_s}\n"
        f"kubelet_runtime_operations_duration_seconds_count{list_containers} {lists}\n"
        f"kubelet_runtime_operations_errors_total{list_containers} {errors}\n"
        f'kubelet_runtime_operations_errors_total{{operation_type="exec_sync"}} {errors * 7}\n'
        f'kubelet_runtime_operations_duration_seconds_sum{{operation_type="pull_image"}} {lists * 100}\n'
        f'rest_client_requests_total{{code="200",host="a",method="GET"}} {ok}\n'
        f'rest_client_requests_total{{code="404",host="a",method="GET"}} {ok}\n'
        f'rest_client_requests_total{{code="<error>",host="a",method="GET"}} {lost}\n'
        f'rest_client_requests_total{{code="503",host="a",method="PUT"}} {lost}\n'
    ).encode()


def test_work_that_is_well_makes_no_rows() -> None:
    work = KubeletWork()
    assert work.tell(metrics(relists=1, lists=1, errors=9, lost=9), 0) == []
    well = metrics(relists=31, relist_s=0.2, lists=61, list_s=0.3, errors=9, ok=50, lost=9)
    assert work.tell(well, 30 * SECOND) == []


def test_what_fails_or_is_slow_is_told_once_per_look_and_once_when_it_is_over() -> None:
    work = KubeletWork()
    work.tell(metrics(), 0)
    rows = work.tell(metrics(relists=3, relist_s=29.5, lists=4, list_s=1, errors=3, ok=5, lost=2), 30 * SECOND)
    columns = (
        "event_name",
        "kubelet.work",
        "kubelet.operation",
        "kubelet.count",
        "kubelet.failed",
        "kubelet.duration_ns",
    )
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("kubelet.troubled", "relist", None, 3, 0, 29_500_000_000),
        ("kubelet.troubled", "runtime", "list_containers", 4, 3, 1_000_000_000),
        ("kubelet.troubled", "api_request", None, 14, 4, None),
    ]
    assert {row["kubelet.interval_ns"] for row in rows} == {30 * SECOND}
    # WHEN only some of it was tried again
    later = metrics(relists=33, relist_s=30, lists=4, list_s=1, errors=3, ok=9, lost=2)
    assert [(row["event_name"], row["kubelet.work"]) for row in work.tell(later, 60 * SECOND)] == [
        ("kubelet.recovered", "relist"),
        ("kubelet.recovered", "api_request"),
    ]
    assert work.tell(later, 90 * SECOND) == []


def test_one_relist_that_hung_is_told_though_those_after_it_were_quick() -> None:
    work = KubeletWork()
    work.tell(metrics(), 0)
    (row,) = work.tell(metrics(relists=21, relist_s=9.1), 30 * SECOND)
    assert (row["kubelet.work"], row["kubelet.count"]) == ("relist", 21)
    assert [row["event_name"] for row in work.tell(metrics(relists=51, relist_s=10), 60 * SECOND)] == [
        "kubelet.recovered"
    ]


def test_the_lines_that_are_asked_for_are_those_that_are_read() -> None:
    read = {line.partition(b"{")[0].partition(b" ")[0].decode() for line in metrics().splitlines()}
    assert read == set(METRICS)
