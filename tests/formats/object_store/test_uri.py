"""Which URIs name captures: none with credentials, none that is two things at once."""

from __future__ import annotations

import re

import pytest

from formats.object_store.uri import parse_object_uri, s3_options


def no_region(_bucket: str) -> str:
    raise AssertionError("AWS was asked")


@pytest.mark.parametrize(
    ("text", "kind", "shown", "path", "bucket_uri"),
    [
        ("s3://bucket", "s3", "s3://bucket", "bucket", "s3://bucket"),
        ("s3://b/pre/fix/", "s3", "s3://b/pre/fix", "b/pre/fix", "s3://b"),
        ("s3://b/a%2Fb/x y.tapio", "s3", "s3://b/a%2Fb/x y.tapio", "b/a%2Fb/x y.tapio", "s3://b"),
        (
            "s3://b/p?region=eu-1&scheme=http&endpoint_override=10.0.0.1:9000",
            "s3",
            "s3://b/p",
            "b/p",
            "s3://b?region=eu-1&scheme=http&endpoint_override=10.0.0.1:9000",
        ),
        ("gs://b/p", "gs", "gs://b/p", "b/p", "gs://b"),
        (
            "abfss://c@a.dfs.x.net/p/q",
            "abfs",
            "abfss://c@a.dfs.x.net/p/q",
            "c@a.dfs.x.net/p/q",
            "abfss://c@a.dfs.x.net",
        ),
        ("file:///mnt//captures/./x/", "file", "file:///mnt/captures/x", "/mnt/captures/x", "file://"),
    ],
)
def test_uris_are_read_literally(text, kind, shown, path, bucket_uri):
    found = parse_object_uri(text)
    assert (found.kind, found.shown, found.path, found.bucket_uri) == (kind, shown, path, bucket_uri)
    assert found.is_mounted == (kind == "file")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("s3://AKIA:hunter2@bucket/p", "credentials by environment variables"),
        ("s3://hunter2@bucket", "credentials by environment variables"),
        ("abfs://container:hunter2@account.dfs.core.windows.net", "credentials by environment variables"),
        ("s3://bucket?secret_key=hunter2", "credentials by environment variables"),
        ("abfs://c@a.dfs.core.windows.net/?sas_token=hunter2", "credentials by environment variables"),
        ("s3://bucket?allow_bucket_deletion=hunter2", "an option that is not allowed here; allowed: endpoint_override"),
        ("https://hunter2/x.tapio", "it must begin with s3://"),
        ("s3:///hunter2", "it must name a bucket"),
        ("s3://b/../hunter2", "`..`"),
        ("s3://b/hunter2#x", "`#`"),
        ("file://host/hunter2", "an absolute path"),
        ("s3://b/\x1bhunter2", "printable"),
        ("s3://" + "b" * 2_000, "at most 2,000 characters"),
        ("s3://[hunter2", "it is not a URI"),
    ],
)
def test_what_is_not_allowed_is_told_without_repeating_it(text, why):
    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        parse_object_uri(text)
    assert "hunter2" not in str(caught.value)


def test_aws_is_asked_for_the_region_only_if_nothing_else_says_it():
    bare = parse_object_uri("s3://b/x.tapio")
    assert s3_options(bare, {}, {"b": "eu-1"}.__getitem__) == {"region": "eu-1"}
    assert s3_options(bare, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-2"}, no_region) == {"region": "eu-2"}
    assert s3_options(bare, {"AWS_ENDPOINT_URL": "http://x"}, no_region) == {}
    named = parse_object_uri("s3://b?endpoint_override=x:1&region=eu-3")
    assert s3_options(named, {"AWS_REGION": "eu-2"}, no_region) == {"endpoint_override": "x:1", "region": "eu-3"}
    assert s3_options(parse_object_uri("s3://b?endpoint_override=x:1"), {}, no_region) == {"endpoint_override": "x:1"}
