"""The ports that objects and listening sockets declare: those alone stay where a person wrote a number."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from analyzer.sharing.collecting import Collector
from analyzer.sharing.kubernetes_json import is_defined_kind

_CONTENT = "k8s.object.content"
_LISTENED = "network.local.port"
_PEER = "network.peer.port"
_DECLARED = re.compile(r'"(?:containerPort|hostPort|nodePort|port|targetPort)":"?([0-9]{1,5})(?![0-9])')
"""In canonical JSON; a field that is called so in a custom resource is none of Kubernetes' and must not count."""


def collect_ports(batch: pa.RecordBatch, collector: Collector) -> None:
    """Remembers the ports of one batch of a table that has some.

    Args:
        batch: of any table; of `kube_object` the declared ports are read, of `socket_state` those that are listened on.
        collector: what remembers them.
    """
    names = set(batch.schema.names)
    if _CONTENT in names:
        described = (batch.column(name) for name in (_CONTENT, "k8s.object.kind", "k8s.object.api_version"))
        for text, kind, api_version in zip(*(column.to_pylist() for column in described), strict=True):
            if text is not None and is_defined_kind(kind, api_version):
                for port in _DECLARED.findall(text):
                    collector.declare_port(int(port))
    elif _LISTENED in names and _PEER not in names:
        for port in pc.unique(batch.column(_LISTENED)).to_pylist():
            if port is not None:
                collector.declare_port(port)
