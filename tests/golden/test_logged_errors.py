"""What a crashed container's log names joins its crash to the cause, without a connection that was recorded."""

from __future__ import annotations

from typing import Any

from formats.postmortem.document import Document
from tests.analyzer.capture_builder import container_status, termination
from tests.golden.town import Town

POD = "portal-old-1"


def crash(town: Town, *, at: float, log_class: str = "", **named: Any) -> None:
    """The portal exits with an error, some seconds after it started, and its log says why."""
    run = f"{POD}/app at {at:g}"
    if log_class:
        columns = {"k8s.container.name": "app", "run_of": run, **named}
        town.builder.log_error(POD, log_class, at + 0.5, **columns)
    ended = termination(at=at, run_of=run, started=at - 5)
    statuses = [container_status("app", run_of=run, terminated=ended, ready=False)]
    town.pod("portal", POD, at=at + 1, statuses=statuses)
    statuses = [container_status("app", restarts=1, waiting="CrashLoopBackOff", last=ended, ready=False)]
    town.pod("portal", POD, at=at + 3, statuses=statuses)


def empty_ledger(town: Town, *, at: float) -> None:
    """The ledger is scaled to zero, and its Service has no endpoint any more."""
    labels = {"metadata": {"labels": {"kubernetes.io/service-name": "ledger"}}}
    town.builder.kube_object("EndpointSlice", "ledger-1", {**labels, "endpoints": [{"addresses": ["10.1.0.1"]}]}, at=1)
    town.workload("ledger", at=at, replicas=0)
    town.builder.kube_object("EndpointSlice", "ledger-1", {**labels, "endpoints": []}, at=at + 1)


def document_of_a_crash(directory, *, log_class: str = "", **named: Any) -> Document:
    town = Town(directory)
    empty_ledger(town, at=30)
    crash(town, at=40, log_class=log_class, **named)
    town.builder.kube_object("ConfigMap", "end", {}, at=60)
    return town.analyze()


def test_a_refused_connection_in_the_log_leads_to_the_service_that_it_names(tmp_path):
    # WHEN the log names the Service
    peer = {"log.peer.host": "ledger", "log.peer.port": 9000, "log.count": 3}
    document = document_of_a_crash(tmp_path, log_class="connection_refused", **peer)
    # THEN one finding tells the whole story, with the row of the log as evidence
    (finding,) = document.findings
    assert (finding.root_cause.kind, finding.root_cause.name) == ("Deployment", "ledger")
    chain = [step.symptom for step in finding.chain]
    assert chain.index("service-without-endpoints") < chain.index("dependency-refused-connection")
    (symptom,) = [one for one in document.symptoms if one.name == "dependency-refused-connection"]
    assert symptom.what.endswith(
        "exits because a connection is refused: connection refused (ledger:9000), 3 lines of its log"
    )
    assert [row.split(":")[0] for row in symptom.evidence] == ["container"]
    assert "named-dependency-refuses" in {edge.rule for edge in document.edges}


def test_without_the_log_nothing_joins_the_two(tmp_path):
    document = document_of_a_crash(tmp_path)
    crashes = [one for one in document.symptoms if one.name == "container-exited-with-error"]
    effects = {edge.target for edge in document.edges}
    assert crashes
    assert not effects & {one.id for one in crashes}


def test_a_log_that_names_another_is_not_the_services_fault(tmp_path):
    document = document_of_a_crash(tmp_path, log_class="connection_refused", **{"log.peer.host": "mail.example.com"})
    assert "named-dependency-refuses" not in {edge.rule for edge in document.edges}


def test_a_setting_that_the_log_names_leads_to_the_config_map_that_has_it(tmp_path):
    # GIVEN two ConfigMaps that the portal uses, both changed before its new run
    town = Town(tmp_path)
    uses = [{"configMapRef": {"name": "limits"}}, {"configMapRef": {"name": "texts"}}]
    town.workload("portal", at=0.5, envFrom=uses)
    containers = [{"name": "app", "envFrom": uses}]
    town.pod("portal", POD, at=1, containers=containers)
    for name, key in (("limits", "MAX_CONN"), ("texts", "GREETING")):
        town.builder.kube_object("ConfigMap", name, {"data": {key: "1"}}, at=2)
        town.builder.kube_object("ConfigMap", name, {"data": {key: "x"}}, at=30)
    run = f"{POD}/app again"
    columns = {"k8s.container.name": "app", "run_of": run, "log.name": "MAX_CONN"}
    town.builder.log_error(POD, "configuration_invalid", 45, **columns)
    ended = termination(at=44, run_of=run, started=35)
    statuses = [container_status("app", run_of=run, terminated=ended, ready=False)]
    town.pod("portal", POD, at=46, containers=containers, statuses=statuses)
    town.builder.kube_object("ConfigMap", "end", {}, at=60)
    # WHEN THEN the log decides between them
    finding = town.analyze().findings[0]
    assert (finding.root_cause.kind, finding.root_cause.name) == ("ConfigMap", "limits")
    assert "configuration-refused" in [step.symptom for step in finding.chain]
