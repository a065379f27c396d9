"""What tests of the election share: recorders that stand for election against a test API server, by one clock."""

from __future__ import annotations

import random

from fixtures.lab.api_server import ApiServer
from formats.clock import Instant
from recorder.fleet.election import Election, ElectionRole
from recorder.fleet.lease_api import LeaseApi
from recorder.fleet.lease_objects import LEASE_NAME, LeaseVersions
from recorder.kube.api_client import ApiClient
from recorder.kube.cluster_access import load_access
from recorder.leadership import Leadership
from tests.recorder.fleet.nodes import SECOND, Clock


class Voter:
    """The recorder of one node in the election."""

    def __init__(self, server: ApiServer, name: str, clock: Clock, *, wall_clock_ahead_s: int = 0, fit: bool = True):
        self.server, self.name, self.clock = server, name, clock
        self.ahead_ns = wall_clock_ahead_s * SECOND
        self.is_in_contact = True
        self.leadership = Leadership(is_elected=True)
        if fit:
            self.leadership.join("kube_object")
        self.versions = LeaseVersions()
        self.election = Election(
            api=LeaseApi(ApiClient(lambda: load_access(str(server.kubeconfig_path))), "tapio"),
            identity=name,
            leadership=self.leadership,
            now=self.now,
            randomness=random.Random(name),
        )

    def now(self):
        now = self.clock.now()
        return Instant(now.unix_nano + self.ahead_ns, now.boot_ns)

    def look(self):
        """See the Lease, as the watch does."""
        self.versions.begin_list()
        seen = [*self.versions.list_page(self.server.list_objects("Lease")), *self.versions.end_list()]
        for lease in seen:
            self.election.see(lease)

    def step(self, denied: str = ""):
        if self.is_in_contact:
            self.look()
        self.election.step(is_in_contact=self.is_in_contact, denied=denied)

    @property
    def leads(self):
        return self.leadership.term(self.clock.now().boot_ns) is not None

    @property
    def is_leader(self):
        return self.leads and self.election.role is ElectionRole.LEADER


def pass_time(clock: Clock, voters, seconds: float, turn_s: float = 0.5):
    """Every voter takes its turns; at no moment do two of them lead by election."""
    for _ in range(round(seconds / turn_s)):
        clock.passed += int(turn_s * SECOND)
        for voter in voters:
            voter.step()
        assert sum(voter.is_leader for voter in voters) <= 1


def lease_of(server):
    return server.get("Lease", "tapio", LEASE_NAME)


def holder_of(server):
    return (lease_of(server) or {}).get("spec", {}).get("holderIdentity", "")
