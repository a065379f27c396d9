"""The recorder and `doctor` open sources with one context, by one code."""

from __future__ import annotations

from pathlib import Path

import pytest

from formats.errors import ConfigurationError
from recorder.config import HostConfig, SourceConfig
from recorder.doctor import diagnose
from recorder.leadership import Leadership
from recorder.source import SourceContext
from recorder.source_opening import build_contexts
from recorder.start import start_recorder
from recorder.wall_clock import WallClock
from tests.recorder.recorder_fakes import FakeClock, ScriptedSource, make_config, run_children_inline


class Curious(ScriptedSource):
    """Remembers what it was opened with."""

    seen: list[SourceContext]

    def open(self, context: SourceContext) -> None:
        super().open(context)
        type(self).seen.append(context)


@pytest.fixture
def host(tmp_path: Path) -> HostConfig:
    """A host with a cgroup2 tree of one cgroup, and the boot id that the recorder asks for."""
    boot_id = tmp_path / "proc/sys/kernel/random/boot_id"
    boot_id.parent.mkdir(parents=True)
    boot_id.write_text("00000000-1111-2222-3333-444444444444\n")
    tree = tmp_path / "sys/fs/cgroup"
    (tree / "kubepods").mkdir(parents=True)
    (tree / "cgroup.controllers").write_text("memory\n")
    return HostConfig(proc=tmp_path / "proc", sysfs=tmp_path / "sys")


def test_doctor_opens_with_what_the_recorder_opens_with(
    tmp_path: Path, host: HostConfig, monkeypatch: pytest.MonkeyPatch
):
    # GIVEN a configuration that changes everything that a source may be told
    run_children_inline(monkeypatch)
    Curious.seen = []
    config = make_config(
        tmp_path / "data",
        host=host,
        cgroups=("/kubepods",),
        sources={"pressure": SourceConfig(enabled=True, options={"interval_s": 7})},
    )
    # WHEN the recorder opens the source, and doctor does
    start_recorder(config, [Curious()], boot_time_ns=FakeClock()).finish()
    diagnosis = diagnose(config, [Curious])
    # THEN both gave it the same
    assert [source.verdict for source in diagnosis.sources] == ["works"]
    own = ("boot_time_ns", "wall_clock", "leadership", "positions")
    recorder, doctor = (
        {key: getattr(context, key) for key in SourceContext.__slots__ if key not in own} for context in Curious.seen
    )
    assert recorder == doctor
    assert recorder["cgroup_paths"] == ("/kubepods",)
    assert recorder["cgroup_ids"] == ((host.sysfs / "fs/cgroup/kubepods").stat().st_ino,)
    assert recorder["state_directory"] == tmp_path / "data/state"
    assert recorder["options"]["interval_s"] == 7


def test_a_cgroup_that_does_not_exist_is_named(tmp_path: Path, host: HostConfig):
    config = make_config(tmp_path / "data", host=host, cgroups=("/kubepods", "/no/such"))
    with pytest.raises(ConfigurationError, match="/no/such"):
        build_contexts(config, [ScriptedSource()], FakeClock(), WallClock(), Leadership())
