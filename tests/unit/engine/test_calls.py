"""Calls held against what a Connection allows: which path comes of values, and what is refused."""

from __future__ import annotations

import pytest

from penstock.engine.calls import settled, source_of
from penstock.engine.failures import FailureCode

ALLOW = [{"methods": ["GET"], "paths": ["/**"], "tables": ["*"], "operations": ["select"]}]


def a_request(path, method="GET", allow=ALLOW, kind="json-api"):
    connection = {"name": "shop", "type": kind, "url": "https://shop.example", "allow": allow}
    return {"call": {"kind": "http", "method": method, "path": path}, "connection": connection}


def rule(methods, paths):
    return {"methods": methods, "paths": paths, "tables": ["*"], "operations": ["select"]}


@pytest.mark.parametrize(
    ("pieces", "path"),
    [
        (["/orders"], "/orders"),
        (["/orders/", 7, "/lines"], "/orders/7/lines"),
        (["/orders/", "a b&c?d#e", ""], "/orders/a%20b%26c%3Fd%23e"),
        (["/orders/", "..x", ""], "/orders/..x"),
        (["/orders/", "%2e%2e", ""], "/orders/%252e%252e"),
        (["/", "ä", "-", "ö", ""], "/%C3%A4-%C3%B6"),
        (["/Order(", 3, ")"], "/Order(3)"),
    ],
)
def test_a_value_in_a_path_is_one_part_of_it(pieces, path):
    program, failure = settled(a_request(pieces), "a")
    assert failure is None
    assert program["call"]["path"] == path


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "../x", "a\\b", "a\nb", None, ["a"], {"a": 1}, "\ud800"])
def test_a_value_that_would_be_another_path_is_refused(value):
    _, failure = settled(a_request(["/orders/", value, ""]), "a")
    assert failure is not None
    assert failure.code == FailureCode.INPUT_INVALID
    assert "path" in failure.reason


@pytest.mark.parametrize(
    "pieces", [["/a/../b"], ["//x"], ["/a?b=1"], ["/a#b"], ["/a%2fb"], ["/%2E%2e/a"], ["/.", ".", "/b"]]
)
def test_a_path_that_servers_read_in_two_ways_is_refused(pieces):
    _, failure = settled(a_request(pieces), "a")
    assert failure is not None
    assert failure.code == FailureCode.INPUT_INVALID


@pytest.mark.parametrize(
    ("method", "path", "allow", "allowed"),
    [
        ("GET", "/orders", ALLOW, True),
        ("POST", "/orders", ALLOW, False),
        ("POST", "/emails", [*ALLOW, rule(["POST"], ["/emails"])], True),
        ("POST", "/emails/7", [*ALLOW, rule(["POST"], ["/emails"])], False),
        ("GET", "/orders/7", [rule(["GET"], ["/orders/*"])], True),
        ("GET", "/orders", [rule(["GET"], ["/orders/*"])], False),
        ("GET", "/orders/7/lines", [rule(["GET"], ["/orders/*"])], False),
        ("GET", "/orders/7/lines", [rule(["GET"], ["/orders/**"])], True),
        ("GET", "/orders", [rule(["GET"], ["/orders/**"])], True),
        ("GET", "/ordersx", [rule(["GET"], ["/orders/**"])], False),
        ("GET", "/orders-2026", [rule(["GET"], ["/orders-*"])], True),
        ("GET", "/a.b", [rule(["GET"], ["/axb"])], False),
        ("GET", "/a/x/y/c", [rule(["GET"], ["/a/**/c"])], True),
    ],
)
def test_a_connection_allows_what_one_of_its_rules_fits(method, path, allow, allowed):
    _, failure = settled(a_request([path], method, allow), "a")
    assert (failure is None) is allowed
    if failure is not None:
        assert failure.code == FailureCode.CALL_REFUSED
        assert f"does not allow {method} of {path}" in failure.reason


def test_a_connection_of_another_type_is_refused():
    _, failure = settled(a_request(["/"], kind="sql"), "a")
    assert failure is not None
    assert "is of type sql" in failure.reason


@pytest.mark.parametrize(("operations", "allowed"), [(["select"], False), (["select", "insert"], True)])
def test_a_statement_that_writes_needs_a_connection_that_allows_writing(operations, allowed):
    allow = [{"methods": ["GET"], "paths": ["/**"], "tables": ["*"], "operations": operations}]
    connection = {"name": "db", "type": "sql", "url": "sqlite://", "allow": allow}
    _, failure = settled({"call": {"kind": "sql", "write": True}, "connection": connection}, "a")
    assert (failure is None) is allowed


def test_what_runs_is_the_call_with_its_connection():
    program, _ = settled(a_request(["/orders"]), "a")
    assert '"path":"/orders"' in source_of(program)
    assert '"url":"https://shop.example"' in source_of(program)
