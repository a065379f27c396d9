"""Promises of asking: whatever a capture does to the process that reads it, there is a row, and a sentence if it failed."""

# ruff: noqa: F401, F811 - fixtures are imported

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from functools import cache

import msgspec
import pytest

from analyzer.corpus.asking import TRIES, Task, ask
from analyzer.corpus.capture_rows import CaptureFile, make_rows
from analyzer.corpus.listing import digest_file, list_objects
from analyzer.corpus.rules import digest_code
from fixtures.fleet.make import FOLDER
from formats.capture.reading import open_capture
from tests.analyzed import document_of, shipped_knowledge
from tests.object_store import needs_server, running_server, server

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

OF = CaptureFile("f" * 32, "fixed.tapio", "e" * 32)


@cache
def knowledge() -> bytes:
    return msgspec.json.encode(shipped_knowledge())


def task(directory=FOLDER, path=OF.path, code=None, threads=1):
    return Task(str(directory), CaptureFile(OF.file, path, OF.rules), code or digest_code(), threads)


def problem_of(asked):
    rows = ask(asked, knowledge())
    assert rows.findings == ()
    assert rows.capture.capture is None
    return rows.capture.problem


@pytest.fixture
def python_that_is_killed(tmp_path, monkeypatch):
    """Stands in for the interpreter: it kills itself by its pid, so often; then it is the real one."""

    def make(times: int) -> None:
        script, counter = tmp_path / "python", tmp_path / "counter"
        script.write_text(
            f"#!/bin/sh\necho >> {counter}\n"
            f'[ "$(wc -l < {counter})" -gt {times} ] || kill -9 $$\nexec {sys.executable} "$@"\n'
        )
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))

    return make


def test_the_answer_is_that_of_the_document():
    capture = open_capture(FOLDER / OF.path)
    expected = make_rows(OF, document_of(FOLDER / OF.path), capture.info, 0)
    assert ask(task(), knowledge()) == expected
    assert ask(task(threads=None), knowledge()) == expected


def test_a_process_that_is_killed_is_started_again(python_that_is_killed):
    python_that_is_killed(TRIES - 1)
    assert ask(task(), knowledge()).capture.problem is None


def test_a_process_that_is_killed_each_time_is_a_sentence(python_that_is_killed):
    python_that_is_killed(TRIES)
    assert problem_of(task()) == "fixed.tapio: it could not be read: the process ended with -9"


def test_a_foreign_file_is_a_sentence_with_its_path_once(tmp_path):
    (tmp_path / "x\x1b[31m.tapio").write_text("hello")
    said = problem_of(task(tmp_path, "x\x1b[31m.tapio"))
    assert said.startswith("x\x1b[31m.tapio: the file is not a Tapio capture; ")
    assert said.count("tapio: the file") == 1


def test_a_file_that_is_gone_is_a_sentence(tmp_path):
    assert "cannot be opened" in problem_of(task(tmp_path, "gone.tapio"))
    assert "the directory of the captures cannot be opened" in problem_of(task(tmp_path / "gone"))


def test_a_capture_that_needs_too_much_memory_is_a_sentence(monkeypatch):
    monkeypatch.setenv("TAPIO_MAX_MEMORY", "20MiB")
    assert problem_of(task()).startswith("fixed.tapio: needs more than 20 MiB of memory")


def test_a_worker_of_another_version_reads_nothing():
    assert problem_of(task(code="0" * 32)).endswith("because the worker has another version of Tapio")


def test_a_folder_of_the_analyzers_name_beside_the_captures_is_not_run(tmp_path):
    (tmp_path / "analyzer").mkdir()
    (tmp_path / "analyzer/__init__.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "fixed.tapio").write_bytes((FOLDER / "fixed.tapio").read_bytes())
    assert ask(task(tmp_path), knowledge()).capture.problem is None


@needs_server
def test_an_object_of_a_real_server_gives_the_rows_of_the_file(server):
    # GIVEN an object whose digest nobody knows yet
    path = server.root / "captures" / "deep" / OF.path
    path.parent.mkdir()
    shutil.copy(FOLDER / OF.path, path)
    folder = f"s3://captures?region=us-east-1&scheme=http&endpoint_override={server.address}"
    found = list_objects(folder)
    assert [(one.path, one.size) for one in found] == [(f"deep/{OF.path}", path.stat().st_size)]
    of = CaptureFile("", found[0].path, OF.rules, found[0].size, found[0].modified)
    # WHEN it is read THEN its rows are those of the file, with that digest
    rows = ask(Task(folder, of, digest_code(), 1), knowledge())
    known = CaptureFile(digest_file(path), of.path, of.rules, of.size, of.modified)
    capture = open_capture(path)
    assert rows == make_rows(known, document_of(FOLDER / OF.path), capture.info, 0)
    # AND what is wrong with one is a sentence with its path
    lost = ask(Task(folder, replace(of, path="deep/lost.tapio"), digest_code(), 1), knowledge())
    assert lost.capture.problem == "deep/lost.tapio: there is no object or folder of that name; check the path"
