"""Exec plugins of kubeconfigs: a program of the user that prints a credential.

Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from formats.errors import UnavailableError

TIMEOUT_S = 30
_CLUSTER_FIELDS = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data")
_CONFIG_EXTENSION = "client.authentication.k8s.io/exec"
"""Extension of a kubeconfig's cluster that is for the plugin alone."""


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
    if os.sep in command:
        command = str(
            Path(where).parent / command
        )  # as kubectl does, so that a kubeconfig can be moved with its plugin
    try:
        done = subprocess.run(
            [command, *(str(argument) for argument in arguments)],
            env=_environment(plugin, cluster, environment, where=where),
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
    plugin: Mapping[str, Any], cluster: Mapping[str, Any], environment: Mapping[str, str], *, where: str
) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo") is True:
        spec["cluster"] = _describe_cluster(cluster, where)
    info = {"kind": "ExecCredential", "apiVersion": plugin.get("apiVersion"), "spec": spec}
    given = plugin.get("env")
    added = {
        str(entry["name"]): str(entry.get("value", ""))
        for entry in (given if isinstance(given, list) else ())
        if isinstance(entry, dict) and "name" in entry
    }
    return {**environment, **added, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _describe_cluster(cluster: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The cluster as the plugin is told of it: the authority as data, and what is configured for the plugin."""
    described = {name: cluster[name] for name in _CLUSTER_FIELDS if name in cluster}
    authority = cluster.get("certificate-authority")
    if isinstance(authority, str) and authority and not described.get("certificate-authority-data"):
        try:
            described["certificate-authority-data"] = base64.b64encode(
                (Path(where).parent / authority).read_bytes()
            ).decode()
        except OSError as error:
            raise UnavailableError(
                f"the certificate authority cannot be read ({error.strerror})",
                where=str(Path(where).parent / authority),
                next_step="give an existing file that the recorder can read",
            ) from error
    extensions = cluster.get("extensions")
    for entry in extensions if isinstance(extensions, list) else ():
        if isinstance(entry, dict) and entry.get("name") == _CONFIG_EXTENSION:
            described["config"] = entry.get("extension")
    return described


def _base64(pem: object) -> str | None:
    return base64.b64encode(pem.encode()).decode() if isinstance(pem, str) and pem else None


def _failed(problem: str, where: str) -> UnavailableError:
    return UnavailableError(problem, where=where, next_step="run the plugin manually; it must work without a terminal")
