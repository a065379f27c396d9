"""Variants of a real capture."""

from pathlib import Path

import pytest

from fixtures.accuracy.capture_cache import provide_capture
from fixtures.accuracy.cases import Case, Truth
from fixtures.accuracy.variants import (
    BOOKKEEPING_TABLES,
    KUBERNETES_TABLES,
    Variant,
    read_pseudonyms,
    write_variant,
)
from formats.capture.reading import open_capture
from formats.loss import Damage

CAPTURE = Path(__file__).parents[2] / "fixtures" / "incidents" / "bad-image.tapio"


def tables_of(path: Path) -> dict[str, int]:
    capture = open_capture(path)
    assert list(capture.verify()) == []
    return capture.tables


@pytest.fixture(scope="module")
def original() -> dict[str, int]:
    return tables_of(CAPTURE)


def test_removed_tables_are_gone_and_the_others_whole(tmp_path, original) -> None:
    # GIVEN / WHEN
    write_variant(CAPTURE, tmp_path / "a.tapio", Variant.WITHOUT_KERNEL, 1)
    write_variant(CAPTURE, tmp_path / "b.tapio", Variant.WITHOUT_KUBERNETES, 1)
    # THEN
    kept = KUBERNETES_TABLES | BOOKKEEPING_TABLES
    assert tables_of(tmp_path / "a.tapio") == {name: rows for name, rows in original.items() if name in kept}
    assert tables_of(tmp_path / "b.tapio") == {
        name: rows for name, rows in original.items() if name not in KUBERNETES_TABLES
    }


def test_lost_rows_are_a_tenth_of_each_table_and_the_same_every_time(tmp_path, original) -> None:
    # GIVEN / WHEN
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_variant(CAPTURE, tmp_path / f"{name}.tapio", Variant.LOST_10, seed)
    left = tables_of(tmp_path / "a.tapio")
    # THEN
    lossy = {name: rows for name, rows in original.items() if name not in BOOKKEEPING_TABLES}
    share = 1 - sum(left.get(name, 0) for name in lossy) / sum(lossy.values())
    assert 0.07 < share < 0.13
    assert all(left[name] == original[name] for name in BOOKKEEPING_TABLES & set(original))
    assert (tmp_path / "a.tapio").read_bytes() == (tmp_path / "b.tapio").read_bytes()
    assert (tmp_path / "a.tapio").read_bytes() != (tmp_path / "c.tapio").read_bytes()


def test_pseudonyms_of_an_anonymized_capture_are_known(tmp_path) -> None:
    # GIVEN
    target = tmp_path / "shared.tapio"
    # WHEN
    write_variant(CAPTURE, target, Variant.ANONYMIZED, 1)
    pseudonyms = read_pseudonyms(CAPTURE, target)
    # THEN
    assert pseudonyms["api"] != "api"
    assert pseudonyms["shop"] != "shop"
    batches = open_capture(target).batches("kube_object")
    names = {
        name for batch in batches if not isinstance(batch, Damage) for name in batch["k8s.object.name"].to_pylist()
    }
    assert pseudonyms["api"] in names
    assert "api" not in names


def test_capture_is_made_once(tmp_path) -> None:
    # GIVEN
    case = Case("set", "capture", "bad-image", CAPTURE, True, Truth(None, None), True)
    # WHEN
    first = provide_capture(tmp_path, case, Variant.LOST_1, 1)
    made = first.stat().st_mtime_ns
    # THEN
    assert provide_capture(tmp_path, case, Variant.LOST_1, 1) == first
    assert first.stat().st_mtime_ns == made
    assert provide_capture(tmp_path, case, Variant.LOST_1, 2) != first
    assert provide_capture(tmp_path, case, Variant.WHOLE, 1) == CAPTURE
