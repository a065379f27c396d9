"""A /proc and a /sys made of files, as the kernel would write them, for the polled sources."""

from __future__ import annotations

from pathlib import Path

from recorder.source import Source, SourceContext
from tests.recorder.recorder_fakes import FakeClock

UID = "65a6e55d-b724-4ec3-8525-4d21ee11553c"
CID = "a0db4780e754c345b9a1bde453322d9a5dc8aca02b59cd2cd4c1426ba0b1104f"
POD_V1 = f"/kubepods/burstable/pod{UID}"
POD_V2 = f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice"
CONTAINER_V2 = f"{POD_V2}/cri-containerd-{CID}.scope"
PSI = "some avg10=1.00 avg60=0.50 avg300=0.10 total={some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={full}\n"
STAT_V2 = "anon 30000000\nfile 9000000\nkernel 2000000\ninactive_anon 0\nactive_anon 30000000\ninactive_file 1943040\n"
"""The head of a memory.stat of Linux 6.1."""
EVENTS_V2 = "low 0\nhigh 0\nmax {hits}\noom {kills}\noom_kill {kills}\noom_group_kill 0\n"
STAT_V1 = "cache 20480\nrss 40960\ninactive_file 1\ntotal_cache 487424\ntotal_rss 73039872\ntotal_inactive_file 4096\n"


class FakeHost:
    """The host's files; a test writes what it needs.

    Args:
        root: an empty directory.
    """

    def __init__(self, root: Path) -> None:
        self.proc = root / "proc"
        self.sysfs = root / "sys"
        self.cgroups = self.sysfs / "fs/cgroup"
        self.cgroups.mkdir(parents=True)
        self.proc.mkdir()
        self.clock = FakeClock()

    def write(self, path: Path, text: str) -> None:
        """One file, and the directories above it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def write_unified(
        self, path: str, *, usage: int = 41_943_040, limit: str = "67108864", hits: int = 7, kills: int = 2
    ):
        """One cgroup of a cgroup2 tree that controls memory."""
        place = self.cgroups / path.strip("/")
        self.write(place / "memory.current", f"{usage}\n")
        self.write(place / "memory.max", f"{limit}\n")
        self.write(place / "memory.events", EVENTS_V2.format(hits=hits, kills=kills))
        self.write(place / "memory.stat", STAT_V2)
        for resource in ("cpu", "memory", "io"):
            self.write(place / f"{resource}.pressure", PSI.format(some=usage // 1000, full=5))

    def make_unified(self) -> None:
        """A host with cgroup v2 alone, the systemd driver and one pod."""
        self.write(self.cgroups / "cgroup.controllers", "cpuset cpu io memory pids\n")
        self.write_unified("/kubepods.slice", limit="max", hits=0, kills=0)
        self.write_unified(POD_V2, limit="max")
        self.write_unified(CONTAINER_V2)
        self.write(self.cgroups / "system.slice/ssh.service/memory.current", "5\n")

    def write_v1(
        self, path: str, *, usage: int, limit: int = 9223372036854771712, failcnt: int = 0, kills: int = 0
    ) -> None:
        """One cgroup of a v1 memory hierarchy, and beside it the same path of the hybrid cgroup2 tree."""
        place = self.cgroups / "memory" / path.strip("/")
        self.write(place / "memory.usage_in_bytes", f"{usage}\n")
        self.write(place / "memory.limit_in_bytes", f"{limit}\n")
        self.write(place / "memory.failcnt", f"{failcnt}\n")
        self.write(place / "memory.oom_control", f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n")
        self.write(place / "memory.stat", STAT_V1)
        (self.cgroups / "unified" / path.strip("/")).mkdir(parents=True, exist_ok=True)

    def make_hybrid(self) -> None:
        """A host with v1 controllers and a cgroup2 tree beside them, the cgroupfs driver and one pod."""
        self.write(self.cgroups / "unified/cgroup.controllers", "\n")
        self.write_v1("/", usage=1)
        self.write_v1("/kubepods", usage=2)
        self.write_v1(POD_V1, usage=79_376_384, limit=67_108_864, failcnt=12, kills=3)

    def open(self, source: Source, *, cgroups: tuple[str, ...] = (), **options: object) -> None:
        """Open a source on this host."""
        source.open(
            SourceContext(
                node_name="fake",
                options={**source.spec.options, **options},
                boot_time_ns=self.clock,
                proc=self.proc,
                sysfs=self.sysfs,
                cgroup_paths=cgroups,
            )
        )


def rows_of(batches) -> list[dict[str, object]]:
    """All rows of some batches."""
    return [row for batch in batches for row in batch.to_pylist()]
