"""What a line of a log is recognized by, what it names, and that nothing else of it is kept."""

from __future__ import annotations

import re
import time

import pytest

from formats.rows.log_classes import LOG_CLASS_BY_NAME, LOG_CLASSES
from formats.rows.log_errors import MAX_FINDINGS, MAX_LINE, LogError, classify_line, find_log_errors

LINES = {
    'error when evicting pods/"api-0" -n "shop" (will retry after 5s): Cannot evict pod as it would violate the pod\'s disruption '
    "budget.": ("eviction_refused", None),
    # Go
    "dial tcp 10.0.0.5:5432: connect: connection refused": ("connection_refused", "10.0.0.5:5432"),
    'Get "http://api:8080/x": dial tcp 10.0.0.5:8080: connect: connection refused': (
        "connection_refused",
        "10.0.0.5:8080",
    ),
    "main.go:42: dial tcp: lookup db on 10.96.0.10:53: no such host": ("name_not_resolved", "db"),
    "dial tcp 10.0.0.5:5432: i/o timeout": ("timed_out", "10.0.0.5:5432"),
    "dial tcp 10.0.0.5:5432: connect: no route to host": ("unreachable", "10.0.0.5:5432"),
    "open /etc/app/config.yaml: no such file or directory": ("no_such_file", "/etc/app/config.yaml"),
    "open /data/x: read-only file system": ("read_only_file_system", "/data/x"),
    "write /var/spool/mail/1: no space left on device": ("no_space", "/var/spool/mail/1"),
    "mkdir /var/cache/app: permission denied": ("permission_denied", "/var/cache/app"),
    "accept tcp [::]:80: accept4: too many open files": ("descriptors_exhausted", None),
    "listen tcp :8080: bind: address already in use": ("address_in_use", "8080"),
    "x509: certificate has expired or is not yet valid: current time 2026-01-01T10:00:00Z is after": (
        "certificate_expired",
        None,
    ),
    'Get "https://auth:8443/": tls: failed to verify certificate: x509: certificate signed by unknown authority': (
        "certificate_untrusted",
        "auth:8443",
    ),
    "panic: runtime error: invalid memory address or nil pointer dereference": ("crashed", None),
    "fatal error: all goroutines are asleep - deadlock!": ("crashed", None),
    "yaml: line 3: mapping values are not allowed in this context, error": ("configuration_invalid", None),
    "flag provided but not defined: -colour": ("configuration_invalid", None),
    'pods is forbidden: User "system:serviceaccount:shop:api" cannot list resource "pods"': ("forbidden", None),
    # Node.js
    "Error: connect ECONNREFUSED 10.0.0.5:5432": ("connection_refused", "10.0.0.5:5432"),
    "Error: getaddrinfo ENOTFOUND db.shop.svc": ("name_not_resolved", "db.shop.svc"),
    "Error: listen EADDRINUSE: address already in use :::3000": ("address_in_use", "3000"),
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory": ("out_of_memory", None),
    # Python
    'psycopg2.OperationalError: connection to server at "db" (10.0.0.5), port 5432 failed: FATAL:  password '
    'authentication failed for user "app"': ("authentication_failed", "db:5432"),
    "redis.exceptions.ConnectionError: Error 111 connecting to cache:6379. Connection refused.": (
        "connection_refused",
        "cache:6379",
    ),
    "requests.exceptions.ConnectionError: HTTPConnectionPool(host='api', port=80): [Errno 111] Connection refused": (
        "connection_refused",
        "api:80",
    ),
    "FileNotFoundError: [Errno 2] No such file or directory: '/etc/app.ini'": ("no_such_file", "/etc/app.ini"),
    "KeyError: 'DATABASE_URL'": ("variable_missing", "DATABASE_URL"),
    "ValueError: invalid literal for int() with base 10: 'x'": ("exception", "ValueError"),
    "RuntimeError: can't start new thread": ("processes_exhausted", None),
    # Java
    "java.net.UnknownHostException: db": ("name_not_resolved", "db"),
    "Caused by: java.net.ConnectException: Connection refused: db/10.0.0.5:3306": (
        "connection_refused",
        "10.0.0.5:3306",
    ),
    'Exception in thread "main" java.lang.NullPointerException: x is null': ("exception", "NullPointerException"),
    # Databases and servers
    "ERROR 1045 (28000): Access denied for user 'app'@'10.1.2.3' (using password: YES)": (
        "authentication_failed",
        None,
    ),
    'nginx: [emerg] host not found in upstream "db" in /etc/nginx/conf.d/default.conf:3': ("name_not_resolved", "db"),
    'connect() failed (111: Connection refused) while connecting to upstream, upstream: "http://10.0.0.3:80/"': (
        "connection_refused",
        "10.0.0.3:80",
    ),
    "FATAL: sorry, too many clients already": ("connections_exhausted", None),
    "ERROR: cannot execute INSERT in a read-only transaction": ("database_read_only", None),
    # Programs that write their fields
    'level=fatal msg="invalid configuration: MAX_CONN must be a positive integer"': (
        "configuration_invalid",
        "MAX_CONN",
    ),
    'level=error msg="upstream call failed" upstream=db err="status 401"': ("authentication_failed", "db"),
    'msg="authentication to db rejected (401): credentials not accepted"': ("authentication_failed", "db"),
    'msg="upstream call failed" upstream=api err="status 502"': ("server_error", "api"),
    'msg="upstream call failed" upstream=db err="read from 10.0.0.5:5432: EOF"': ("connection_lost", "10.0.0.5:5432"),
    "required environment variable SMTP_HOST is missing": ("variable_missing", "SMTP_HOST"),
}


