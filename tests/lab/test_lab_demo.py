"""What `make demo` does where the machine cannot record."""

from pathlib import Path

import pytest

from fixtures.lab import demo


@pytest.mark.no_cover
def test_machine_that_cannot_record_is_told_why_and_replays_the_shipped_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # GIVEN a machine without eBPF
    monkeypatch.setattr(demo, "find_missing_for_recording", lambda: ["source oom: no BPF; run it as root"])
    monkeypatch.setattr(demo, "OUTPUT", tmp_path)
    monkeypatch.setattr(demo, "end_on_signals", lambda: None)
    # WHEN
    code = demo.main()
    # THEN
    told = capfd.readouterr().out
    assert code == 0
    assert "source oom: no BPF; run it as root" in told
    assert "fixtures/incidents/demo.tapio" in told
    assert "CACHE_MB" in told
    assert (tmp_path / "report.html").stat().st_size > 10_000
