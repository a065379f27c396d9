"""What may hide in a Kubernetes object and must not be recorded."""

from __future__ import annotations

import base64
import json
import random

import pytest

from formats.rows.kube_event import event_batch, event_row
from formats.rows.kube_object import Observation, object_batch, object_row
from formats.rows.kube_redaction import SECRET_NAME, Redaction, redact_object, redact_text

REDACTION = Redaction(b"k" * 32)
CANARIES = 500


def test_no_canary_in_500_places_reaches_a_batch():
    # GIVEN 500 unique secrets where people put secrets
    randomness = random.Random(7)
    canaries = [f"canary{randomness.getrandbits(80):020x}" for _ in range(CANARIES)]
    remaining = iter(canaries)

    def take():
        return next(remaining)

    objects = []
    while True:
        try:
            objects += [
                {
                    "kind": "Secret",
                    "metadata": {
                        "name": "s",
                        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": take(), "note": take()},
                    },
                    "data": {"a": take(), "b": base64.b64encode(take().encode()).decode()},
                    "stringData": {"c": take()},
                    "unknown": take(),
                },
                {
                    "kind": "ConfigMap",
                    "metadata": {"name": "c", "annotations": {"vault/token": take()}},
                    "data": {"app.conf": f"password={take()}\n"},
                    "binaryData": {"bin": take()},
                },
                {
                    "kind": "Deployment",
                    "metadata": {"name": "d", "managedFields": [{"x": take()}]},
                    "spec": {
                        "template": {
                            "spec": {
                                "initContainers": [{"name": "i", "env": [{"name": "API_KEY", "value": take()}]}],
                                "containers": [
                                    {
                                        "name": "a",
                                        "env": [
                                            {"name": "DB_PASSWORD", "value": take()},
                                            {"name": "GITHUB_TOKEN", "value": take()},
                                            {"name": "DATABASE_URL", "value": f"postgres://shop:{take()}@db/shop"},
                                            {"name": "CONFIG", "value": json.dumps({"secret": take()})},
                                        ],
                                        "args": [
                                            f"--password={take()}",
                                            "--token",
                                            take(),
                                            f"-secret={take()}",
                                            f"https://{take()}@example.org/x",
                                        ],
                                        "command": ["sh", "-c", f"PGPASSWORD={take()} psql --api-key {take()}"],
                                        "livenessProbe": {
                                            "httpGet": {
                                                "httpHeaders": [
                                                    {"name": "Authorization", "value": f"Bearer {take()}"},
                                                    {"name": "X-Custom", "value": f"Basic {take()}"},
                                                ]
                                            }
                                        },
                                    }
                                ],
                            }
                        }
                    },
                    "status": {"conditions": [{"type": "X", "message": f"login failed: password={take()}"}]},
                },
                {
                    "kind": "PersistentVolume",
                    "metadata": {"name": "p"},
                    "spec": {"csi": {"volumeAttributes": {"secretKey": take()}}},
                },
            ]
        except StopIteration:
            break
    events = [{"metadata": {"name": "e"}, "message": f'curl "http://u:{canary}@h/"'} for canary in canaries]

    # WHEN they become batches, also as changes of one another
    rows = []
    for raw in objects:
        rows.append(object_row(raw, Observation.STATE, REDACTION))
        rows.append(object_row(raw, Observation.MODIFIED, REDACTION, previous={"kind": raw["kind"]}))
    batch = object_batch(rows, [0] * len(rows))
    notes = event_batch([event_row(raw, Observation.ADDED, REDACTION) for raw in events], [0] * len(events))

    # THEN no byte of any of them is in it
    stored = b"".join(
        bytes(buffer)
        for table in (batch, notes)
        for column in table.columns
        for array in ((column, column.dictionary) if hasattr(column, "dictionary") else (column,))
        for buffer in array.buffers()
        if buffer is not None
    )
    leaked = [c for c in canaries if c.encode() in stored or base64.b64encode(c.encode()) in stored]
    assert not leaked
    assert b"digest:" in stored


def test_a_rotation_shows_and_equal_values_show_as_equal():
    # GIVEN a Secret before and after a rotation of one of two equal values
    before = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "b25l", "b": "b25l"}}
    after = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "b25l", "b": "dHdv"}}

    # WHEN
    old, new = (redact_object(raw, REDACTION)["data"] for raw in (before, after))

    # THEN
    assert old["a"] == old["b"] == new["a"] != new["b"]
    assert all(value.startswith("digest:") and len(value) == len("digest:") + 16 for value in new.values())


def test_another_key_gives_other_digests():
    assert REDACTION.digest("x") != Redaction(b"j" * 32).digest("x")


def test_configmap_values_are_kept_only_when_allowed_and_then_without_secrets():
    # GIVEN
    raw = {
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"CACHE_MB": "16", "db.password": "hunter2", "url": "http://a:hunter2@b/"},
    }

    # WHEN
    digests = redact_object(raw, REDACTION)["data"]
    values = redact_object(raw, Redaction(b"k" * 32, configmap_values=True))["data"]

    # THEN
    assert set(digests) == set(values) == set(raw["data"])
    assert digests["CACHE_MB"].startswith("digest:")
    assert values["CACHE_MB"] == "16"
    assert "hunter2" not in json.dumps(values)


def test_references_to_secrets_are_kept_because_relations_need_them():
    # GIVEN a pod that names Secrets in every way
    spec = {
        "containers": [
            {
                "name": "a",
                "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
                "envFrom": [{"secretRef": {"name": "all"}}],
            }
        ],
        "volumes": [{"name": "v", "secret": {"secretName": "tls"}}],
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "token-reader",
    }

    # THEN
    assert redact_object({"kind": "Pod", "metadata": {"name": "p"}, "spec": spec}, REDACTION)["spec"] == spec


@pytest.mark.parametrize(
    "prose",
    [
        'MountVolume.SetUp failed for volume "x": secret "shop/token" not found',
        "Failed to pull image: unauthorized: token expired",
        "basic information about the bearer",
        "http://api.shop.svc:8080/health returned 503",
        "--port=8080 --verbose",
        "Back-off restarting failed container",
    ],
)
def test_ordinary_prose_stays_as_it_is(prose):
    assert redact_text(prose, REDACTION) == prose


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "apiKey", "api-key", "AWS_SECRET_ACCESS_KEY", "x-auth-token", "key", "PGPASS_PWD"]
)
def test_names_of_secrets_are_known(name):
    assert SECRET_NAME.search(name)


@pytest.mark.parametrize("name", ["MONKEY", "KEYSPACE", "PORT", "CACHE_MB", "COMPASS", "author", "HOSTNAME"])
def test_ordinary_names_are_no_secrets(name):
    assert not SECRET_NAME.search(name)


@pytest.mark.parametrize("text", ["a", 'password="', "://", "token ", "://a:", "\\", "token\\", "--token ", "bearer "])
def test_a_hostile_megabyte_takes_linear_time(text):
    # A pattern with nested repetition would take hours, so that this test ends at all is the promise.
    assert redact_text(text * (1_000_000 // len(text)), REDACTION)
