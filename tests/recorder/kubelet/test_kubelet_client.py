"""The kubelet is only asked if its certificate is right, and no answer of it is larger than what is read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fixtures.lab.api_server.certificates import make_certificates
from formats.errors import ConfigurationError, UnavailableError
from recorder.kubelet import kubelet_client
from recorder.kubelet.kubelet_client import KubeletClient
from recorder.kubelet.kubelet_source import OPTIONS
from tests.recorder.kubelet.fake_kubelet import FakeKubelet


def client(kubelet: FakeKubelet, *, environment: dict[str, str] | None = None, **given: Any) -> KubeletClient:
    return KubeletClient(kubelet.context(OPTIONS, **given), environment or {})


def test_the_node_s_name_is_expected_in_a_certificate_of_the_cluster(kubelet: FakeKubelet) -> None:
    kubelet.answers["/stats/summary"] = b"{}"
    assert client(kubelet).get("/stats/summary") == b"{}"
    with pytest.raises(UnavailableError, match=r"cannot connect to the kubelet .*another-node"):
        client(kubelet, node_name="another-node").get("/stats/summary")


def test_a_kubelet_whose_certificate_nobody_signed_gets_no_token(kubelet: FakeKubelet, tmp_path: Path) -> None:
    other = make_certificates(_made(tmp_path / "other"))
    strange = kubelet.write_kubeconfig(tmp_path / "k", authority=other.authority)
    kubelet.answers["/metrics"] = b""
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        client(kubelet, kubeconfig=str(strange)).get("/metrics")
    assert kubelet.asked == []


def test_the_certificate_that_a_kubelet_made_for_itself_is_trusted_from_the_node_s_disk(
    kubelet: FakeKubelet, tmp_path: Path
) -> None:
    # GIVEN a cluster that did not sign the certificate of the kubelet, which lies on the node
    other = make_certificates(_made(tmp_path / "other"))
    strange = str(kubelet.write_kubeconfig(tmp_path / "k", authority=other.authority))
    place = tmp_path / "host/proc/1/root/var/lib/kubelet/pki/kubelet.crt"
    _made(place.parent)
    shutil.copy(kubelet.authority, place)
    kubelet.answers["/metrics"] = b""
    # THEN it is trusted, by its usual place or by the option
    assert client(kubelet, kubeconfig=strange, proc=str(tmp_path / "host/proc")).get("/metrics") == b""
    assert client(kubelet, kubeconfig=strange, ca_file=str(place)).get("/metrics") == b""
    with pytest.raises(UnavailableError, match="`ca_file` cannot be read"):
        client(kubelet, kubeconfig=strange, ca_file="/nowhere/kubelet.crt")


@pytest.mark.parametrize(
    ("path", "status", "step"),
    [
        ("/metrics", 403, "allow the verb get on nodes/metrics"),
        ("/stats/summary", 403, "allow the verb get on nodes/stats"),
        ("/metrics/probes", 404, "switch the source off"),
        ("/metrics", 500, "see the kubelet's log"),
    ],
)
def test_a_refusal_says_what_to_do(kubelet: FakeKubelet, path: str, status: int, step: str) -> None:
    kubelet.answers[path] = status
    with pytest.raises(UnavailableError, match=f"the kubelet returned {status} to {path}") as raised:
        client(kubelet).get(path)
    assert step in str(raised.value.next_step)
    wrong = str(kubelet.write_kubeconfig(kubelet.kubeconfig.with_name("w"), token="wrong"))
    with pytest.raises(UnavailableError, match="returned 401"):
        client(kubelet, kubeconfig=wrong).get(path)


def test_only_wanted_lines_are_kept_and_no_answer_is_read_without_end(
    kubelet: FakeKubelet, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN lines that are wanted, others, one that is too long, and one that was cut off
    long = b"a_total " + b"1" * 70_000
    kubelet.answers["/metrics"] = b"# HELP a_total\nb 2\na_total 1\n" + long + b'a_total 3\na_total{x="y"} 4\na_total 5'
    assert client(kubelet).get("/metrics", ("a_total",)) == b'a_total 1\na_total{x="y"} 4\n'
    # WHEN the limits are passed
    monkeypatch.setattr(kubelet_client, "KEPT_BYTES", 20)
    with pytest.raises(UnavailableError, match="more than 20 bytes of what is read"):
        client(kubelet).get("/metrics", ("a_total",))
    monkeypatch.setattr(kubelet_client, "ANSWER_BYTES", 1000)
    for wanted in ((), ("a_total",)):
        with pytest.raises(UnavailableError, match="more than 1,000 bytes"):
            client(kubelet).get("/metrics", wanted)


@pytest.mark.parametrize(
    ("address", "environment", "expected"),
    [
        ("", {}, "https://127.0.0.1:10250"),
        ("", {"NODE_IP": "10.0.0.5"}, "https://10.0.0.5:10250"),
        ("", {"NODE_IP": "fd00::5"}, "https://fd00::5:10250"),
        ("[fd00::6]:10251", {"NODE_IP": "10.0.0.5"}, "https://fd00::6:10251"),
        ("node-1:443", {}, "https://node-1:443"),
    ],
)
def test_the_kubelet_is_where_the_option_or_the_environment_says(
    kubelet: FakeKubelet, address: str, environment: dict[str, str], expected: str
) -> None:
    assert client(kubelet, address=address, environment=environment)._client.address == expected


@pytest.mark.parametrize("address", ["https://node:10250", "node:port", "node/metrics", "a@b", "[", ":10250"])
def test_what_is_no_address_is_refused(kubelet: FakeKubelet, address: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a host"):
        client(kubelet, address=address)


def test_credentials_for_plain_http_are_refused(kubelet: FakeKubelet, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text(kubelet.kubeconfig.read_text().replace("https:", "http:"))
    with pytest.raises(UnavailableError, match="over TLS only"):
        client(kubelet, kubeconfig=str(plain))


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory
