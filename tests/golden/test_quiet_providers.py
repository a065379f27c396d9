"""What a provider started with, and who shares it, is blamed for errors of its callers, though it shows nothing itself."""

from __future__ import annotations

import pytest

from fixtures.town.kernel import END_S, PORTAL
from tests.analyzer.capture_builder import container_status
from tests.golden.town import Town

LEDGER = "10.2.0.1"
OTHER = "10.2.0.99"


def fail(town, *, since):
    """The portal calls the ledger all the time, and from `since` on answers with errors."""
    for second in range(1, END_S, 3):
        town.call(PORTAL, LEDGER, 9000, at=second + 0.1)
        town.responses(PORTAL, 502 if second >= since else 200, at=second + 0.2)
    town.builder.kube_object("ConfigMap", "end", {}, at=END_S)


def first(town):
    cause = town.analyze().findings[0].root_cause
    return cause.kind, cause.name


def changed_books(directory, *, is_started_again):
    """A ConfigMap that the ledger reads when it starts is changed."""
    town = Town(directory)
    reading = [{"name": "app", "image": "town:1", "envFrom": [{"configMapRef": {"name": "books"}}]}]
    for second, mode in ((0.4, "plain"), (30, "strict")):
        town.builder.kube_object("ConfigMap", "books", {"data": {"MODE": mode}}, at=second)
    town.pod("ledger", "ledger-old-1", at=0.5, containers=reading, ip="10.1.0.1")
    if is_started_again:
        status = container_status("app", run_of="ledger-new-1/app", started=33)
        town.pod("ledger", "ledger-new-1", at=34, event="added", containers=reading, statuses=[status], ip="10.1.0.9")
        town.builder.pod("ledger-old-1", at=35, event="deleted")
    fail(town, since=36)
    return town


def test_what_a_provider_started_with_is_blamed_for_its_callers(tmp_path):
    finding = changed_books(tmp_path, is_started_again=True).analyze().findings[0]
    assert (finding.root_cause.kind, finding.root_cause.name) == ("ConfigMap", "books")
    # A finding that no pattern names is called by its cause and by what followed first.
    assert finding.title.startswith(
        "ConfigMap books: data.MODE plain → strict, and Container portal-old-1/app returned "
    )


def test_what_no_container_has_read_yet_is_not(tmp_path):
    assert first(changed_books(tmp_path, is_started_again=False)) != ("ConfigMap", "books")


@pytest.mark.parametrize(("called", "is_blamed"), [(LEDGER, True), (OTHER, False)])
def test_who_began_to_call_a_shared_provider_is_blamed_for_its_other_callers(tmp_path, called, is_blamed):
    town = Town(tmp_path)
    town.builder.kube_object("Job", "migration", {"spec": {}}, at=40, event="added")
    town.builder.pod("migration-1", at=40.5, event="added", owner=("Job", "migration"))
    town.builder.cgroup(9, "migration-1", at=40.6)
    town.call(9, called, 9000, at=41)
    fail(town, since=43)
    assert (first(town) == ("Job", "migration")) is is_blamed
