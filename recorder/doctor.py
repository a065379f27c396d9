"""What this node lets the recorder do: every source is really opened, so the answer is the truth and not a guess."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from formats.errors import TapioError, UnavailableError
from formats.rows.kube_json import items
from formats.units import format_bytes
from recorder.cgroup_tree import find_hierarchies, read_text
from recorder.config import ElectionConfig, FleetConfig, HostConfig, RecorderConfig, select_sources
from recorder.fleet.capture_api import CaptureApi, choose_namespace
from recorder.fleet.lease_api import LeaseApi
from recorder.fleet.lease_objects import read_lease
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from recorder.leadership import Leadership
from recorder.linux.clocks import read_boot_time_ns
from recorder.netlink.route_socket import open_hearing
from recorder.source import Need, Source
from recorder.source_opening import build_contexts, open_sources
from recorder.wall_clock import WallClock

_CAPABILITIES = {
    "CAP_NET_BROADCAST": 11,
    "CAP_NET_ADMIN": 12,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYSLOG": 34,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""Source: include/uapi/linux/capability.h."""


@dataclass(frozen=True, slots=True)
class NodeFact:
    """One thing about the node.

    Attributes:
        what: the thing.
        is_good: whether it is as it should be.
        found: what it is.
        next_step: what to do; empty if it is good.
    """

    what: str
    is_good: bool
    found: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class SourceDiagnosis:
    """One source.

    Attributes:
        name: of its table.
        verdict: works, fallback, fails or off.
        why: in one sentence; empty if it works.
        next_step: what to do; empty if there is nothing to do.
    """

    name: str
    verdict: str
    why: str = ""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The node and every source."""

    node: tuple[NodeFact, ...]
    sources: tuple[SourceDiagnosis, ...]

    @property
    def is_good(self) -> bool:
        """Whether every source that is switched on works, if need be with its fallback."""
        return all(source.verdict != "fails" for source in self.sources)


def diagnose(config: RecorderConfig, sources: Sequence[type[Source]]) -> Diagnosis:
    """Look at the node and open every source that the configuration switches on."""
    facts = tuple(_examine_node(config))
    on = {spec.name for spec in select_sources(config, [source.spec for source in sources])}
    problems = _try_sources(config, [source for source in sources if source.spec.name in on])
    unmet = {need for need in Need if not _CHECKS[need](config.host)}
    found = []
    for source in sources:
        spec = source.spec
        if spec.name not in on:
            why = f"it is part of the profile `{spec.profile}`, or turned off in the configuration"
            if spec.off_without:
                why = f"sources.{spec.name}.{spec.off_without} is not configured, or it is turned off"
            found.append(SourceDiagnosis(spec.name, "off", why))
            continue
        error, detail = problems[spec.name]
        missing = [need for need in spec.needs if need in unmet]
        if error is not None:
            step = (
                error.next_step
                if isinstance(error, TapioError)
                else "please report this with the output of `doctor --json`"
            )
            place = f"{error.where}: {error.problem}" if isinstance(error, TapioError) and error.where else str(error)
            found.append(SourceDiagnosis(spec.name, "fails", place, step or ""))
        elif missing:
            steps = "; ".join(_NEED_STEPS[need] for need in missing)
            found.append(SourceDiagnosis(spec.name, "fallback", spec.fallback or detail, steps))
        elif detail:
            found.append(SourceDiagnosis(spec.name, "fallback", detail))
        else:
            found.append(SourceDiagnosis(spec.name, "works"))
    return Diagnosis(facts, tuple(found))


def fix_tracefs(host: HostConfig) -> str:
    """Mount tracefs if it is not; says what was done."""
    place = host.sysfs / "kernel/tracing"
    if _has_tracefs(host):
        return f"tracefs is mounted at {place}"
    done = subprocess.run(
        ["mount", "-t", "tracefs", "tracefs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return f"tracefs was mounted at {place}"
    return f"tracefs could not be mounted at {place}: {done.stderr.strip()}"


def format_diagnosis(diagnosis: Diagnosis) -> str:
    """The diagnosis for people."""
    lines = []
    for fact in diagnosis.node:
        mark = "ok  " if fact.is_good else "BAD "
        lines.append(f"{mark}{fact.what:<12} {fact.found}" + (f" -> {fact.next_step}" if fact.next_step else ""))
    lines.append("")
    for source in diagnosis.sources:
        lines.append(f"{source.verdict:<9}{source.name:<16} {source.why}".rstrip())
        if source.next_step:
            lines.append(f"{'':<25} -> {source.next_step}")
    return "\n".join(lines)


def _try_sources(config: RecorderConfig, kinds: Sequence[type[Source]]) -> dict[str, tuple[Exception | None, str]]:
    """Open each as the recorder does, take what it says of itself, and close it."""
    sources = [kind() for kind in kinds]
    leadership = Leadership(is_elected=config.election.enabled)
    contexts = build_contexts(config, sources, read_boot_time_ns, WallClock(), leadership)
    found = {}
    for source, error in zip(sources, open_sources(sources, contexts), strict=True):
        problem, detail = error, ""
        try:
            if problem is None:
                detail = source.stats().detail
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is this source's answer
            problem = raised
        finally:
            source.close()
        found[source.spec.name] = (problem, detail)
    return found


def _examine_node(config: RecorderConfig) -> list[NodeFact]:
    host = config.host
    hierarchies = find_hierarchies(host.sysfs)
    version = "v1 and v2 (hybrid)" if hierarchies.unified and "memory" in hierarchies.v1 else "v2"
    version = version if hierarchies.unified else "v1" if "memory" in hierarchies.v1 else "none"
    held = _read_capabilities(host)
    facts = [
        NodeFact("kernel", is_good=True, found=os.uname().release),
        _fact(
            "BTF",
            (host.sysfs / "kernel/btf/vmlinux").exists(),
            str(host.sysfs / "kernel/btf/vmlinux"),
            "the kernel needs CONFIG_DEBUG_INFO_BTF",
        ),
        _fact(
            "tracefs", _has_tracefs(host), str(host.sysfs / "kernel/tracing"), "`tapio-recorder doctor --fix` mounts it"
        ),
        _fact(
            "bcc",
            importlib.util.find_spec("bcc") is not None,
            "Python package of the distribution",
            _NEED_STEPS[Need.BPF],
        ),
        _fact(
            "rights",
            _may_load_programs(held),
            ", ".join(sorted(held)) or "none",
            "run as root, or with CAP_BPF and CAP_PERFMON",
        ),
        _fact("cgroups", version != "none", version, _NEED_STEPS[Need.CGROUPS]),
        _fact("pressure", _CHECKS[Need.PRESSURE](host), str(host.proc / "pressure"), _NEED_STEPS[Need.PRESSURE]),
        _fact("kernel log", _CHECKS[Need.KERNEL_LOG](host), "/dev/kmsg", _NEED_STEPS[Need.KERNEL_LOG]),
    ]
    return [*facts, _examine_disk(config), *_examine_fleet(config.fleet), *_examine_election(config.election)]


def _examine_disk(config: RecorderConfig) -> NodeFact:
    place = config.data_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    space = os.statvfs(place)
    free = space.f_bavail * space.f_frsize
    needed = config.ring.max_bytes + config.ring.keep_free_bytes
    found = f"{format_bytes(free)} free at {place}, the ring may use {format_bytes(config.ring.max_bytes)}"
    return _fact("disk", free >= needed, found, "free space, or lower ring.max_bytes or ring.keep_free_bytes")


def _examine_fleet(config: FleetConfig) -> Iterator[NodeFact]:
    """Whether Captures can be listed; nothing if this node does not take part."""
    if not config.enabled:
        return
    namespace = choose_namespace(config.namespace)
    try:
        reply = CaptureApi(ApiClient(lambda: load_access(config.kubeconfig)), namespace).list_one()
    except UnavailableError as error:
        yield _fact("captures", False, f"namespace {namespace}: {error}", _FLEET_STEP)
        return
    told = "can be listed" if reply.status == 200 else f"the API server returned {reply.status} to the list of them"
    yield _fact("captures", reply.status == 200, f"namespace {namespace}: {told}", _FLEET_STEP)


def _examine_election(config: ElectionConfig) -> Iterator[NodeFact]:
    """Whether the Lease can be listed, and who holds it; nothing if this node does not stand for election."""
    if not config.enabled:
        return
    namespace = choose_namespace(config.namespace)
    try:
        reply = LeaseApi(ApiClient(lambda: load_access(config.kubeconfig)), namespace).list_one()
    except UnavailableError as error:
        yield _fact("election", False, f"namespace {namespace}: {error}", _ELECTION_STEP)
        return
    if reply.status != 200:
        told = f"the API server returned {reply.status} to the list of the Lease"
    else:
        leases = [seen for raw in items(reply.content, "items") if (seen := read_lease(raw)) is not None]
        holder = leases[0].holder if leases else ""
        told = f"the recorder of {holder} leads" if holder else "no recorder leads yet"
    yield _fact("election", reply.status == 200, f"namespace {namespace}: {told}", _ELECTION_STEP)


def _fact(what: str, is_good: bool, found: str, next_step: str) -> NodeFact:
    return NodeFact(what, is_good, found, "" if is_good else next_step)


def _read_capabilities(host: HostConfig) -> set[str]:
    for line in read_text(host.proc / "self/status").splitlines():
        if line.startswith("CapEff:"):
            mask = int(line.split()[1], 16)
            return {name for name, bit in _CAPABILITIES.items() if mask >> bit & 1}
    return set()


def _may_load_programs(held: set[str]) -> bool:
    return "CAP_SYS_ADMIN" in held or {"CAP_BPF", "CAP_PERFMON"} <= held


def _has_tracefs(host: HostConfig) -> bool:
    return (host.sysfs / "kernel/tracing/events").is_dir()


def _has_bpf(host: HostConfig) -> bool:
    bcc = importlib.util.find_spec("bcc") is not None
    return bcc and _has_tracefs(host) and _may_load_programs(_read_capabilities(host))


def _has_kernel_log(_: HostConfig) -> bool:
    try:
        os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _has_cgroups(host: HostConfig) -> bool:
    hierarchies = find_hierarchies(host.sysfs)
    return "memory" in hierarchies.v1 or hierarchies.unified is not None


def _hears_of_pods(_: HostConfig) -> bool:
    try:
        open_hearing(4096, all_namespaces=True).close()
    except OSError:
        return False
    return True


def _has_kubernetes(_: HostConfig) -> bool:
    named = os.environ.get("KUBECONFIG", "") or str(Path.home() / ".kube/config")
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(Path(path).is_file() for path in named.split(":"))


_FLEET_STEP = (
    "apply deploy/kubernetes/base, which has the kind Capture and the role; until then this node records alone"
)
_ELECTION_STEP = (
    "apply deploy/kubernetes/base, whose role allows the Lease; until then every recorder records what is cluster-wide"
)
_CHECKS: dict[Need, Callable[[HostConfig], bool]] = {
    Need.BPF: _has_bpf,
    Need.KERNEL_LOG: _has_kernel_log,
    Need.CGROUPS: _has_cgroups,
    Need.PRESSURE: lambda host: (host.proc / "pressure/cpu").exists(),
    Need.PROC: lambda host: (host.proc / "1/stat").exists(),
    Need.CONTAINER_RUNTIME: lambda _: True,  # where it is is an option of its source, and opening that tells more
    Need.KUBELET: lambda _: True,
    Need.SYSTEM_BUS: lambda _: True,  # as above
    Need.JOURNAL: lambda _: True,  # as above
    Need.NETLINK: _hears_of_pods,
    Need.KUBERNETES: _has_kubernetes,
}
_NEED_STEPS: dict[Need, str] = {
    Need.BPF: "install python3-bpfcc, mount tracefs (`doctor --fix`), run with CAP_BPF and CAP_PERFMON",
    Need.KERNEL_LOG: "give the recorder access to /dev/kmsg and CAP_SYSLOG",
    Need.CGROUPS: "mount the host's /sys/fs/cgroup into the recorder's container",
    Need.PRESSURE: "boot with `psi=1`; it needs Linux 4.20 or later with CONFIG_PSI",
    Need.PROC: "run with hostPID and the host's /proc",
    Need.CONTAINER_RUNTIME: "mount the directory of the runtime's socket, or set `socket` of the source `container`",
    Need.KUBELET: "let the recorder get nodes/stats and nodes/metrics, or set `address` of the source",
    Need.SYSTEM_BUS: "mount the host's /run into the recorder's container",
    Need.JOURNAL: "mount the host's /var/log and /run into the recorder's container",
    Need.NETLINK: "run with hostNetwork, CAP_NET_BROADCAST and CAP_NET_ADMIN, and allow AF_NETLINK sockets",
    Need.KUBERNETES: "provide a kubeconfig, or a service account with the verbs list and watch",
}
