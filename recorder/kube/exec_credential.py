"""Exec plugins of kubeconfigs: a program of the user that prints a credential.

Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from formats.errors import UnavailableError

TIMEOUT_S = 30
_CLUSTER_FIELDS = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "config")


def run_exec_plugin(
    plugin: Mapping[str, Any], cluster: Mapping[str, Any], environment: Mapping[str, str], *, where: str
) -> dict[str, Any]:
    """The credential, under the names that a kubeconfig's user has for it: `token` or client certificate and key.

    Args:
        plugin: `exec` of the user: command, args, env, apiVersion, provideClusterInfo.
        cluster: of the kubeconfig, for a plugin that wants to know it.
        environment: what the plugin inherits.
        where: the kubeconfig, for messages.

    Raises:
        UnavailableError: it cannot be run, fails, or prints no credential.
    """
    command = plugin.get("command")
    arguments = plugin.get("args") or []
    if not isinstance(command, str) or not isinstance(arguments, list):
        raise _failed("the exec plugin has no command", where)
    try:
        done = subprocess.run(
            [command, *(str(argument) for argument in arguments)],
            env=_environment(plugin, cluster, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise _failed(f"the exec plugin {command!r} cannot be run ({error})", where) from error
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        raise _failed(f"the exec plugin {command!r} exited with code {done.returncode} ({last})", where)
    try:
        status = json.loads(done.stdout)["status"]
        credential = {
            "token": status.get("token"),
            # A kubeconfig has base64 of PEM where a plugin prints PEM.
            "client-certificate-data": _base64(status.get("clientCertificateData")),
            "client-key-data": _base64(status.get("clientKeyData")),
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _failed(f"the exec plugin {command!r} printed no ExecCredential", where) from error
    if not credential["token"] and not credential["client-certificate-data"]:
        raise _failed(f"the exec plugin {command!r} printed neither token nor certificate", where)
    return credential


def _environment(
    plugin: Mapping[str, Any], cluster: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo") is True:
        spec["cluster"] = {name: cluster[name] for name in _CLUSTER_FIELDS if name in cluster}
    info = {"kind": "ExecCredential", "apiVersion": plugin.get("apiVersion"), "spec": spec}
    given = plugin.get("env")
    added = {
        str(entry["name"]): str(entry.get("value", ""))
        for entry in (given if isinstance(given, list) else ())
        if isinstance(entry, dict) and "name" in entry
    }
    return {**environment, **added, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _base64(pem: object) -> str | None:
    return base64.b64encode(pem.encode()).decode() if isinstance(pem, str) and pem else None


def _failed(problem: str, where: str) -> UnavailableError:
    return UnavailableError(problem, where=where, next_step="run the plugin manually; it must work without a terminal")
