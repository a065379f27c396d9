"""A kubelet that answers what a test says, over TLS. `tests/cluster` runs the same sources against a real one."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fixtures.lab.api_server.certificates import make_certificates
from recorder.linux.clocks import read_boot_time_ns
from recorder.source import SourceContext

TOKEN = "the-token"
UID = "65a6e55d-b724-4ec3-8525-4d21ee11553c"
DISK = 100 << 30
Json = dict[str, Any]


class FakeKubelet:
    """A server whose certificate names `localhost`, as that of a kubelet names its node.

    Args:
        directory: gets the certificates and the kubeconfig.

    Attributes:
        answers: body by path; a number is sent as the status.
        asked: the paths that were asked for.
    """

    def __init__(self, directory: Path) -> None:
        made = make_certificates(directory)
        self.answers: dict[str, bytes | int] = {}
        self.asked: list[str] = []
        self.authority = made.authority
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(made.certificate, made.key)
        kubelet = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kubelet.asked.append(self.path)
                answer = kubelet.answers.get(self.path, 404)
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    answer = 401
                body = answer if isinstance(answer, bytes) else b""
                self.send_response(200 if isinstance(answer, bytes) else answer)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.kubeconfig = self.write_kubeconfig(directory / "kubeconfig")
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def write_kubeconfig(self, path: Path, *, authority: Path | None = None, token: str = TOKEN) -> Path:
        """Credentials for an API server, which are those for the kubelet, too."""
        cluster = {"server": "https://192.0.2.1:6443", "certificate-authority": str(authority or self.authority)}
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
        path.write_text(json.dumps(config))
        return path

    def context(self, options: Mapping[str, Any], *, node_name: str = "localhost", **given: Any) -> SourceContext:
        """What a source is opened with that asks this kubelet."""
        chosen = {**options, "address": self.address, "kubeconfig": str(self.kubeconfig), "interval_s": 0.01, **given}
        proc = Path(chosen.pop("proc", "/nowhere/proc"))
        return SourceContext(node_name=node_name, options=chosen, boot_time_ns=read_boot_time_ns, proc=proc)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def usage(used: int | None, **more: int) -> Json:
    """A part of the node's disk, as the kubelet tells it."""
    figures = {"availableBytes": DISK // 2, "capacityBytes": DISK, "inodes": 1000, "inodesFree": 500, "inodesUsed": 7}
    return {"time": "2026-11-22T10:00:00Z", **figures, "usedBytes": used, **more}


def summary(**pod: Any) -> bytes:
    """An answer of `/stats/summary` about one Pod."""
    reference = {"name": "store-0", "namespace": "shop", "uid": UID}
    node = {
        "nodeName": "n",
        "cpu": {"usageNanoCores": 1},
        "fs": usage(DISK // 2),
        "runtime": {"imageFs": usage(5 << 30)},
    }
    return json.dumps({"node": node, "pods": [{"podRef": reference, "cpu": {}, **pod}]}).encode()


def probe_line(result: str, count: float, kind: str = "Liveness", **labels: str) -> str:
    """A line of `/metrics/probes`."""
    named = {"container": "store", "namespace": "shop", "pod": "store-0", "pod_uid": UID, "probe_type": kind, **labels}
    written = ",".join(f'{name}="{value}"' for name, value in {**named, "result": result}.items())
    return f"prober_probe_total{{{written}}} {count}\n"
