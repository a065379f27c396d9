"""What the commands of `tapio fleet` share: the options that name a cluster, and its recorders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from analyzer.fleet.kubernetes_cluster import KubernetesCluster
from analyzer.fleet.recorders import Cluster, RecorderPod
from formats.errors import MissingInputError, UsageError
from formats.units import parse_duration


def connect(namespace: str, kubeconfig: str | None, context: str | None) -> Cluster:
    """The cluster that the options name."""
    return KubernetesCluster(namespace, kubeconfig, context)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name a cluster."""
    for option in (
        click.option("--context", "kube_context", help="Context of the kubeconfig. Default: the current one."),
        click.option("--kubeconfig", help="Path of the kubeconfig. Default: as kubectl."),
        click.option("-n", "--namespace", default="tapio", help="Namespace of the recorders. Default: tapio."),
    ):
        command = option(command)
    return command


def find_recorders(cluster: Cluster, nodes: tuple[str, ...] = ()) -> list[RecorderPod]:
    """The recorders of these nodes, or of all.

    Raises:
        MissingInputError: there are none, or a node has none.
    """
    recorders = cluster.list_recorders()
    if not recorders:
        raise MissingInputError(
            "there are no recorders",
            where=f"namespace {cluster.namespace}",
            next_step="install them with `tapio fleet install`",
        )
    unknown = sorted(set(nodes) - {pod.node for pod in recorders})
    if unknown:
        raise MissingInputError(
            "the node has no recorder", where=unknown[0], next_step="`tapio fleet status` lists those that have"
        )
    return [pod for pod in recorders if not nodes or pod.node in nodes]


def duration_option(option: str, told: str | None) -> int | None:
    """Nanoseconds of a duration; None if it is not given."""
    if told is None:
        return None
    try:
        return parse_duration(told)
    except ValueError as error:
        raise UsageError(str(error), where=option) from None
