"""Names of operations do not vary from call to call, and hold nothing but words."""

from __future__ import annotations

import pytest

from formats.rows.otlp_names import clean_host, clean_kind, name_operation, template_name


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("GET /api/v1/users/4711", "GET /api/v1/users/{}"),
        ("/users/{id}/orders/:order", "/users/{id}/orders/:order"),
        ("/api/v1beta1/s3/oauth2", "/api/v1beta1/s3/oauth2"),
        ("/x/0f3c2a1b-77aa-4e11-9d11-aa00bb11cc22", "/x/{}"),
        ("/x/deadbeef0099", "/x/{}"),
        ("shop.Ledger/Charge", "shop.Ledger/Charge"),
        ("/a?token=secret#part", "/a"),
        ("send user@example.org", "send {}.org"),
        ("password=abc", "{}"),
        ("a\x1b[2Jb", "{}"),
        ("*", "*"),
        ("", ""),
        ("/a" * 200, "/a" * 11 + "/"),
    ],
)
def test_parts_that_vary_are_replaced(text, template):
    assert template_name(text) == template


@pytest.mark.parametrize(
    ("name", "attributes", "operation"),
    [
        ("GET", {"http.method": "get", "http.route": "/a/{id}"}, "GET /a/{id}"),
        ("x", {"http.method": "BREW"}, "_OTHER"),
        ("x", {"rpc.service": "shop.Ledger", "rpc.method": "Charge"}, "shop.Ledger/Charge"),
        ("x", {"rpc.method": "shop.Ledger/Charge"}, "shop.Ledger/Charge"),
        ("SELECT shop.users", {"db.system": "postgresql"}, "postgresql SELECT"),
        ("x", {"db.system": "redis", "db.operation": "get"}, "redis GET"),
        ("x", {"messaging.system": "kafka", "messaging.operation": "send", "messaging.destination": "orders"}, "kafka send orders"),
        ("select a from b where c = 'd'", {}, "SELECT"),
        ("checkout", {}, "checkout"),
    ],
)  # fmt: skip
def test_an_operation_is_named_by_its_protocol(name, attributes, operation):
    assert name_operation(name, attributes) == operation


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Ledger.shop.svc.", ("ledger.shop.svc", None)),
        ("10.0.0.1", (None, "10.0.0.1")),
        ("[fd00::1]", (None, "fd00::1")),
        ("a b", (None, None)),
        ("u:p@h", (None, None)),
        ("", (None, None)),
        ("a" * 64, (None, None)),
        ("a." * 300, (None, None)),
    ],
)
def test_a_host_is_a_name_or_an_address(text, host):
    assert clean_host(text) == host


@pytest.mark.parametrize(
    "text", ["timeout", "java.io.IOException", "500", "std::runtime_error", "connection refused", "e12345"]
)
def test_a_kind_of_error_is_one_word(text):
    is_kind = text not in ("500", "connection refused", "e12345")
    assert clean_kind(text) == (text if is_kind else None)
