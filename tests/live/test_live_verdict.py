"""The line that a recording leaves in the log."""

from pathlib import Path

from fixtures.live.incidents import choose_kinds, main
from fixtures.live.injection import list_kinds
from fixtures.live.plan import make_plan
from fixtures.live.recording import Recorded
from fixtures.live.verdict import Verdict, write_line

KINDS = list_kinds()


def line_of(kind: str, split: str, verdict: Verdict | None) -> str:
    plan = make_plan(1, 0, KINDS[kind])
    return write_line(Recorded(plan, Path("some.tapio"), "" if verdict else "it was not ready"), verdict, split)


def test_line_about_an_unseen_kind_says_only_whether_it_was_right() -> None:
    # GIVEN
    verdict = Verdict(is_right=False, said="a secret of the unseen")
    # WHEN / THEN
    assert line_of("secret-missing", "unseen", verdict) == "001-000-secret-missing  unseen  wrong"
    assert "a secret of the unseen" in line_of("quota-pods", "tuned", verdict)


def test_recording_that_failed_says_why() -> None:
    assert line_of("quota-pods", "tuned", None).endswith("not recorded: it was not ready")


def test_kinds_are_chosen_by_pattern() -> None:
    assert set(choose_kinds("quota-*,scaled-to-zero", KINDS)) == {
        "quota-cpu",
        "quota-memory",
        "quota-pods",
        "quota-shrunk",
        "scaled-to-zero",
    }


def test_missing_cluster_has_an_exit_code_of_its_own(monkeypatch, tmp_path, capsys) -> None:
    # GIVEN neither a cluster in the environment nor a program that starts one
    for name in ("KUBECONFIG", "ADMIN_KUBECONFIG", "NODE_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("fixtures.live.incidents.CLUSTER", tmp_path)
    # WHEN / THEN
    assert main(["--count", "1", "-o", str(tmp_path / "output")]) == 77
    assert "no cluster" in capsys.readouterr().out
