"""The recordings of a real cluster: every root cause is named, no decoy ever is, a healthy cluster has no finding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from analyzer.analyze import analyze_capture
from formats.capture.reading import open_capture
from formats.postmortem.document import to_dict, to_json
from tests.analyzed import document_of, shipped_knowledge

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "fixtures" / "captures"
TRUTHS = {
    path.name.removesuffix(".truth.yaml"): yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.truth.yaml")
}
KNOWLEDGE = shipped_knowledge()
SCHEMA = json.loads((ROOT / "formats" / "schemas" / "document.schema.json").read_text())

CONFIDENCES: dict[str, tuple[float, set[str]]] = {
    "bad-config-value-crashloop": (0.92, set()),
    "bad-image-rollout": (0.976, set()),
    "configmap-missing-key": (0.96, set()),
    "configmap-oom-crashloop": (0.919, set()),
    "db-readiness-cascade": (0.475, {"origin"}),
    "derived-bad-arguments": (0.8, set()),
    "derived-bad-release": (0.75, set()),
    "derived-crash-without-change": (0.85, {"origin"}),
    "derived-restart-alone": (0.6, set()),
    "derived-node-disk-pressure": (0.807, {"origin"}),
    "emptydir-limit-evicted-failed": (0.85, {"origin"}),
    "emptydir-limit-evicted": (0.85, {"origin"}),
    "liveness-cpu-throttle": (0.848, set()),
    "memory-leak-oom": (0.85, {"origin"}),
    "node-notready-eviction": (0.85, {"origin"}),
    "pvc-no-storageclass": (0.922, set()),
    "quota-failedcreate": (0.97, set()),
    "unschedulable-memory": (0.95, set()),
}
"""Confidence of the first finding, and what takes from it besides the edges of the best path."""


@pytest.fixture(scope="module")
def documents():
    return {name: document_of(FOLDER / f"{name}.tapio") for name in sorted(TRUTHS)}


def test_every_recording_has_its_truth():
    assert {path.stem for path in FOLDER.glob("*.tapio")} == set(TRUTHS)
    assert len(TRUTHS) >= 16


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_root_cause_is_named_at_rank_one(name, documents):
    truth, findings = TRUTHS[name], documents[name].findings
    if not truth["visible_in_the_api"]:
        # THEN a healthy cluster, and one whose trouble the API does not show, has no finding
        assert findings == ()
        return
    expected = truth["root_cause"]
    root = findings[0].root_cause
    assert (root.kind, root.namespace, root.name) == (expected["kind"], expected["namespace"], expected["name"])
    assert root.uid == expected.get("uid", root.uid)
    assert findings[0].pattern is not None


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_decoys_are_never_named(name, documents):
    decoys = {decoy["object"]["uid"] for decoy in TRUTHS[name]["decoys"]}
    named = {finding.root_cause.uid for finding in documents[name].findings}
    chained = {step.entity.uid for finding in documents[name].findings for step in finding.chain}
    assert decoys.isdisjoint(named | chained)


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_document_fits_its_schema_and_is_closed(name, documents):
    import jsonschema  # here: it takes seconds where its checkers of formats are installed

    # GIVEN a document as programs get it
    document = json.loads(to_json(documents[name]))
    # THEN it is what formats/schemas/document.schema.json says
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    # AND everything that it names is in it
    symptoms = {symptom["id"] for symptom in document["symptoms"]}
    assert {end for edge in document["edges"] for end in (edge["source"], edge["target"])} <= symptoms
    assert {symptom["entity"]["id"] for symptom in document["symptoms"]} <= set(document["entities"])
    for finding in document["findings"]:
        assert {step["symptom_id"] for step in finding["chain"]} | set(finding["also"]) <= symptoms
        assert finding["root_cause"]["entity"] in document["entities"]
        assert all(step["evidence"] for step in finding["chain"])
    told = [one["evidence"] for key in ("symptoms", "edges", "changes", "relations") for one in document[key]]
    assert {identifier for evidence in told for identifier in evidence} <= set(document["evidence"])


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_confidence_and_what_takes_from_it_are_as_judged(name, documents):
    found = [
        (finding.confidence, {term.term for term in finding.confidence_terms[1:] if term.value < 1})
        for finding in documents[name].findings[:1]
    ]
    judged = [CONFIDENCES[name]] if name in CONFIDENCES else []
    assert found == [(pytest.approx(confidence, abs=0.005), doubts) for confidence, doubts in judged]


def test_chain_begins_with_the_root_and_every_step_follows_by_a_known_edge(documents):
    for document in documents.values():
        edges = {(edge.source, edge.target): edge.rule for edge in document.edges}
        for finding in document.findings:
            assert finding.chain[0].edge is None
            for before, step in zip(finding.chain, finding.chain[1:], strict=False):
                assert edges[before.symptom_id, step.symptom_id] == step.edge.rule


SCRIPT = """
import sys
from pathlib import Path
from analyzer.analyze import analyze_capture
from analyzer.knowledge.shipped import read_knowledge
from formats.capture.reading import open_capture
from formats.postmortem.document import to_json
capture = open_capture(Path(sys.argv[1]))
sys.stdout.write(to_json(analyze_capture(capture, read_knowledge(), threads=int(sys.argv[2]))))
"""


@pytest.mark.parametrize(
    ("seed", "threads", "environment"),
    [
        ("0", 1, {"TZ": "UTC", "LC_ALL": "C"}),
        ("1", 2, {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"}),
        ("2", 1, {"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8"}),
        ("3", 2, {"TZ": "UTC", "LC_ALL": "C", "COLUMNS": "40"}),
        ("4", 2, {"TZ": "Europe/Helsinki", "LC_ALL": "C"}),
    ],
)
def test_document_is_the_same_bytes_for_any_seed_threads_zone_and_locale(seed, threads, environment, documents):
    # GIVEN another interpreter, with another hash seed, time zone, locale and number of threads
    name = "db-readiness-cascade"
    whole = {**os.environ, **environment, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    # WHEN it analyzes the recording
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(FOLDER / f"{name}.tapio"), str(threads)],
        capture_output=True,
        env=whole,
        check=True,
    )
    # THEN the document is the same, byte for byte
    assert answer.stdout.decode() == to_json(documents[name])


def test_document_does_not_depend_on_the_number_of_threads(documents):
    for name in ("configmap-oom-crashloop", "node-notready-eviction"):
        capture = open_capture(FOLDER / f"{name}.tapio")
        assert to_dict(analyze_capture(capture, KNOWLEDGE, threads=1)) == to_dict(documents[name])


def test_order_and_names_of_segments_do_not_matter(tmp_path, documents):
    # GIVEN the segments of two recordings as directories, once in order of time and once in the other order
    names = ["healthy-rolling-update", "configmap-oom-crashloop"]
    for order, folder in ((names, tmp_path / "one"), (names[::-1], tmp_path / "two")):
        for number, name in enumerate(order):
            segment = folder / f"{number}-segment"
            segment.mkdir(parents=True)
            with zipfile.ZipFile(FOLDER / f"{name}.tapio") as archive:
                for member in archive.namelist():
                    if member.startswith("s00000."):
                        (segment / member.removeprefix("s00000.")).write_bytes(archive.read(member))
    # WHEN both are analyzed
    texts = []
    for folder in ("one", "two"):
        capture = open_capture(tmp_path / folder)
        assert len(capture.segments) == 2
        texts.append(to_json(analyze_capture(capture, KNOWLEDGE)))
    # THEN the documents are the same, byte for byte, and the incident of one of them is found
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["findings"][0]["root_cause"]["name"] == "cache-config"


def test_action_is_for_the_field_that_the_effect_speaks_of(documents):
    # GIVEN a ConfigMap in which LOG_LEVEL was renamed to LOGLEVEL, and a container that could not find LOG_LEVEL
    finding = documents["configmap-missing-key"].findings[0]
    # THEN the name that is missing is the one to restore, and the change is told as a rename
    assert finding.recommendations[0].startswith("Restore `LOG_LEVEL` in ConfigMap api-config")
    assert finding.root_cause.what == "ConfigMap api-config: data.LOG_LEVEL was renamed to LOGLEVEL"
    assert finding.fix == (
        """kubectl -n shop patch configmap api-config --type merge -p '{"data":{"LOG_LEVEL":"info"}}'""",
    )


def test_effects_of_the_same_moment_are_not_0_ms_later(documents):
    said = [item.what for item in documents["quota-failedcreate"].findings[0].supported_by]
    assert any("(at the same moment; " in text for text in said)
    assert not any("(0 ms later" in text for text in said)
