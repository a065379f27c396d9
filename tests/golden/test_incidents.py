"""Every shipped recording is explained rightly, and holds nothing of the machine on which it was made."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fixtures.lab.incidents import INCIDENTS
from fixtures.lab.score import find_differences
from fixtures.lab.truth import read_truth
from formats.capture.reading import Capture, open_capture
from formats.postmortem.document import to_dict
from tests import analyzed

FOLDER = Path(__file__).parents[2] / "fixtures" / "incidents"
MAX_BYTES = 600_000
OWN_CGROUP = re.compile(r"/tapio-lab-\d+/kubepods(/.*)?")
OWN_ADDRESS = re.compile(r"127\.(77\.\d+\.\d+|0\.0\.1)|0\.0\.0\.0")
OWN_COMMANDS = {"", "cat", "python3", "sh"}

SYMPTOMS = {
    "demo": ["config-changed", "kernel-oom-kill", "container-crash-looping", "requests-failing", "requests-failing"],
    "exit-after-config": ["config-changed", "container-exited-with-error", "container-crash-looping"],
    "bad-image": ["image-changed", "image-pull-failing"],
    "stops-listening": ["listener-closed", "connections-refused", "requests-failing"],
}
"""What the chain must say, in this order, whatever it says between."""


def document_of(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(to_dict(analyzed.document_of(FOLDER / f"{name}.tapio"))))
    return document


def column(capture: Capture, table: str, name: str) -> set[Any]:
    """The distinct values of a column."""
    found: set[Any] = set()
    for batch in capture.batches(table):
        assert isinstance(batch, pa.RecordBatch), f"damage: {batch}"
        found |= set(batch.column(batch.schema.names.index(name)).to_pylist())
    return found - {None}


@pytest.fixture(
    scope="module",
    params=[name if name == "demo" else pytest.param(name, marks=pytest.mark.slow) for name in INCIDENTS],
)
def explained(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return request.param, document_of(request.param)


def test_shipped_incident_is_explained_as_its_truth_says(explained: tuple[str, dict[str, Any]]) -> None:
    # GIVEN a recording and what is true about it
    name, document = explained
    # WHEN it was analyzed
    differences = find_differences(document, read_truth(FOLDER / f"{name}.truth.yaml"))
    # THEN
    assert differences == []


def test_chain_names_the_true_symptoms_in_their_order_with_evidence(explained: tuple[str, dict[str, Any]]) -> None:
    # GIVEN
    name, document = explained
    # WHEN
    steps = document["findings"][0]["chain"] if document["findings"] else []
    # THEN
    told = iter(step["symptom"] for step in steps)
    assert all(wanted in told for wanted in SYMPTOMS.get(name, []))
    for step in steps:
        assert step["evidence"]
        assert all(evidence in document["evidence"] for evidence in step["evidence"])


def test_demo_rests_on_the_kernel_and_on_kubernetes() -> None:
    # GIVEN / WHEN
    document = document_of("demo")
    # THEN the chain has evidence of both
    tables = {evidence.split(":")[0] for step in document["findings"][0]["chain"] for evidence in step["evidence"]}
    assert {"kube_object", "oom", "request"} <= tables
    assert document["capture"]["frozen_because"]
    assert any(measure["limit"] for measure in document["measures"])


@pytest.mark.parametrize("name", INCIDENTS)
def test_recording_is_whole_small_and_only_of_the_lab(name: str) -> None:
    # GIVEN
    path = FOLDER / f"{name}.tapio"
    truth = read_truth(FOLDER / f"{name}.truth.yaml")
    assert path.stat().st_size < MAX_BYTES
    # WHEN
    capture = open_capture(path)
    damage = list(capture.verify())
    paths = {table: column(capture, table, "cgroup.path") for table in ("cgroup_state", "memory", "pressure")}
    commands = {
        table: column(capture, table, "process.command")
        for table in ("process", "process_state", "tcp", "request", "oom")
    }
    addresses = column(capture, "tcp", "network.local.address") | column(capture, "tcp", "network.peer.address")
    tables = capture.tables
    namespaces = column(capture, "kube_object", "k8s.namespace.name")
    # THEN
    assert damage == []
    assert "interface_state" not in tables, "addresses of the machine's interfaces are nobody's business"
    for table, found in paths.items():
        assert all(OWN_CGROUP.fullmatch(path) for path in found if path != "/"), (table, found)
    services = {"frontend", "api", "cache", "docs"}
    for table, found in commands.items():
        assert found <= OWN_COMMANDS | services, (table, found)
    assert all(OWN_ADDRESS.fullmatch(address) for address in addresses), addresses
    assert namespaces <= {truth.namespace}
