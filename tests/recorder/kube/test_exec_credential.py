"""Promises of exec plugins: what a plugin is given, which credential is taken from it, and what is said when it fails."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import pytest

from formats.errors import UnavailableError
from recorder.kube import exec_credential
from recorder.kube.exec_credential import run_exec_plugin

CLUSTER = {
    "server": "https://cluster.example:6443",
    "tls-server-name": "api",
    "proxy-url": "http://proxy.example",
}


def run(code: str, *arguments: Any, cluster: dict[str, Any] | None = None, **plugin: Any) -> dict[str, Any]:
    """Runs Python code as the plugin of a kubeconfig `k`, with one inherited variable."""
    spec = {"command": sys.executable, "args": ["-c", code, *arguments], **plugin}
    return run_exec_plugin(spec, CLUSTER if cluster is None else cluster, {"INHERITED": "yes"}, where="k")


def answer(status: object) -> str:
    """Code of a plugin that prints this status."""
    return f"print({json.dumps({'kind': 'ExecCredential', 'status': status})!r})"


def told(expression: str) -> str:
    """Code of a plugin whose token is what it was given, as JSON."""
    return f"import json, os, sys; print(json.dumps({{'status': {{'token': json.dumps({expression})}}}}))"


def test_token_is_the_credential() -> None:
    assert run(answer({"token": "secret"})) == {
        "token": "secret",
        "client-certificate-data": None,
        "client-key-data": None,
    }


def test_certificate_and_key_are_encoded_as_a_kubeconfig_has_them() -> None:
    found = run(answer({"clientCertificateData": "PEM certificate", "clientKeyData": "PEM key"}))
    assert base64.b64decode(found["client-certificate-data"]) == b"PEM certificate"
    assert base64.b64decode(found["client-key-data"]) == b"PEM key"


def test_plugin_is_given_its_arguments_as_texts() -> None:
    assert json.loads(run(told("sys.argv[1:]"), "get-token", 7)["token"]) == ["get-token", "7"]


def test_plugin_inherits_the_environment_and_its_own_variables_win() -> None:
    env = [{"name": "ROLE", "value": "reader"}, {"name": "EMPTY"}, {"value": "without a name"}, "not an entry"]
    given = json.loads(run(told("dict(os.environ)"), env=env)["token"])
    assert (given["INHERITED"], given["ROLE"], given["EMPTY"]) == ("yes", "reader", "")
    again = json.loads(run(told("dict(os.environ)"), env=[{"name": "INHERITED", "value": "no"}])["token"])
    assert again["INHERITED"] == "no"


def test_plugin_is_told_the_cluster_only_if_it_asks_for_it() -> None:
    # GIVEN a plugin that prints KUBERNETES_EXEC_INFO
    code = told("json.loads(os.environ['KUBERNETES_EXEC_INFO'])")
    # WHEN it wants to know the cluster THEN it is told the fields that the API defines, and no others
    info = json.loads(run(code, apiVersion="client.authentication.k8s.io/v1", provideClusterInfo=True)["token"])
    assert info == {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "spec": {"interactive": False, "cluster": {"server": CLUSTER["server"], "tls-server-name": "api"}},
    }
    # AND else it is not told
    assert json.loads(run(code)["token"])["spec"] == {"interactive": False}


def test_plugin_has_no_terminal_to_wait_for() -> None:
    assert json.loads(run(told("sys.stdin.read()"))["token"]) == ""


def test_plugin_that_fails_is_reported_with_the_last_line_that_it_printed() -> None:
    code = "import sys; print('first', file=sys.stderr); print('x' * 300, file=sys.stderr); sys.exit(3)"
    with pytest.raises(UnavailableError) as error:
        run(code)
    assert f"exited with code 3 ({'x' * 200})" in str(error.value)
    assert "first" not in str(error.value)
    assert "run the plugin manually" in str(error.value)


def test_plugin_that_does_not_return_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_credential, "TIMEOUT_S", 0.2)
    with pytest.raises(UnavailableError, match=r"cannot be run .*timed out"):
        run("import signal; signal.pause()")


@pytest.mark.parametrize("plugin", [{}, {"command": 7}, {"command": "true", "args": "not a list"}])
def test_plugin_without_a_command_is_refused(plugin: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError, match="the exec plugin has no command"):
        run_exec_plugin(plugin, CLUSTER, {}, where="k")


@pytest.mark.parametrize("command", ["/nonexistent/plugin", "a\0b"])
def test_plugin_that_is_not_a_program_is_reported(command: str) -> None:
    with pytest.raises(UnavailableError, match="cannot be run"):
        run_exec_plugin({"command": command}, CLUSTER, {}, where="k")


@pytest.mark.parametrize(
    "printed", ["", "not JSON", "[]", "{}", '{"status": null}', '{"status": "x"}', b"\xff\xfe".decode("latin-1")]
)
def test_output_that_is_not_a_credential_is_refused(printed: str) -> None:
    with pytest.raises(UnavailableError, match="printed no ExecCredential"):
        run(f"import sys; sys.stdout.buffer.write({printed.encode('latin-1')!r})")


@pytest.mark.parametrize("status", [{}, {"token": ""}, {"clientKeyData": "key alone"}])
def test_credential_that_lets_no_one_in_is_refused(status: dict[str, str]) -> None:
    with pytest.raises(UnavailableError, match="printed neither token nor certificate"):
        run(answer(status))
