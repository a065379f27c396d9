"""What recorders and the desk call the kind Capture is what the cluster is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from formats import capture_kind

DEFINITION = Path(__file__).parents[2] / "deploy/kubernetes/base/capture.yaml"
STATES = [capture_kind.FREEZING, capture_kind.FROZEN, capture_kind.FAILED]


@pytest.fixture
def spec() -> Any:
    return yaml.safe_load(DEFINITION.read_text())["spec"]


def test_the_names_are_those_of_the_definition(spec: Any) -> None:
    (version,) = spec["versions"]
    assert (spec["group"], version["name"]) == (capture_kind.GROUP, capture_kind.VERSION)
    assert (spec["names"]["kind"], spec["names"]["plural"]) == (capture_kind.KIND, capture_kind.PLURAL)
    assert f"{spec['group']}/{version['name']}" == capture_kind.API_VERSION


def test_the_states_are_those_that_the_schema_admits(spec: Any) -> None:
    status = spec["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    assert status["state"]["enum"] == STATES
    assert status["nodes"]["additionalProperties"]["properties"]["state"]["enum"] == STATES
