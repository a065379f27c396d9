"""What `tapio import` reads: named files, folders, standard input; and which of them are one recording."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.importers.capturing import import_kubernetes
from analyzer.importers.inputs import STDIN, list_files
from formats.capture.reading import open_capture
from formats.errors import FormatError, MissingInputError

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop", "uid": "u"}}
NODE = "apiVersion: v1\nkind: Node\nmetadata:\n  name: n\n"
AUDIT = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "verb": "get", "stageTimestamp": "2026-11-20T10:00:00Z"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a must-gather writes it."""
    top = tmp_path / "must-gather"
    (top / "namespaces/shop/core").mkdir(parents=True)
    (top / "namespaces/shop/pods").mkdir()
    (top / "namespaces/shop/core/pods.yaml").write_text(
        json.dumps({"kind": "PodList", "apiVersion": "v1", "items": [POD]})
    )
    (top / "nodes.yaml.gz").write_bytes(gzip.compress(NODE.encode()))
    (top / "namespaces/shop/pods/a.log").write_text("starting\n")
    (top / "version").write_text("4.16\n")
    (top / "link.json").symlink_to("/etc/hostname")
    return top


def kinds_of(capture: Path) -> list[str]:
    opened = open_capture(capture)
    return sorted(row["k8s.object.kind"] for batch in opened.batches("kube_object") for row in batch.to_pylist())


def test_folder_gives_its_objects_and_no_logs_and_no_links(folder: Path, tmp_path: Path) -> None:
    # GIVEN / WHEN
    files = list_files([folder], tmp_path)
    # THEN
    assert [file.name for file in files] == ["pods.yaml", "a.log", "nodes.yaml.gz"]
    capture = tmp_path / "out.tapio"
    import_kubernetes(files, capture, node_name="n")
    assert kinds_of(capture) == ["Node", "Pod"]
    assert "loss" not in open_capture(capture).tables


def test_standard_input_is_a_file_like_any_other(tmp_path: Path) -> None:
    # GIVEN
    output, path = tmp_path / "out.tapio", tmp_path / "pod.json"
    path.write_text(json.dumps(POD))
    named = tmp_path / "named.tapio"
    # WHEN
    result = CliRunner().invoke(cli, ["import", "-", "-o", str(output)], input=json.dumps(POD))
    CliRunner().invoke(cli, ["import", str(path), "-o", str(named)])
    # THEN
    assert result.exit_code == 0, result.output
    assert output.read_bytes() == named.read_bytes()


def test_terminal_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    # WHEN / THEN
    with pytest.raises(MissingInputError, match="terminal"):
        list_files([STDIN], tmp_path)


def test_files_of_different_forms_are_not_one_recording(tmp_path: Path) -> None:
    # GIVEN
    (tmp_path / "a.json").write_text(json.dumps(POD))
    (tmp_path / "b.json").write_text(f"{json.dumps(AUDIT)}\n")
    # WHEN / THEN
    with pytest.raises(FormatError, match="one by one"):
        import_kubernetes([tmp_path / "a.json", tmp_path / "b.json"], tmp_path / "out.tapio", node_name="n")


def test_folder_without_anything_to_read_is_named(tmp_path: Path) -> None:
    # GIVEN
    (tmp_path / "notes.txt").write_text("x")
    # WHEN / THEN
    with pytest.raises(FormatError, match="must-gather"):
        list_files([tmp_path], tmp_path)


def test_folder_with_too_many_files_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN
    monkeypatch.setattr("analyzer.importers.inputs.MAX_FILES", 2)
    # WHEN / THEN
    with pytest.raises(FormatError, match="more than 2 files"):
        list_files([folder], tmp_path)
