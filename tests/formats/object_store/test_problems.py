"""What failed is one sentence: it says what to check, and contains no credentials and nothing that a server chose."""

from __future__ import annotations

import errno

import pytest

from formats.errors import MissingInputError, PermissionDeniedError, StorageError, UnavailableError
from formats.object_store.problems import class_of_problem, explain_problem

S3 = "When initiating multiple part upload for key 'a' in bucket 'b': AWS Error {} during {} operation: {}"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(S3.format("ACCESS_DENIED", "CreateMultipartUpload", "evil words")),
            "the server denies access; check the credentials and their policy (CreateMultipartUpload: ACCESS_DENIED)",
        ),
        (
            OSError(S3.format("UNKNOWN (HTTP status 301)", "HeadObject", "")),
            "the bucket is in another region (HeadObject: UNKNOWN, HTTP status 301)",
        ),
        (
            OSError(S3.format("SOMETHING_NEW", "PutObject", "<xml>")),
            "the server returned an error (PutObject: SOMETHING_NEW)",
        ),
        (PermissionError(errno.EACCES, "denied", "/mnt/x"), "/mnt/x: Permission denied"),
        (StorageError("it differs", errno=0, where="s3://b/x"), "s3://b/x: it differs"),
        (MemoryError(), "what the server sends needs more memory than this process may have"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_failure_is_one_sentence(error, sentence):
    assert explain_problem(error) == sentence


def test_values_of_the_environment_that_may_be_credentials_are_left_out(monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_KEY", "c2VjcmV0LWtleQ==")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    told = explain_problem(OSError("no such account for c2VjcmV0LWtleQ== of AKIAEXAMPLE"))
    assert told == "no such account for (AZURE_STORAGE_KEY) of (AWS_ACCESS_KEY_ID)"


def test_what_a_server_says_is_escaped_and_bounded():
    told = explain_problem(OSError("\x1b[31m" + "x" * 100_000))
    assert "\x1b" not in told
    assert len(told) == 300


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(S3.format("NO_SUCH_KEY", "GetObject", "")), MissingInputError),
        (OSError(S3.format("UNKNOWN (HTTP status 404)", "HeadObject", "")), MissingInputError),
        (FileNotFoundError(errno.ENOENT, "gone"), MissingInputError),
        (OSError(S3.format("ACCESS_DENIED", "HeadObject", "")), PermissionDeniedError),
        (OSError(S3.format("NETWORK_CONNECTION", "HeadObject", "")), UnavailableError),
        (ValueError(), UnavailableError),
    ],
)
def test_what_is_missing_denied_and_away_have_exit_codes_of_their_own(error, expected):
    assert class_of_problem(error) is expected
