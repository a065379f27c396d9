"""Source `health`: whether what every pod of the node depends on answers the recorder, too."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from formats.errors import UnavailableError
from formats.loss import LossReason
from formats.tables import health
from recorder.conversation_source import ConversationSource
from recorder.health.checks import Check, DiskCheck, NameServerCheck, ServerCheck, is_ip_address
from recorder.health.conversation import HealthConversation
from recorder.kube.cluster_access import load_access
from recorder.kubelet.kubelet_client import find_kubelet
from recorder.row_queue import ColumnsRow, RowQueue
from recorder.source import Profile, SourceContext, SourceSpec

API_SERVER_EVERY = 5
"""Intervals between two connections to the API server. Why: 200 nodes that ask every minute would make 3 a second."""


class HealthSource(ConversationSource):
    """Connects to the API server and to the kubelet, asks the name servers, and writes to the disk of the recorder."""

    spec = SourceSpec(
        table=health.TABLE,
        needs=(),
        profile=Profile.DEFAULT,
        cost="1.6 ms of CPU per interval of 60 s: 1.4 ms for a TLS handshake; one with the API server in 5 min",
        loss_reasons=(LossReason.QUEUE_FULL,),
        shed_order=54,
        fallback="without credentials for a cluster, only the disk is checked",
        options={
            "interval_s": 60,
            "timeout_s": 5,
            "kubeconfig": "",
            "kubelet_address": "",
            "resolv_conf": "/etc/resolv.conf",
        },
    )
    queue_bytes = 256 << 10

    def converse(self, context: SourceContext, queue: RowQueue[ColumnsRow]) -> HealthConversation:
        """With everything that there is to check.

        Raises:
            ConfigurationError: the option `kubelet_address` is no address.
        """
        return HealthConversation([*find_checks(context, os.environ)], queue, context)


def find_checks(context: SourceContext, environment: Mapping[str, str]) -> Iterator[Check]:
    """What can be checked on this node.

    Args:
        context: of the source; options `kubeconfig`, `kubelet_address` and `resolv_conf`.
        environment: has the addresses of the API server and of the node in a pod.

    Raises:
        ConfigurationError: the option `kubelet_address` is no address.
    """
    options = context.options
    try:
        access = load_access(str(options["kubeconfig"]), environment)
    except UnavailableError:
        access = None
    if access is not None and access.tls is not None:
        yield ServerCheck("api_server", access.host, access.port, access.tls_server_name, every=API_SERVER_EVERY)
        host, port = find_kubelet(str(options["kubelet_address"]), environment)
        yield ServerCheck("kubelet", host, port, context.node_name)
    yield from _find_name_servers(Path(str(options["resolv_conf"])))
    if context.state_directory is not None:
        yield DiskCheck(context.state_directory)


def _find_name_servers(resolv_conf: Path) -> Iterator[Check]:
    """Those that the cluster gave the recorder's pod, as every pod. Others are none of its business."""
    try:
        lines = [line.split() for line in resolv_conf.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return
    searched = [word.rstrip(".") for words in lines if words[:1] == ["search"] for word in words[1:]]
    of_services = [word for word in searched if word.startswith("svc.") and word.isascii()]
    for words in lines:
        if of_services and words[:1] == ["nameserver"] and len(words) > 1 and is_ip_address(words[1]):
            yield NameServerCheck(words[1], f"kubernetes.default.{of_services[0]}")
