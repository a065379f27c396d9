"""Promises of the differences between two profiles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from analyzer.comparing.counting import Interval
from analyzer.comparing.differences import Presence, Sort, list_differences
from analyzer.comparing.profile import IntervalProfile, SymptomFigure
from analyzer.comparing.subjects import Subject

SECOND = 1_000_000_000
API = Subject("Deployment", "shop", "api")
CONFIG = Subject("ConfigMap", "shop", "settings")


def profile(**fields: Any) -> IntervalProfile:
    empty = IntervalProfile(Interval(0, 100 * SECOND), frozenset({"node-a"}), {}, {}, {}, {}, {})
    return replace(empty, **fields)


FULL = profile(
    events={(API, "OOM kills"): 3},
    symptoms={(API, "crashing"): SymptomFigure("it crashed", "error", 2)},
    findings={(CONFIG, "config-crash-loop"): "broken"},
    changes={(CONFIG, "data.A", "2"): "A 1 → 2"},
    objects={API: {"spec": {"replicas": 2}}},
)


def test_a_profile_does_not_differ_from_itself() -> None:
    assert list_differences(FULL, FULL) == ()


def test_what_is_new_one_way_has_vanished_the_other_way() -> None:
    there, back = list_differences(profile(), FULL), list_differences(FULL, profile())
    assert {(one.sort, one.subject) for one in there} == {(one.sort, one.subject) for one in back}
    assert {one.presence for one in there} == {Presence.NEW}
    assert {one.presence for one in back} == {Presence.VANISHED}


def test_the_most_surprising_comes_first() -> None:
    found = list_differences(profile(), FULL)
    assert [one.sort for one in found] == [Sort.FINDING, Sort.SYMPTOM, Sort.CHANGE]
    assert [one.surprise for one in found] == sorted((one.surprise for one in found), reverse=True)


def test_an_image_that_differs_is_named_with_both_values() -> None:
    def deployment(image: str) -> dict[str, Any]:
        return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}

    (one,) = list_differences(
        profile(objects={API: deployment("shop/api:1")}), profile(objects={API: deployment("shop/api:2")})
    )
    assert (one.sort, one.before, one.after) == (Sort.IMAGE, "shop/api:1", "shop/api:2")


def test_an_object_of_a_kind_that_one_side_did_not_watch_is_no_difference() -> None:
    assert list_differences(profile(), profile(objects={API: {}})) == ()
    (one,) = list_differences(
        profile(objects={CONFIG: {}}), profile(objects={CONFIG: {}, replace(CONFIG, name="b"): {}})
    )
    assert (one.presence, one.subject.name) == (Presence.NEW, "b")


def test_digests_of_two_recorders_are_not_compared() -> None:
    old, new = ({CONFIG: {"data": {"A": f"digest:{value}"}}} for value in ("aa", "bb"))
    assert len(list_differences(profile(objects=old), profile(objects=new))) == 1
    assert list_differences(profile(objects=old), profile(objects=new, recorders=frozenset({"node-b"}))) == ()


def test_a_rate_needs_enough_events_to_be_a_difference() -> None:
    assert list_differences(profile(), profile(events={(API, "OOM kills"): 2})) == ()
    (one,) = list_differences(profile(events={(API, "OOM kills"): 1}), profile(events={(API, "OOM kills"): 90}))
    assert (one.sort, one.presence, one.after) == (Sort.RATE, Presence.CHANGED, 0.9)
    assert one.factor is not None
    assert one.factor > 2


def test_the_same_difference_of_several_objects_is_told_once() -> None:
    names = [replace(CONFIG, namespace=namespace) for namespace in ("bank", "shop", "zoo")]
    old, new = ({name: {"data": {"ca.crt": value}} for name in names} for value in ("one", "two"))
    (one,) = list_differences(profile(objects=old), profile(objects=new))
    assert (one.subject, one.also) == (names[0], (names[1], names[2]))
