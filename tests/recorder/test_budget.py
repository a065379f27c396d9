"""The recorder sheds when it is over its budget, and restores only after a minute of calm."""

from __future__ import annotations

import itertools

from recorder.budget import Advice, Budget, Usage, read_own_usage
from recorder.config import BudgetConfig
from tests.recorder.recorder_fakes import SECOND

CONFIG = BudgetConfig(cpu_percent=10, memory_bytes=100 << 20)


class Use:
    """CPU and memory as the test says."""

    def __init__(self) -> None:
        self.cpu_ns = 0
        self.resident = 50 << 20

    def __call__(self) -> Usage:
        return Usage(self.cpu_ns, self.resident)


def run(budget: Budget, use: Use, begin: int, seconds: int, percent: float) -> list[tuple[int, Advice]]:
    """Judge once a second at a steady load; gives what was advised, and when."""
    advice = []
    for second in range(begin, begin + seconds):
        given = budget.judge(second * SECOND)
        if given is not Advice.KEEP:
            advice.append((second, given))
        use.cpu_ns += int(percent / 100 * SECOND)
    return advice


def test_a_steady_load_within_the_budget_changes_nothing():
    use = Use()
    budget = Budget(CONFIG, use)
    assert run(budget, use, 100, 300, percent=9) == []
    assert 8.9 < budget.cpu_percent < 9.1


def test_overload_sheds_one_source_per_window():
    use = Use()
    assert run(Budget(CONFIG, use), use, 100, 35, percent=30) == [
        (110, Advice.SHED),
        (120, Advice.SHED),
        (130, Advice.SHED),
    ]


def test_a_short_burst_sheds_nothing():
    use = Use()
    budget = Budget(CONFIG, use)
    assert run(budget, use, 100, 20, percent=5) == []
    assert run(budget, use, 120, 2, percent=20) == []
    assert run(budget, use, 122, 20, percent=5) == []


def test_calm_restores_one_source_a_minute():
    use = Use()
    budget = Budget(CONFIG, use)
    assert run(budget, use, 100, 15, percent=30) == [(110, Advice.SHED)]
    # (the window that ends at 120 still has the overload in it)
    assert run(budget, use, 115, 10, percent=1) == [(120, Advice.SHED)]
    advice = run(budget, use, 125, 180, percent=1)
    assert {given for _, given in advice} == {Advice.RESTORE}
    times = [second for second, _ in advice]
    assert times[0] >= 125 + 60
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(times))


def test_memory_counts_as_well():
    use = Use()
    use.resident = 101 << 20
    assert run(Budget(CONFIG, use), use, 100, 12, percent=0) == [(110, Advice.SHED)]


def test_own_usage_is_read_from_the_kernel():
    before = read_own_usage()
    sum(range(300_000))
    after = read_own_usage()
    assert after.cpu_ns > before.cpu_ns
    assert 10 << 20 < after.resident_bytes < 4 << 30
