"""Two live incidents of `make incidents`, a fault and a healthy operation: recorded and judged rightly."""

import os
from pathlib import Path

import pytest

from fixtures.live.incidents import record
from fixtures.live.injection import list_kinds
from fixtures.live.plan import make_plan

MISSING = [name for name in ("CLUSTER_DIR", "KUBECONFIG", "NODE_NAME") if not os.environ.get(name)]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        bool(MISSING), reason=f"needs the one-node cluster ({', '.join(MISSING)}); `make e2e` starts it"
    ),
]
SEED = 5


def test_fault_is_named_and_healthy_operation_gives_no_finding(tmp_path: Path) -> None:
    # GIVEN
    kinds = list_kinds()
    plans = [make_plan(SEED, number, kinds[name]) for number, name in enumerate(("selector-mismatch", "healthy-job"))]
    log = tmp_path / "log"
    # WHEN
    failed = record(os.environ, plans, tmp_path, log)
    # THEN
    lines = log.read_text()
    print(f"\nlive incidents: {lines}")
    assert failed == 0, lines
    assert [line.split()[2] for line in lines.splitlines()] == ["right", "right"], lines
    # AND capture and truth are kept
    assert len(list(tmp_path.glob("*.tapio"))) == len(list(tmp_path.glob("*.truth.yaml"))) == 2
