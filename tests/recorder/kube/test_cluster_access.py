"""Ways to be let in, and what is said when there is none."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys

import pytest

from formats.errors import UnavailableError
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from recorder.kube.digest_key import load_digest_key


def write_kubeconfig(path, user, *, server="https://127.0.0.1:6443", **cluster):
    path.write_text(
        json.dumps(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": server, **cluster}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return str(path)


def test_a_token_in_the_file(tmp_path):
    access = load_access(write_kubeconfig(tmp_path / "k", {"token": "secret"}, server="https://[::1]:7443/prefix/"))
    assert (access.host, access.port, access.path_prefix) == ("::1", 7443, "/prefix")
    assert access.authorization() == "Bearer secret"


def test_a_token_file_is_read_each_time_and_relative_to_the_kubeconfig(tmp_path):
    # GIVEN
    (tmp_path / "token").write_text("one\n")
    access = load_access(write_kubeconfig(tmp_path / "k", {"tokenFile": "token"}))
    assert access.authorization() == "Bearer one"

    # WHEN
    (tmp_path / "token").write_text("two\n")

    # THEN
    assert access.authorization() == "Bearer two"


def test_user_and_password(tmp_path):
    access = load_access(write_kubeconfig(tmp_path / "k", {"username": "u", "password": "p"}))
    assert access.authorization() == "Basic " + base64.b64encode(b"u:p").decode()


def test_an_exec_plugin_is_asked_and_told_about_the_cluster(tmp_path):
    # GIVEN a plugin that answers with what it was told
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import json, os, sys\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "token = f\"{sys.argv[1]}-{os.environ['ROLE']}-{info['spec']['cluster']['server']}\"\n"
        "print(json.dumps({'kind': 'ExecCredential', 'status': {'token': token}}))\n"
    )
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin), "a"],
            "env": [{"name": "ROLE", "value": "r"}],
            "provideClusterInfo": True,
        }
    }

    # THEN
    assert load_access(write_kubeconfig(tmp_path / "k", user)).authorization() == "Bearer a-r-https://127.0.0.1:6443"


def test_an_exec_plugin_is_found_beside_the_kubeconfig(tmp_path, monkeypatch):
    # GIVEN a plugin with a relative path, and a recorder that runs in another directory
    plugin = tmp_path / "cluster/bin/plugin"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(f'#!{sys.executable}\nprint(\'{{"status": {{"token": "secret"}}}}\')\n')
    plugin.chmod(0o755)
    kubeconfig = write_kubeconfig(tmp_path / "cluster/k", {"exec": {"command": "./bin/plugin"}})
    monkeypatch.chdir(tmp_path)

    # THEN the path begins at the kubeconfig, as for kubectl
    assert load_access(kubeconfig).authorization() == "Bearer secret"


def test_an_exec_plugin_gets_the_authority_as_data_and_its_own_configuration(tmp_path):
    # GIVEN a plugin that returns what it was told of the cluster
    code = (
        "import json, os; told = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['cluster'];"
        "print(json.dumps({'status': {'token': json.dumps(told, sort_keys=True)}}))"
    )
    user = {"exec": {"command": sys.executable, "args": ["-c", code], "provideClusterInfo": True}}
    (tmp_path / "ca.crt").write_bytes(b"PEM")

    # WHEN the authority is in a file, and the cluster has an extension for plugins beside another one
    extensions = [
        {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}},
        {"name": "other", "extension": {"audience": "b"}},
    ]
    server = "http://127.0.0.1:8001"
    cluster = {"certificate-authority": "ca.crt", "extensions": extensions}
    access = load_access(write_kubeconfig(tmp_path / "k", user, server=server, **cluster))

    # THEN
    assert json.loads((access.authorization() or "").removeprefix("Bearer ")) == {
        "certificate-authority-data": base64.b64encode(b"PEM").decode(),
        "config": {"audience": "a"},
        "server": server,
    }


def test_an_exec_plugin_that_asks_for_an_authority_that_is_not_there_is_not_run(tmp_path):
    user = {"exec": {"command": sys.executable, "args": ["-c", ""], "provideClusterInfo": True}}
    kubeconfig = write_kubeconfig(tmp_path / "k", user, **{"certificate-authority": "ca.crt"})
    with pytest.raises(UnavailableError, match="the certificate authority cannot be read"):
        load_access(kubeconfig)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys; sys.exit('no login')", "exited with code 1 (no login)"),
        ("print('hello')", "printed no ExecCredential"),
        ("print('{\"status\": {}}')", "neither token nor certificate"),
    ],
)
def test_an_exec_plugin_that_fails_is_named(tmp_path, code, expected):
    user = {"exec": {"command": sys.executable, "args": ["-c", code]}}
    with pytest.raises(UnavailableError) as error:
        load_access(write_kubeconfig(tmp_path / "k", user))
    assert expected in str(error.value)


def test_a_client_certificate_given_as_data_lets_in(tmp_path, server):
    # GIVEN a certificate and a key as base64, as kubeadm writes them
    encoded = {
        name: base64.b64encode((server.directory / file).read_bytes()).decode()
        for name, file in (("client-certificate-data", "server.crt"), ("client-key-data", "server.key"))
    }
    authority = base64.b64encode(server.authority_path.read_bytes()).decode()

    # WHEN
    kubeconfig = write_kubeconfig(
        tmp_path / "k",
        {**encoded, "token": server.token},
        server=server.url,
        **{"certificate-authority-data": authority},
    )

    # THEN
    assert ApiClient(lambda: load_access(kubeconfig)).get("/version").status == 200


def test_the_server_s_certificate_may_bear_another_name(tmp_path, server):
    # GIVEN a certificate for localhost, and its name given
    kubeconfig = write_kubeconfig(
        tmp_path / "k",
        {"token": server.token},
        server=server.url,
        **{"certificate-authority": str(server.authority_path), "tls-server-name": "localhost"},
    )
    assert ApiClient(lambda: load_access(kubeconfig)).get("/version").status == 200

    # WHEN another one is expected THEN it is refused
    wrong = write_kubeconfig(
        tmp_path / "w",
        {"token": server.token},
        server=server.url,
        **{"certificate-authority": str(server.authority_path), "tls-server-name": "elsewhere"},
    )
    with pytest.raises(UnavailableError, match="elsewhere"):
        ApiClient(lambda: load_access(wrong)).get("/version")


def test_an_unknown_authority_is_refused_unless_told_otherwise(tmp_path, server):
    # GIVEN a kubeconfig without the authority
    trusting = write_kubeconfig(tmp_path / "t", {"token": server.token}, server=server.url)
    careless = write_kubeconfig(
        tmp_path / "c", {"token": server.token}, server=server.url, **{"insecure-skip-tls-verify": True}
    )

    # THEN
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        ApiClient(lambda: load_access(trusting)).get("/version")
    assert load_access(careless).tls.verify_mode == ssl.CERT_NONE
    assert ApiClient(lambda: load_access(careless)).get("/version").status == 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the kubeconfig is not a mapping"),
        ("a: [", "the kubeconfig is not valid YAML"),
        ("[" * 1_000, "the kubeconfig is not valid YAML"),
        ("{}", "`contexts` has no ''"),
        ("current-context: c\ncontexts: [{name: c, context: {cluster: k}}]", "`clusters` has no 'k'"),
        (
            "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\nclusters: [{name: k, cluster: {server: x}}]",
            "no `server` such as",
        ),
    ],
)
def test_a_broken_kubeconfig_gets_one_sentence_with_its_path(tmp_path, text, expected):
    # GIVEN
    path = tmp_path / "k"
    path.write_text(text)

    # WHEN
    with pytest.raises(UnavailableError) as error:
        load_access(str(path))

    # THEN
    assert expected in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("user", "cluster", "expected"),
    [
        ({}, {"certificate-authority-data": "§"}, "is not valid base64"),
        ({}, {"certificate-authority-data": "YWJj"}, "certificate authority cannot be used"),
        ({}, {"certificate-authority": "/nowhere"}, "certificate authority cannot be used"),
        ({"client-certificate-data": "YWJj", "client-key-data": "YWJj"}, {}, "client certificate cannot be used"),
        ({"client-certificate": "gone", "client-key": "gone"}, {}, "cannot be read"),
        ({"auth-provider": {"name": "gcp", "config": {}}}, {}, "'gcp' is not supported by the recorder"),
        ({}, {"proxy-url": "http://p"}, "proxy"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, user, cluster, expected):
    with pytest.raises(UnavailableError) as error:
        load_access(write_kubeconfig(tmp_path / "k", user, **cluster))
    assert expected in str(error.value)


@pytest.mark.parametrize("kubeconfig", ["", "in-cluster"])
def test_outside_a_pod_without_a_kubeconfig_the_option_is_named(kubeconfig, tmp_path):
    with pytest.raises(UnavailableError, match="option `kubeconfig`"):
        load_access(kubeconfig, {"HOME": str(tmp_path)})


def test_without_the_option_kubectl_s_files_are_taken(tmp_path):
    # GIVEN
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path / ".kube/config", {"token": "home"})
    named = write_kubeconfig(tmp_path / "named", {"token": "named"})

    # THEN
    assert load_access("", {"HOME": str(tmp_path)}).token == "home"
    assert load_access("", {"HOME": str(tmp_path), "KUBECONFIG": f"/nowhere:{named}"}).token == "named"


def test_in_a_pod_the_service_account_is_taken(tmp_path, server, monkeypatch):
    # GIVEN
    monkeypatch.setattr("recorder.kube.cluster_access.SERVICE_ACCOUNT", server.directory)
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": server.url.rpartition(":")[2]}

    # THEN
    assert ApiClient(lambda: load_access("", environment)).get("/version").status == 200


def test_the_access_is_light_enough_for_a_node():
    # GIVEN what costs 35 MB with the official client
    code = (
        "import sys; import recorder.kube.cluster_access; import recorder.kube.api_client;"
        "assert 'kubernetes' not in sys.modules and 'urllib3' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_digest_key_outlasts_a_restart_and_only_its_owner_can_read_it(tmp_path):
    # WHEN
    first, second = load_digest_key(tmp_path), load_digest_key(tmp_path)

    # THEN
    assert first == second
    assert len(first) == 32
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("kube-digest.key", 0o600)]
    assert load_digest_key(None) != load_digest_key(None)


def test_a_torn_digest_key_is_made_anew(tmp_path):
    # GIVEN
    (tmp_path / "kube-digest.key").write_bytes(b"short")

    # THEN
    assert load_digest_key(tmp_path) == load_digest_key(tmp_path)
