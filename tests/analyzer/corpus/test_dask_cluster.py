"""Promises of a Dask cluster: the same dataset, also when a worker is killed, and a sentence for what is not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest

from analyzer.corpus.asking import Task
from analyzer.corpus.capture_rows import CaptureFile
from analyzer.corpus.corpus import build_corpus
from analyzer.corpus.workers import run_here
from fixtures.fleet.make import CAPTURES, FOLDER
from formats.errors import UnavailableError
from tests.analyzed import shipped_knowledge

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

ROOT = Path(__file__).parents[3]
WORKERS = 2

_CLUSTER = f"""
import json, sys
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers={WORKERS}, threads_per_worker=1, dashboard_address=None, host="127.0.0.1")
    print(json.dumps([cluster.scheduler_address, [worker.pid for worker in cluster.workers.values()]]), flush=True)
    sys.stdin.read()
    cluster.close()
"""


@pytest.fixture
def run_on_cluster():
    """Imported by each test: Dask imports what only some systems have, and files of tests are read on all of them."""
    from analyzer.corpus.dask_cluster import run_on_cluster

    return run_on_cluster


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler and process ids of its workers, each a process as on a real cluster."""
    (tmp_path / "cluster.py").write_text(_CLUSTER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "cluster.py"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        address, pids = json.loads(process.stdout.readline())
        yield address, pids
        process.stdin.close()


def test_the_dataset_is_that_of_one_process_also_when_a_worker_is_killed(cluster, tmp_path, run_on_cluster):
    address, pids = cluster
    knowledge = msgspec.json.encode(shipped_knowledge())
    killed = []

    def kill(done, of):
        if not killed and of - done >= WORKERS:  # each worker has another capture in hand
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    many = build_corpus(
        FOLDER, knowledge, partial(run_on_cluster, address=address), dataset=tmp_path / "many", threads=1, advance=kill
    )
    one = build_corpus(FOLDER, knowledge, partial(run_here, workers=1), dataset=tmp_path / "one")
    assert killed
    assert many == one
    assert len(many.captures) == len(CAPTURES)
    assert not [capture.problem for capture in many.captures if capture.problem]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "many" / path.name).read_bytes()


def test_a_scheduler_that_does_not_answer_is_a_sentence(monkeypatch, run_on_cluster):
    monkeypatch.setattr("analyzer.corpus.dask_cluster.CONNECT_S", 0.2)
    task = Task(str(FOLDER), CaptureFile("f" * 32, "first.tapio", "rules"), "code", 1)
    with pytest.raises(UnavailableError, match="the Dask scheduler does not answer"):
        list(run_on_cluster([task], b"{}", address="tcp://127.0.0.1:9"))


def test_nothing_to_analyze_asks_no_scheduler(run_on_cluster):
    assert list(run_on_cluster([], b"{}", address="tcp://127.0.0.1:9")) == []
