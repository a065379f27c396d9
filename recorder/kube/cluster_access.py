"""Where the API server is and how to be let in: a kubeconfig, or the service account of a pod.

Why not the official client: importing its configuration alone costs 35 MB of resident memory (measured with version
37.0.2), a quarter of the whole recorder's budget; this, `http.client` and `ssl` together cost 11 MB.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from formats import limits
from formats.errors import UnavailableError
from recorder.kube.exec_credential import run_exec_plugin

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER = "in-cluster"


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """What a connection to an API server needs.

    Attributes:
        host: name or address.
        port: TCP port.
        path_prefix: what comes before `/api` in every path; empty as a rule.
        tls: None for plain HTTP (`kubectl proxy`).
        tls_server_name: name in the server's certificate if it is not `host`; None otherwise.
        token: bearer token; None if it is in a file or there is none.
        token_file: file with the bearer token, read for every request as kubelets rotate it; None if there is none.
        basic: base64 of user:password; None if not used.
    """

    host: str
    port: int
    path_prefix: str
    tls: ssl.SSLContext | None
    tls_server_name: str | None = None
    token: str | None = None
    token_file: Path | None = None
    basic: str | None = None

    @property
    def address(self) -> str:
        """URL of the API server, for messages."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{self.path_prefix}"

    def authorization(self) -> str | None:
        """Value of the Authorization header, as of now; None if there is none.

        Raises:
            UnavailableError: the token file cannot be read.
        """
        if self.token_file is not None:
            return f"Bearer {_read(self.token_file, 'token file').decode('latin-1').strip()}"
        if self.token is not None:
            return f"Bearer {self.token}"
        return f"Basic {self.basic}" if self.basic is not None else None


def load_access(kubeconfig: str, environment: Mapping[str, str] = os.environ) -> ClusterAccess:
    """How to reach the cluster that a kubeconfig's current context names.

    Args:
        kubeconfig: path; `in-cluster` for the service account of the pod; empty for that in a pod, and elsewhere for
            what kubectl would take: `KUBECONFIG` (the first file of it that exists), or `~/.kube/config`.
        environment: has the address of the API server in a pod; exec plugins get it.

    Raises:
        UnavailableError: says what is missing in which file.
    """
    if kubeconfig == IN_CLUSTER or (not kubeconfig and "KUBERNETES_SERVICE_HOST" in environment):
        return _in_cluster(environment)
    path = Path(kubeconfig) if kubeconfig else _find_kubeconfig(environment)
    cluster, user = _current_context(path)
    server = urlsplit(_text(cluster, "server"))
    if server.scheme not in ("http", "https") or not server.hostname:
        raise _wrong("the cluster has no `server` such as https://host:6443", path)
    if cluster.get("proxy-url"):
        raise _wrong("the cluster requires a proxy (`proxy-url`), which the recorder does not support", path)
    credential = user
    if isinstance(user.get("exec"), dict):
        credential = run_exec_plugin(user["exec"], cluster, environment, where=str(path))
    tls = _tls_context(cluster, credential, path) if server.scheme == "https" else None
    token_file = _text(credential, "tokenFile")
    return ClusterAccess(
        host=server.hostname,
        port=server.port or (443 if tls else 80),
        path_prefix=server.path.rstrip("/"),
        tls=tls,
        tls_server_name=_text(cluster, "tls-server-name") or None,
        token=_text(credential, "token") or _provider_token(user, path),
        token_file=path.parent / token_file if token_file else None,
        basic=_basic(credential),
    )


def _find_kubeconfig(environment: Mapping[str, str]) -> Path:
    named = [Path(name) for name in environment.get("KUBECONFIG", "").split(":") if name]
    home = Path(environment.get("HOME", "/")) / ".kube/config"
    for path in (*named, home):
        if path.is_file():
            return path
    raise UnavailableError(
        "no kubeconfig found, and no service account of a pod",
        where=str(named[0] if named else home),
        next_step="set the option `kubeconfig` of the source to a file with permission to list and watch",
    )


