"""Which events freeze by themselves: by table, name and severity; the reason names the first of them."""

from __future__ import annotations

import pytest

from recorder.config import TriggerConfig
from recorder.store.triggers import find_firings
from tests.recorder.recorder_fakes import make_rows


@pytest.mark.parametrize(
    ("trigger", "fires"),
    [
        (TriggerConfig("pressure"), True),
        (TriggerConfig("pressure", "pressure.sample"), True),
        (TriggerConfig("pressure", "pressure.other"), False),
        (TriggerConfig("pressure", None, 17), True),
        (TriggerConfig("pressure", None, 18), False),
        (TriggerConfig("pressure", "pressure.sample", 18), False),
        (TriggerConfig("oom"), False),
    ],
)
def test_a_trigger_fires_for_what_it_says(trigger: TriggerConfig, fires: bool):
    assert bool(list(find_firings([trigger], "pressure", make_rows([1, 2], severity=17)))) is fires


def test_the_reason_is_the_first_event_and_every_trigger_fires_once():
    # GIVEN two triggers that fire for the same batch
    triggers = [TriggerConfig("pressure"), TriggerConfig("pressure", "pressure.sample")]
    first, second = find_firings(triggers, "pressure", make_rows([7, 8]))
    # THEN each has a key of its own for its rate limit, and says what was recorded first
    assert (first.key, second.key) == ("pressure", "pressure-sample")
    assert first.reason == second.reason
    assert first.reason.startswith("pressure.sample in table pressure at boot time 7 ns: ")
    assert "pressure.resource cpu" in first.reason


def test_no_rows_fire_nothing():
    assert list(find_firings([TriggerConfig("pressure")], "pressure", make_rows([]))) == []
