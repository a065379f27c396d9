"""`tapio anonymize`: nothing of the original is in the file that is released."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from analyzer.sharing import batches as anonymize_batches
from analyzer.sharing.sharing import anonymize_capture
from formats.batches import batch_from_rows, complete_batch
from formats.capture.info import CaptureInfo
from formats.capture.reading import open_capture
from formats.capture.writing import write_capture
from formats.catalog import TABLE_BY_NAME
from formats.columns import Sensitivity
from formats.errors import OutputError
from formats.loss import Damage
from formats.segment.sealing import SegmentHeader, seal_segment
from tests.analyzer.capture_builder import CaptureBuilder

KEY = b"k" * 32
CANARY = "zq{:03d}xvj"


def _canaries() -> dict[str, dict[str, object]]:
    """One row for every table in which every text column holds a canary of its own."""
    number = 0
    rows: dict[str, dict[str, object]] = {}
    for table in TABLE_BY_NAME.values():
        row: dict[str, object] = {"boot_time_ns": 1, "event_name": table.event_names[0], "severity_number": 9}
        for column in table.own:
            number += 1
            canary = CANARY.format(number)
            match column.sensitivity:
                case Sensitivity.ADDRESS:
                    row[column.name] = f"10.77.{number}.9"
                case Sensitivity.IDENTIFIER:
                    row[column.name] = f"facade{number:02x}-ca11-ab1e-beef-c0ffee{number:06x}"
                case Sensitivity.PATH:
                    row[column.name] = f"/kubepods/{canary}/data"
                case Sensitivity.OBJECT if column.name.endswith("changes"):
                    row[column.name] = json.dumps(
                        [
                            {
                                "path": f'metadata.labels["{canary}a/b"]',
                                "old": canary + "b",
                                "new": {canary + "c": canary},
                            }
                        ]
                    )
                case Sensitivity.OBJECT:
                    row[column.name] = json.dumps(_hostile_object(canary))
                case Sensitivity.HOST:
                    row[column.name] = f"{canary}.{canary}b.svc.cluster.local"
                case Sensitivity.NAME | Sensitivity.FREE_TEXT | Sensitivity.SECRET:
                    row[column.name] = canary
                case Sensitivity.PUBLIC if str(column.type) in (
                    "string",
                    "dictionary<values=string, indices=int32, ordered=0>",
                ):
                    row[column.name] = canary if column.name in anonymize_batches._PEERS_WORDS else "cpu"
                case _:
                    row[column.name] = False if str(column.type) == "bool" else 1
        rows[table.name] = row
    return rows


def _hostile_object(canary: str) -> dict[str, object]:
    return {
        "kind": "Pod",
        canary + "field": {"nested": canary + "d"},
        "metadata": {
            "name": canary,
            "labels": {canary + "e": canary + "f", f"{canary}g.k8s.io/x": "true"},
            "annotations": {f"kubernetes.io/{canary}h": canary + "i"},
        },
        "spec": {
            "containers": [
                {"name": canary, "args": [f"--password={canary}j"], "env": [{"name": "A", "value": canary + "k"}]}
            ]
        },
        "data": {canary + "l": canary + "m"},
        "status": {"message": f"failed because of {canary}n", "reason": canary.title(), "podIP": "10.77.200.200"},
    }


def _write_canary_capture(directory: Path) -> tuple[Path, list[str]]:
    rows = _canaries()

    def batches(name: str):
        table = TABLE_BY_NAME[name]
        drained = batch_from_rows(table, [rows[name]])
        yield complete_batch(table, drained, node_name=CANARY.format(990), first_seq=0, unix_minus_boot_ns=10**18)

    header = SegmentHeader("0" * 32, CANARY.format(990), "facade99-ca11-ab1e-beef-c0ffee999999", "test")
    seal_segment(directory, "seg", header, batches, list(rows))
    path = directory / "canary.tapio"
    write_capture(path, [directory / "seg"], info=CaptureInfo(frozen_because=f"somebody said {CANARY.format(991)}"))
    texts = [json.dumps(row) for row in rows.values()]
    found = {CANARY.format(number) for number in range(992)}
    placed = sorted(canary for canary in found if any(canary in text for text in texts))
    return path, [*placed, CANARY.format(990), CANARY.format(991)]


def _all_bytes(path: Path) -> bytes:
    """Everything a reader of a capture can get at: the file as it is, every cell, every dictionary, decoded heads."""
    parts = [path.read_bytes()]
    capture = open_capture(path)
    for segment in capture.segments:
        for table in segment.tables:
            for batch in segment.batches(table):
                assert not isinstance(batch, Damage)
                for array in batch.columns:
                    parts += [bytes(buffer) for buffer in array.buffers() if buffer is not None]
                    if hasattr(array, "dictionary"):
                        parts += [bytes(buffer) for buffer in array.dictionary.buffers() if buffer is not None]
        parts += [table.head for table in segment.manifest.tables]
    return b"\0".join(parts)


def test_no_canary_of_any_column_is_in_the_output(tmp_path):
    # GIVEN a capture in which every text of every table, object, manifest and reason holds a canary
    source, canaries = _write_canary_capture(tmp_path)
    assert len(canaries) >= 30
    assert all(canary.encode() in _all_bytes(source) for canary in canaries)
    # WHEN it is anonymized
    target = tmp_path / "shared.tapio"
    anonymize_capture(source, target, key=KEY)
    # THEN its decompressed bytes hold none, in no spelling
    shared = _all_bytes(target).lower()
    for canary in canaries:
        for spelling in (
            canary.encode(), canary[::-1].encode(), canary.encode("utf-16-le"), canary.encode().hex().encode(),
            base64.b64encode(canary.encode())[:-2].lower(),
        ):  # fmt: skip
            assert spelling not in shared, canary
    assert b"facade" not in shared
    assert b"10.77.200.200" not in shared


def test_the_output_verifies_and_keeps_every_row(tmp_path):
    # GIVEN a capture
    source, _ = _write_canary_capture(tmp_path)
    # WHEN it is anonymized
    target = tmp_path / "shared.tapio"
    anonymize_capture(source, target, key=KEY)
    # THEN every byte is whole, and the tables have the rows that they had
    before = open_capture(source)
    after = open_capture(target)
    assert list(after.verify()) == []
    assert after.tables == before.tables


@pytest.mark.slow
def test_the_same_key_gives_the_same_file(tmp_path):
    # GIVEN a capture WHEN it is anonymized twice with one key, and once with another
    source, _ = _write_canary_capture(tmp_path)
    for name, key in (("a", KEY), ("b", KEY), ("c", b"q" * 32)):
        anonymize_capture(source, tmp_path / name, key=key)
    # THEN equal keys give equal bytes
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


@pytest.mark.parametrize("forgotten", ["rewrite_name", "rewrite_path", "rewrite_identifier"])
def test_a_leak_is_found_before_the_file_is_released(tmp_path, monkeypatch, forgotten):
    # GIVEN an anonymizer that forgets one kind of value when it replaces, though not when it collects
    source, _ = _write_canary_capture(tmp_path)
    real = getattr(anonymize_batches, forgotten)
    monkeypatch.setattr(
        anonymize_batches,
        forgotten,
        lambda text, replacement: real(text, replacement) if hasattr(replacement, "tokens") else text,
    )
    # WHEN it runs THEN the scan refuses, without telling the values, and no file appears
    with pytest.raises(OutputError, match="scan of the copy found") as refused:
        anonymize_capture(source, tmp_path / "shared.tapio", key=KEY)
    assert "zq" not in str(refused.value).replace(str(tmp_path), "")
    assert [path.name for path in tmp_path.iterdir()].count("shared.tapio") == 0


def test_an_existing_file_is_never_overwritten(tmp_path):
    # GIVEN a target that is there
    source, _ = _write_canary_capture(tmp_path)
    target = tmp_path / "shared.tapio"
    target.write_text("precious")
    # WHEN anonymizing to it THEN it is refused and untouched
    with pytest.raises(OutputError, match="already"):
        anonymize_capture(source, target, key=KEY)
    assert target.read_text() == "precious"


def test_every_column_has_a_policy():
    # GIVEN every column of every table WHEN its sensitivity is not public THEN it is text, which has a policy
    for table in TABLE_BY_NAME.values():
        for column in table.columns:
            if column.sensitivity is not Sensitivity.PUBLIC:
                assert str(column.type) in ("string", "dictionary<values=string, indices=int32, ordered=0>"), (
                    column.name
                )


def test_known_field_managers_stay_and_others_become_pseudonyms(tmp_path):
    builder = CaptureBuilder(tmp_path)
    for at, name in enumerate(("kubectl-client-side-apply", "acme-deployer")):
        manager = {"name": name, "operation": "Apply", "subresource": "scale", "written_unix_nano": 7}
        columns = {f"k8s.object.manager.{key}": value for key, value in manager.items()}
        builder.kube_object("ConfigMap", "one", {"data": {"A": str(at)}}, at=at, **columns)
    target = tmp_path / "shared.tapio"
    anonymize_capture(builder.write(), target, key=KEY)
    rows = [
        row
        for segment in open_capture(target).segments
        for batch in segment.batches("kube_object")
        for row in batch.to_pylist()
    ]
    names = [row["k8s.object.manager.name"] for row in rows]
    assert names[0] == "kubectl-client-side-apply"
    assert names[1] != "acme-deployer"
    assert "acme" not in names[1]
    told = {(row["k8s.object.manager.operation"], row["k8s.object.manager.subresource"]) for row in rows}
    assert told == {("Apply", "scale")}