def _in_cluster(environment: Mapping[str, str]) -> ClusterAccess:
    host = environment.get("KUBERNETES_SERVICE_HOST")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    token_file = SERVICE_ACCOUNT / "token"
    if not host or not port.isdigit() or not token_file.exists():
        raise UnavailableError(
            "no service account of a pod found",
            where=str(SERVICE_ACCOUNT),
            next_step="set the option `kubeconfig` of the source to a file with permission to list and watch",
        )
    tls = ssl.create_default_context(cafile=str(SERVICE_ACCOUNT / "ca.crt"))
    return ClusterAccess(host, int(port), "", tls, token_file=token_file)


def _current_context(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cluster and user of the current context."""
    raw = _read(path, "kubeconfig")
    try:
        config = yaml.safe_load(raw) if len(raw) <= limits.YAML_BYTES else None
    except (yaml.YAMLError, RecursionError) as error:
        raise _wrong("the kubeconfig is not valid YAML", path) from error
    if not isinstance(config, dict):
        raise _wrong("the kubeconfig is not a mapping", path)
    context = _named(config, "contexts", "context", _text(config, "current-context"), path)
    return (
        _named(config, "clusters", "cluster", _text(context, "cluster"), path),
        _named(config, "users", "user", _text(context, "user"), path) if _text(context, "user") else {},
    )


def _named(config: dict[str, Any], listed: str, inner: str, name: str, path: Path) -> dict[str, Any]:
    entries = config.get(listed)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(inner), dict):
            found: dict[str, Any] = entry[inner]
            return found
    raise _wrong(f"`{listed}` has no {name!r}, which the current context requires", path)


def _tls_context(cluster: dict[str, Any], user: dict[str, Any], path: Path) -> ssl.SSLContext:
    authority_file = _text(cluster, "certificate-authority")
    authority = _data(cluster, "certificate-authority-data", path)
    try:
        if authority:
            context = ssl.create_default_context(cadata=authority.decode("ascii"))
        else:
            cafile = str(path.parent / authority_file) if authority_file else None
            context = ssl.create_default_context(cafile=cafile)
    except (OSError, ValueError) as error:
        raise _wrong(f"the certificate authority cannot be used ({error})", path) from error
    if cluster.get("insecure-skip-tls-verify") is True:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = _data(user, "client-certificate-data", path) or _file(user, "client-certificate", path)
    key = _data(user, "client-key-data", path) or _file(user, "client-key", path)
    if certificate and key:
        _load_certificate(context, certificate, key, path)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes, path: Path) -> None:
    """OpenSSL reads keys from files only: one in memory, so that no key is written to a disk."""
    fd = os.memfd_create("kube-client-key", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(certificate.rstrip() + b"\n" + key)
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    except OSError as error:  # ssl.SSLError is one
        raise _wrong(f"the client certificate cannot be used ({error})", path) from error
    finally:
        os.close(fd)


def _provider_token(user: dict[str, Any], path: Path) -> str | None:
    provider = user.get("auth-provider")
    if not isinstance(provider, dict):
        return None
    config = provider.get("config")
    token = _text(config, "id-token") if isinstance(config, dict) else ""
    if not token:
        raise _wrong(f"the auth provider {_text(provider, 'name')!r} is not supported by the recorder", path)
    return token


def _basic(user: dict[str, Any]) -> str | None:
    name, password = _text(user, "username"), _text(user, "password")
    return base64.b64encode(f"{name}:{password}".encode()).decode() if name and password else None


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def _data(content: Mapping[str, Any], name: str, path: Path) -> bytes:
    try:
        return base64.b64decode(_text(content, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong(f"`{name}` is not valid base64", path) from error


def _file(content: Mapping[str, Any], name: str, path: Path) -> bytes:
    given = _text(content, name)
    return _read(path.parent / given, name) if given else b""


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnavailableError(
            f"the {what} cannot be read ({error.strerror})",
            where=str(path),
            next_step="give an existing file that the recorder can read",
        ) from error


def _wrong(problem: str, path: Path) -> UnavailableError:
    return UnavailableError(problem, where=str(path), next_step="check it with `kubectl --kubeconfig`")
