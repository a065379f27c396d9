"""HTTPS with the kubelet of this node: where it is, how to be let in, and its answers, bounded in size."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from formats.errors import ConfigurationError, UnavailableError
from recorder.host_files import find_on_host
from recorder.kube.api_client import ApiClient, Stream
from recorder.kube.cluster_access import ClusterAccess, load_access
from recorder.source import SourceContext

PORT = 10250
OWN_CERTIFICATE = "/var/lib/kubelet/pki/kubelet.crt"
"""Where a kubelet puts the certificate that it made for itself, if nobody gave it one that the cluster signed."""
ANSWER_BYTES = 32 << 20
"""Largest answer that is read. Why: 500 pods make 2 MiB of `/stats/summary`, and 1 MiB of metrics."""
KEPT_BYTES = 8 << 20
"""Most that is kept of an answer of which only some lines are wanted."""
_LINE_BYTES = 64 << 10
_NODE_IP = "NODE_IP"


class KubeletClient:
    """Asks the kubelet of this node.

    Args:
        context: of the source; options `address`, `kubeconfig`, `ca_file` and `timeout_s`.
        environment: has the node's address and that of the API server in a pod.

    Raises:
        ConfigurationError: the option `address` is not one.
        UnavailableError: there are no credentials.
    """

    def __init__(self, context: SourceContext, environment: Mapping[str, str] = os.environ) -> None:
        options = context.options
        host, port = find_kubelet(str(options["address"]), environment)
        own_certificates = [Path(str(options["ca_file"]))] if options["ca_file"] else []
        if not own_certificates:
            own_certificates = [*find_on_host(OWN_CERTIFICATE, context.proc)]

        def load() -> ClusterAccess:
            access = load_access(str(options["kubeconfig"]), environment)
            if access.tls is None:
                raise UnavailableError(
                    "the kubelet is asked over TLS only, and these credentials are for plain HTTP",
                    where=access.address,
                    next_step="set the option `kubeconfig` of the source to a file whose server begins with https",
                )
            for path in own_certificates:
                _trust(access.tls, path, is_configured=bool(options["ca_file"]))
            # The certificate names the node; few name 127.0.0.1.
            return replace(access, host=host, port=port, path_prefix="", tls_server_name=context.node_name)

        self._client = ApiClient(load, "the kubelet")
        self._timeout_s = float(options["timeout_s"])

    def get(self, path: str, wanted: Sequence[str] = ()) -> bytes:
        """An answer of the kubelet.

        Args:
            path: of its API.
            wanted: only lines that begin with one of these; empty: all of it.

        Raises:
            UnavailableError: it cannot be reached, refuses, or sends too much.
        """
        with self._client.stream(path, {}, timeout_s=self._timeout_s, accept="*/*") as stream:
            if stream.status != 200:
                raise self._refused(path, stream.status)
            if wanted:
                return _keep_lines(stream, tuple(word.encode() for word in wanted), self._client.address)
            return stream.body(ANSWER_BYTES)

    def _refused(self, path: str, status: int) -> UnavailableError:
        resource = "nodes/stats" if path.startswith("/stats") else "nodes/metrics"
        steps = {
            401: "let the kubelet accept these credentials: `authentication.webhook.enabled` of its configuration",
            403: f"allow the verb get on {resource}: deploy/kubernetes/base/rbac.yaml",
            404: "switch the source off in the configuration: this kubelet does not serve it",
        }
        return UnavailableError(
            f"the kubelet returned {status} to {path}",
            where=self._client.address,
            next_step=steps.get(status, "see the kubelet's log"),
        )


def _keep_lines(stream: Stream, wanted: tuple[bytes, ...], address: str) -> bytes:
    """The lines that begin with one of `wanted`, however large the answer is; a line without an end is none."""
    kept = bytearray()
    rest = b""
    for piece in stream.pieces(ANSWER_BYTES):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(wanted) and len(line) <= _LINE_BYTES:
                kept += line + b"\n"
        # What is longer than a line may be is dropped, and the end of it does not begin like a line that is wanted.
        rest = rest if len(rest) <= _LINE_BYTES else b"#"
        if len(kept) > KEPT_BYTES:
            raise UnavailableError(
                f"the response of the kubelet has more than {KEPT_BYTES:,} bytes of what is read",
                where=address,
                next_step="switch the source off in the configuration",
            )
    return bytes(kept)


def _trust(tls: ssl.SSLContext, path: Path, *, is_configured: bool) -> None:
    """Trust what the node's own file says is the kubelet's; the cluster's authority is trusted anyway."""
    try:
        tls.load_verify_locations(cafile=str(path))
    except OSError as error:  # ssl.SSLError is one
        if is_configured:
            raise UnavailableError(
                f"the certificates of the option `ca_file` cannot be read ({error.strerror or error})",
                where=str(path),
                next_step="give a file of certificates in PEM form that the recorder can read",
            ) from error


def find_kubelet(configured: str, environment: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of the kubelet of this node.

    Args:
        configured: host, or host and port; empty: the node's address, or loopback.
        environment: has the node's address in a pod.

    Raises:
        ConfigurationError: what is configured is no address.
    """
    text = configured or environment.get(_NODE_IP, "") or "127.0.0.1"
    bare = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    try:
        parts = urlsplit(f"//{bare}")
        if parts.hostname and bare == parts.netloc and parts.username is None:
            return parts.hostname, parts.port or PORT
    except ValueError:
        pass
    raise ConfigurationError(
        "the address of the kubelet must be a host, or a host and a port",
        where=text,
        next_step="write an address such as 10.0.0.5 or 10.0.0.5:10250, or leave it out",
    )
