"""What is checked follows from what the recorder has, and its outcomes are recorded."""

from __future__ import annotations

import pytest

from formats.errors import ConfigurationError
from recorder.health.checks import NameServerCheck
from recorder.kube.cluster_access import ClusterAccess
from recorder.sources import health
from recorder.sources.health import HealthSource, find_checks
from tests.recorder.health.conftest import context_of, wait_until
from tests.recorder.health.servers import LOOPBACK, tls_server
from tests.recorder.sources.fake_host import rows_of


def test_a_pod_checks_its_cluster_its_name_servers_and_its_disk(tmp_path, monkeypatch):
    # GIVEN credentials, and the resolv.conf of a pod
    access = ClusterAccess(host="10.96.0.1", port=443, path_prefix="", tls=object(), tls_server_name="kubernetes")
    monkeypatch.setattr(health, "load_access", lambda *_: access)
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text(
        "# made\nsearch tapio.svc.example.org svc.example.org example.org\nnameserver 10.96.0.10\n"
        "nameserver fd00::a\nnameserver not-an-address\nnameserver\noptions ndots:5\n"
    )
    # WHEN
    checks = find_checks(context_of(tmp_path, resolv_conf=str(resolv_conf)), {"NODE_IP": "10.0.0.7"})
    # THEN
    assert [(check.name, check.host, check.port, check.every) for check in checks] == [
        ("api_server", "10.96.0.1", 443, 5),
        ("kubelet", "10.0.0.7", 10250, 1),
        ("name_server", "10.96.0.10", 53, 1),
        ("name_server", "fd00::a", 53, 1),
        ("disk", None, None, 1),
    ]
    found = find_checks(context_of(tmp_path, resolv_conf=str(resolv_conf)), {})
    questions = {check.question for check in found if isinstance(check, NameServerCheck)}
    assert questions == {"kubernetes.default.svc.example.org"}


@pytest.mark.parametrize("resolv_conf", [None, "nameserver 192.0.2.1\nsearch example.org\n"])
def test_a_node_without_a_cluster_checks_its_disk_alone(tmp_path, resolv_conf):
    # Name servers that no cluster gave are none of its business.
    if resolv_conf is not None:
        (tmp_path / "resolv.conf").write_text(resolv_conf)
    checks = find_checks(context_of(tmp_path, resolv_conf=str(tmp_path / "resolv.conf")), {})
    assert [check.name for check in checks] == ["disk"]


def test_an_address_of_the_kubelet_that_is_none_is_refused(tmp_path, monkeypatch):
    access = ClusterAccess(host="10.96.0.1", port=443, path_prefix="", tls=object())
    monkeypatch.setattr(health, "load_access", lambda *_: access)
    with pytest.raises(ConfigurationError, match="address of the kubelet"):
        list(find_checks(context_of(tmp_path, kubelet_address="a/b"), {}))


def test_outcomes_are_recorded_and_a_segment_begins_with_the_newest(tmp_path, monkeypatch):
    # GIVEN a kubelet that answers, and an API server that is gone
    with tls_server(tmp_path) as port:
        access = ClusterAccess(host="localhost", port=1, path_prefix="", tls=object())
        monkeypatch.setattr(health, "load_access", lambda *_: access)
        source = HealthSource()
        kubelet = f"{LOOPBACK}:{port}"
        source.open(context_of(tmp_path, kubelet_address=kubelet, resolv_conf=str(tmp_path / "none"), timeout_s=20))
        rows = []

        def has_three():
            rows.extend(rows_of(source.drain(10**9)))
            return len(rows) >= 3

        wait_until(has_three)
        told = {row["health.check"]: row for row in rows}
        again = rows_of(source.snapshot())
        stats = source.stats()
        source.close()
    # THEN
    assert told["api_server"]["error.type"] == "connection_refused"
    assert (told["api_server"]["server.address"], told["api_server"]["network.peer.address"]) == ("localhost", None)
    assert (told["kubelet"]["server.address"], told["kubelet"]["network.peer.address"]) == (None, LOOPBACK)
    assert told["kubelet"]["tls.server.not_after_unix_nano"] == 4_102_444_800 * 10**9
    assert [told[name]["severity_number"] for name in ("api_server", "kubelet", "disk")] == [13, 9, 9]
    assert {row["event_name"] for row in rows} == {"health.checked"}
    assert {row["event_name"] for row in again} == {"health.state"}
    assert {row["health.check"] for row in again} == set(told)
    assert stats.detail == "api_server: connection_refused"
