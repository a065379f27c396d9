"""Which URIs captures may be uploaded to: none with credentials, none that is two things at once."""

from __future__ import annotations

import itertools
import re

import pytest

from recorder.destination import object_name, parse_destination


@pytest.mark.parametrize(
    ("text", "kind", "shown", "path"),
    [
        ("s3://bucket", "s3", "s3://bucket", "bucket"),
        ("s3://bucket/pre/fix/", "s3", "s3://bucket/pre/fix", "bucket/pre/fix"),
        ("s3://b/p?region=eu-1&scheme=http&endpoint_override=10.0.0.1:9000", "s3", "s3://b/p", "b/p"),
        ("gs://b/p", "gs", "gs://b/p", "b/p"),
        ("gcs://b", "gs", "gcs://b", "b"),
        (
            "abfs://c@a.dfs.core.windows.net/p",
            "abfs",
            "abfs://c@a.dfs.core.windows.net/p",
            "c@a.dfs.core.windows.net/p",
        ),
        ("/mnt/captures", "file", "file:///mnt/captures", "/mnt/captures"),
        ("file:///mnt//captures/./x/", "file", "file:///mnt/captures/x", "/mnt/captures/x"),
    ],
)
def test_destinations_are_read(text, kind, shown, path):
    found = parse_destination(text)
    assert (found.kind, found.shown, found.path) == (kind, shown, path)
    assert found.is_mounted == (kind == "file")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("s3://AKIA:hunter2@bucket/p", "credentials by environment variables"),
        ("s3://hunter2@bucket", "credentials by environment variables"),
        ("gs://hunter2@bucket", "credentials by environment variables"),
        ("abfs://container:hunter2@account.dfs.core.windows.net", "credentials by environment variables"),
        ("s3://bucket?secret_key=hunter2", "credentials by environment variables"),
        ("abfs://c@a.dfs.core.windows.net/?sas_token=hunter2", "credentials by environment variables"),
        ("s3://bucket?allow_bucket_deletion=hunter2", "an option that is not allowed here; allowed: endpoint_override"),
        ("file:///mnt?x=hunter2", "allowed: none"),
        ("ftp://hunter2/x", "it must begin with s3://"),
        ("hunter2", "it must begin with s3://"),
        ("hdfs://hunter2/x", "it must begin with s3://"),
        ("s3:///hunter2", "it must name a bucket"),
        ("s3://b/../hunter2", "`..`"),
        ("s3://b/%2e%2e/hunter2", "`%`"),
        ("s3://b/hunter2#x", "`#`"),
        ("file://host/hunter2", "an absolute path"),
        ("/", "an absolute path"),
        ("s3://b/hun ter2", "without spaces"),
        ("s3://b/\x1bhunter2", "without spaces"),
        ("s3://" + "b" * 1_000, "at most 1000 characters"),
        ("s3://[hunter2", "it is not a URI"),
    ],
)
def test_what_is_not_allowed_is_told_without_repeating_it(text, why):
    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        parse_destination(text)
    assert "hunter2" not in str(caught.value)


def test_different_captures_never_have_one_name():
    parts = ["a", "b", "a/b", "..", ".", "a%2Fb", "A"]
    triples = list(itertools.product(["", *parts], parts, ["x.tapio", "b/x.tapio"]))
    names = [object_name(*triple) for triple in triples if triple[0]]
    assert len(set(names)) == len(names)
    assert not any(part in {"", ".", ".."} for name in names for part in name.split("/"))
    assert object_name("main", "node-a", "night.tapio") == "main/node-a/night.tapio"
    assert object_name("", "node-a", "night.tapio") == "node-a/night.tapio"
