"""`make e2e` says by its exit code when there was no cluster to test."""

from pathlib import Path

import pytest

from fixtures.lab.e2e import NO_CLUSTER, run


def test_missing_cluster_has_an_exit_code_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # GIVEN neither a cluster in the environment nor a program that starts one
    # WHEN
    code = run({"KUBECONFIG": "/some/kubeconfig"}, tmp_path / "cluster", quiet_seconds=1, output=tmp_path / "output")
    # THEN neither success nor failure, and what is missing is named
    assert code == NO_CLUSTER == 77
    printed = capsys.readouterr().out
    assert "nothing was tested" in printed
    assert "TAPIO_E2E_SHOP" in printed
    assert "KUBECONFIG" not in printed.replace("TAPIO_E2E", "")


def test_cluster_that_does_not_start_is_a_failure_and_no_missing_cluster(tmp_path: Path) -> None:
    # GIVEN a starter that fails
    for name in ("up", "down"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    # WHEN / THEN
    with pytest.raises(RuntimeError, match="exited with 3"):
        run({"PATH": "/usr/bin:/bin"}, tmp_path, quiet_seconds=1, output=tmp_path / "output")
