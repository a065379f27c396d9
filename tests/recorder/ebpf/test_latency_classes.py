import numpy as np
import pytest

from recorder.ebpf.latency_classes import LatencyClasses


@pytest.mark.parametrize("kind", [np.uint8, np.uint32])
def test_each_class_begins_where_the_one_before_ends(kind):
    bounds = LatencyClasses(first_ns=64_000, last=10).at_least_ns(np.arange(11, dtype=kind))
    assert bounds[:3].tolist() == [0, 64_000, 256_000]
    assert (bounds[2:] == 4 * bounds[1:-1]).all()


def test_program_is_compiled_with_the_same_bounds():
    assert LatencyClasses(first_ns=1_000_000, last=8).to_defines() == {
        "FIRST_CLASS_NS": "1000000ULL",
        "LAST_CLASS": "8",
    }
