"""Promises of `tapio fleet install` and `uninstall`, against the lab's API server."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.commands import fleet_install
from analyzer.fleet import rollout
from analyzer.fleet.manifests import list_overlays, render
from fixtures.lab.api_server import ApiServer
from fixtures.lab.api_server.faults import Action, Fault
from fixtures.lab.api_server.kinds import CAPTURE, DEFINITION, KINDS, LEASE
from formats.errors import ConfigurationError, ExitCode, MissingInputError, PermissionDeniedError, UsageError

INTERRUPTED = 130


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path / "server", kinds=(*KINDS, CAPTURE, DEFINITION, LEASE)) as running:
        yield running


@pytest.fixture
def run(server):
    def invoke(*arguments, **options):
        command = ["fleet", *(str(argument) for argument in arguments), "--kubeconfig", str(server.kubeconfig_path)]
        return CliRunner().invoke(cli, command, **options)

    return invoke


def make_ready(server, monkeypatch, nodes=1, ready=1):
    """A DaemonSet controller and kubelets that have done their work whenever somebody looks."""

    def read(cluster):
        daemon_set = server.store.get(server.kind_of("DaemonSet"), "tapio", "tapio-recorder")
        daemon_set["status"] = {
            "observedGeneration": daemon_set["metadata"]["generation"],
            **dict.fromkeys(("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled"), nodes),
            "numberAvailable": ready,
        }
        server.put(daemon_set)
        return read_rollout(cluster)

    read_rollout = rollout.read_rollout
    monkeypatch.setattr(rollout, "read_rollout", read)


def test_the_manifests_are_printed_without_a_cluster():
    # GIVEN no kubeconfig at all
    for overlay in list_overlays():
        command = ["fleet", "install", "--dry-run", "--overlay", overlay, "-n", "flight", "--kubeconfig", "/none"]
        result = CliRunner().invoke(cli, command)
        assert result.exit_code == ExitCode.OK
        # THEN what is printed is what would be applied: the manifests, with the labels by which they are found again
        printed = list(yaml.safe_load_all(result.output))
        for content in printed:
            assert content["metadata"]["labels"].pop("app.kubernetes.io/managed-by") == "tapio-fleet"
            assert content["metadata"]["labels"].pop("app.kubernetes.io/version")
            content["metadata"].update({"labels": content["metadata"]["labels"] or None})
        expected = render(overlay, namespace="flight")
        for content in expected:
            content["metadata"].setdefault("labels", None)
        assert printed == expected


def test_an_installation_is_waited_for_and_taken_away(server, run, monkeypatch):
    make_ready(server, monkeypatch)
    result = run("install")
    assert result.exit_code == ExitCode.OK, result.output
    lines = result.output.splitlines()
    assert lines[8:] == [
        "daemonset.apps/tapio-recorder created",
        "ready on 1 of 1 node",
        "installed: `tapio fleet status` shows what each node records",
    ]
    # AND a changed configuration replaces the ConfigMap
    config = server.directory / "recorder.yaml"
    config.write_text("data_dir: /var/lib/tapio\n")
    result = run("install", "--config", config)
    assert [line.split()[1] for line in result.output.splitlines()].count("deleted") == 1
    # AND it is taken away, which is asked for first
    result = run("uninstall")
    assert isinstance(result.exception, UsageError)
    assert "there is no terminal to ask on" in str(result.exception)
    result = run("uninstall", "--yes")
    assert result.exit_code == ExitCode.OK, result.output
    assert "  daemonset.apps/tapio-recorder\n" in result.output
    assert "daemonset.apps/tapio-recorder deleted" in result.output
    assert isinstance(run("uninstall", "--yes").exception, MissingInputError)


def test_a_node_that_is_not_ready_is_named(server, run, monkeypatch):
    make_ready(server, monkeypatch, nodes=2)
    status = {"containerStatuses": [{"image": "r/t:1", "state": {"waiting": {"reason": "ErrImagePull"}}}]}
    labels = {"app.kubernetes.io/name": "tapio-recorder"}
    metadata = {"name": "x", "namespace": "tapio", "labels": labels}
    server.put({"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "node-b"}, "status": status})
    result = run("install", "--timeout", "0s")
    assert result.exit_code == ExitCode.NEGATIVE
    assert "node-b: the image r/t:1 cannot be pulled (ErrImagePull)" in result.output
    assert "not ready on 1 node after 0s (node-b); the installation goes on" in result.output


def test_an_interrupted_wait_says_that_it_goes_on(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fleet_install, "wait_until_ready", interrupt)
    result = run("install")
    assert result.exit_code == INTERRUPTED
    assert "interrupted: the installation goes on without this command" in result.output


@pytest.mark.slow
@pytest.mark.no_cover
def test_ctrl_c_ends_the_wait_alone(server):
    # GIVEN a person who waits for nodes that never get ready
    command = [sys.executable, "-c", "from analyzer.cli import main; main()", "fleet", "install"]
    command += ["--kubeconfig", str(server.kubeconfig_path)]
    waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in waiting.stdout:
        if line.startswith("daemonset.apps/tapio-recorder created"):
            break
    while server.count("get", "daemonsets") < 2:  # the second look is that of the wait
        waiting.poll()
    # WHEN Ctrl-C is typed
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=60)
    # THEN it says that the installation goes on, and nothing was taken back
    assert (waiting.returncode, errors.count("\n")) == (INTERRUPTED, 1)
    assert "the installation goes on without this command" in errors
    assert server.store.get(server.kind_of("DaemonSet"), "tapio", "tapio-recorder") is not None


def test_an_installation_that_stops_half_way_says_so(server, run):
    # GIVEN an API server that accepts everything in a dry run, and then fails in the middle
    tried, put = [], server.store.put

    def fail_at_the_sixth(kind, wanted):
        tried.append(kind)
        if len(tried) == 6:
            server.add_fault(Fault(Action.STATUS, verb="get", code=500, times=1))
            server.add_fault(Fault(Action.STATUS, verb="patch", code=500, times=1))
        return put(kind, wanted)

    server.store.put = fail_at_the_sixth
    result = run("install", "--no-wait")
    assert "6 of 9 objects were applied; run the same command again" in result.output
    assert "returned 500" in str(result.exception)
    server.faults.clear()
    assert run("install", "--no-wait").exit_code == ExitCode.OK


def test_what_cannot_be_installed_is_one_sentence(server, run):
    server.forbidden.add("namespaces")
    assert isinstance(run("install").exception, PermissionDeniedError)
    server.forbidden.clear()
    assert isinstance(run("install", "--overlay", "none").exception, UsageError)
    assert isinstance(run("install", "--config", "/none").exception, MissingInputError)
    assert isinstance(run("install", "--context", "none").exception, ConfigurationError)
    for content in ("a: [", "- a", "\x00"):
        config = server.directory / "recorder.yaml"
        config.write_text(content)
        assert isinstance(run("install", "--config", config).exception, UsageError)
    assert server.store.version == 1


def test_what_others_installed_is_not_removed(server, run):
    labels = {"app.kubernetes.io/name": "tapio-recorder"}
    metadata = {"name": "tapio-recorder-x", "namespace": "tapio", "labels": labels}
    server.put({"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "node-a"}})
    result = run("uninstall", "--yes")
    assert "were not installed by `tapio fleet install`; remove them the way they were installed" in str(
        result.exception
    )
    assert isinstance(run("uninstall", "-n", "other").exception, MissingInputError)


def test_a_dry_run_of_the_server_changes_nothing(server, run):
    result = run("install", "--dry-run=server")
    assert result.output.count("created (server dry run)") == 9
    assert server.store.version == 1