def named(error: LogError) -> str | None:
    peer = error.host or error.address
    if peer is not None:
        return peer if error.port is None else f"{peer}:{error.port}"
    return str(error.port) if error.port is not None else error.file or error.name


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_a_well_known_shape_has_its_class_and_what_it_names(line: str) -> None:
    error = classify_line(line)
    assert error is not None
    assert (error.log_class, named(error)) == LINES[line]


def test_every_class_is_recognized_by_some_line() -> None:
    assert {wanted for wanted, _ in LINES.values()} == set(LOG_CLASS_BY_NAME)


def test_what_a_class_says_is_of_this_class() -> None:
    # GIVEN the sentence that facts tell as the message of the container
    for one in LOG_CLASSES:
        error = classify_line(one.says)
        # THEN it reads like a line of the log; these words alone are in many lines
        without = {"crashed", "exception", "certificate_untrusted"}
        assert (error.log_class if error else None) == (None if one.name in without else one.name)


@pytest.mark.parametrize(
    "line",
    [
        "level=info msg=stats requests=120 errors=0",
        "started in 2.5 s",
        "user alice logged in",
        "GET /healthz 200",
        "connected to db:5432",
        "",
        "no config changes",
    ],
)
def test_an_ordinary_line_is_of_no_class(line: str) -> None:
    assert classify_line(line) is None


def test_lines_of_one_class_about_one_thing_are_counted_and_the_one_nearest_to_the_end_comes_first() -> None:
    refused = "dial tcp db:5432: connect: connection refused"
    lines = [
        refused,
        "retrying",
        refused,
        "other 10.0.0.1:80: connection refused",
        refused,
        "KeyError: 'DB_URL'",
        "bye",
    ]
    found = find_log_errors(lines)
    assert [(one.log_class, named(one), one.count, one.lines_after) for one in found] == [
        ("variable_missing", "DB_URL", 1, 1),
        ("connection_refused", "db:5432", 3, 2),
        ("connection_refused", "10.0.0.1:80", 1, 3),
    ]


SECRET = "hunter2-S3cr3t"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0.c2ln"
KEY = "AKIAIOSFODNN7EXAMPLE"
CANARIES = (SECRET, TOKEN, KEY, "alice@example.com", "4111111111111111")


@pytest.mark.parametrize("canary", CANARIES)
def test_free_text_of_a_line_is_not_kept(canary: str) -> None:
    # GIVEN lines of every class in which a secret stands where programs put such things
    shapes = [
        "postgres://app:{}@db:5432/shop: {}",
        'password="{}" {}',
        "token {} rejected: {}",
        "{} while {}",
        "user {}: {}",
        "Authorization: Bearer {} -> {}",
        "api_key={} {}",
        "API_KEY={}: {}",
        'invalid configuration value "{}": {}',
        "environment variable SECRET={} is missing; {}",
        "{} {}",
        'body={{"card": "{}"}} {}',
    ]
    lines = [shape.format(canary, line) for shape in shapes for line in LINES]
    lines += [shape.format(line, canary) for shape in shapes for line in LINES]
    # WHEN THEN
    assert all(canary not in repr(classify_line(line)) for line in lines)
    assert all(canary not in repr(find_log_errors([line])) for line in lines)


def test_with_the_permission_of_the_operator_the_last_line_is_kept_and_bounded() -> None:
    (found,) = find_log_errors(["connection refused 1", "x" * 5000 + " connection refused"], with_text=True)
    assert found.text.endswith(" connection refused")
    assert len(found.text) <= MAX_LINE


def test_a_log_of_errors_only_is_bounded_in_rows() -> None:
    lines = [f"dial tcp 10.0.{number // 250}.{number % 250}:80: connection refused" for number in range(1000)]
    assert len(find_log_errors(lines)) == MAX_FINDINGS


@pytest.mark.parametrize(
    "unit",
    ["a.b-", "/a", "A_B", "a_1.", "(", "connection to ", "[", "host=", " ".join(one.words[0] for one in LOG_CLASSES)],
)
def test_lines_that_are_made_to_be_slow_are_not(unit: str) -> None:
    lines = [unit * 2000 + one.says for one in LOG_CLASSES] * 4
    began = time.process_time()
    find_log_errors(lines)
    assert time.process_time() - began < 2.0


def test_names_that_cannot_be_shown_or_are_no_hosts_are_left_out() -> None:
    for line in ("connection refused 1:99999", "connection refused :80", "10:30:45 connection refused"):
        error = classify_line(line)
        assert error is not None
        assert (error.host, error.address, error.port) == (None, None, None)


def test_the_words_of_a_class_are_in_each_of_its_lines() -> None:
    # A line without one of the words is never looked at: this would hide a shape.
    for line, (wanted, _) in LINES.items():
        assert any(word in line.lower() for word in LOG_CLASS_BY_NAME[wanted].words)
    for one in LOG_CLASSES:
        assert all(re.compile(shape) for shape in one.shapes)
        assert all(word == word.lower() for word in one.words)
