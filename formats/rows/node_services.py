"""What a unit of systemd does for its node, by its name: a table. To follow another unit is to add it here."""

from __future__ import annotations

from fnmatch import fnmatchcase

ROLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kubelet", ("kubelet*", "snap.kubelet*")),
    # One process that is the kubelet, the container runtime and kube-proxy of its node.
    ("node_agent", ("k3s*", "rke2-*", "k0s*", "snap.microk8s.daemon-kubelite")),
    (
        "container_runtime",
        ("containerd*", "crio*", "cri-o*", "docker", "cri-docker*", "snap.microk8s.daemon-containerd"),
    ),
    ("proxy", ("kube-proxy*",)),
    ("network", ("flanneld*", "calico*", "cilium*", "weave*", "ovs-vswitchd")),
    ("host_network", ("systemd-networkd", "NetworkManager", "networking", "systemd-resolved", "firewalld", "nftables")),
    ("clock", ("chronyd", "chrony", "systemd-timesyncd", "ntpd", "ntpsec")),
    ("storage", ("iscsid", "multipathd", "rpc-statd", "rpcbind")),
    ("device", ("nvidia-persistenced", "nvidia-fabricmanager")),
    ("etcd", ("etcd*",)),
    ("control_plane", ("kube-apiserver*", "kube-controller-manager*", "kube-scheduler*")),
    ("system", ("dbus", "dbus-broker", "systemd-journald", "systemd-logind", "systemd-udevd")),
)
"""Role and the names of its units without `.service`, as patterns of fnmatch; the first that fits."""

OTHER = "other"
"""The role of a unit that only the operator named."""

UNIT_PATTERNS = tuple(f"{pattern}.service" for _, patterns in ROLES for pattern in patterns)
"""The units that are followed if the operator names none."""

JOURNAL_UNITS = tuple(
    f"{name}.service"
    for name in (
        *(
            "kubelet",
            "snap.kubelet.daemon",
            "k3s",
            "k3s-agent",
            "rke2-server",
            "rke2-agent",
            "k0scontroller",
            "k0sworker",
        ),
        *(
            "snap.microk8s.daemon-kubelite",
            "snap.microk8s.daemon-containerd",
            "containerd",
            "crio",
            "docker",
            "cri-docker",
        ),
        *("kube-proxy", "flanneld", "calico-node", "ovs-vswitchd", "systemd-networkd", "NetworkManager"),
        *("systemd-resolved", "chronyd", "chrony", "systemd-timesyncd", "iscsid", "multipathd", "etcd"),
        *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    )
)
"""The units whose lines are read if the operator names none: a journal is asked for exact names."""


def find_role(unit: str) -> str:
    """What a unit does for its node."""
    for role, patterns in ROLES:
        if any(fnmatchcase(unit, f"{pattern}.service") for pattern in patterns):
            return role
    return OTHER
