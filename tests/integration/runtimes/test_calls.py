"""Requests to a real server that is slow, huge, broken or hostile, and what a step makes of its answers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from penstock_runtimes.harness import protocol
from penstock_runtimes.steps import calling
from penstock_runtimes.steps.calling import CallFailed, failure
from penstock_runtimes.steps.calling.addresses import is_allowed
from penstock_runtimes.steps.calling.transport import Bounds, Transport, Unanswered
from tests.support.web import Asked, Said, Web, said, serving


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def call(web: Web, secret: str | None = None, connection: dict[str, Any] | None = None, **fields: Any) -> Any:
    request = {
        "kind": "http",
        "method": "GET",
        "path": "/rows",
        "query": {},
        "filters": [],
        "headers": {},
        "maxBytes": 10_000,
        **fields,
    }
    place = {"name": "shop", "type": "json-api", "url": web.url, **(connection or {})}
    return calling.perform({"call": request, "connection": place}, secret, "key-1")


def refusal(web: Web, **fields: Any) -> tuple[str, str]:
    with pytest.raises(CallFailed) as raised:
        call(web, **fields)
    return raised.value.code, str(raised.value)


def test_the_codes_are_those_of_the_contract():
    codes = {value for name, value in vars(failure).items() if name.isupper()}
    assert codes == set(protocol.CALL_CODES)


def test_filters_are_written_in_brackets_or_as_one_json(web: Web):
    filters = [
        {"name": "a", "op": "eq", "val": "x&y"},
        {"name": "b", "op": "isnull", "val": None},
        {"name": "c", "op": "ne"},
        {"name": "d", "op": "in", "val": [1, 2]},
        {"name": "e", "op": "lt", "val": 5.5},
    ]
    web.answer("GET", "/rows", [])
    call(web, filters=filters, query={"page": 1, "tag": ["a", "b"], "none": None})
    call(web, filters=filters[:1], connection={"filterStyle": "json"})

    assert web.requests[0].query == {
        "page": ["1"],
        "tag": ["a", "b"],
        "filter[a]": ["x&y"],
        "filter[b][isnull]": ["true"],
        "filter[c][isnull]": ["false"],
        "filter[d][in]": ["1,2"],
        "filter[e][lt]": ["5.5"],
    }
    assert json.loads(web.requests[1].query["filter"][0]) == [{"name": "a", "op": "eq", "val": "x&y"}]


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({}, "authorization", "Bearer s3cret"),
        ({"scheme": "basic"}, "authorization", "Basic czNjcmV0"),
        ({"scheme": "header", "header": "X-Api-Key"}, "x-api-key", "s3cret"),
    ],
)
def test_a_secret_is_sent_as_the_connection_says(web: Web, auth: dict[str, str], header: str, value: str):
    web.answer("GET", "/rows", [])
    call(web, "s3cret\n", {"auth": {"secretRef": {"name": "a", "key": "b"}, **auth}})
    assert web.requests[0].headers[header] == value


def test_a_secret_of_several_lines_cannot_add_headers(web: Web):
    auth = {"auth": {"secretRef": {"name": "a", "key": "b"}}}
    code, _ = refusal(web, secret="a\r\nX-Admin: yes", connection=auth)
    assert code == "CALL_REFUSED"
    assert web.requests == []


@pytest.mark.parametrize("value", ["Söhne", "顧客", "a\r\nX-Admin: yes", "a\x00"])
def test_a_header_that_cannot_be_one_is_refused_before_anything_is_sent(web: Web, value: str):
    code, reason = refusal(web, headers={"X-Name": value})
    assert (code, web.requests) == ("CALL_REFUSED", [])
    assert "X-Name" in reason
    auth = {"auth": {"secretRef": {"name": "a", "key": "b"}, "scheme": "header", "header": "X-Key"}}
    code, reason = refusal(web, secret="hünter2-hünter2", connection=auth)
    assert (code, web.requests) == ("CALL_REFUSED", [])
    assert "X-Key" in reason
    assert "hünter2" not in reason


@pytest.mark.parametrize(
    "fields",
    [{"query": {"a": "\ud800"}}, {"method": "POST", "body": {"a": "\ud800"}}, {"query": {"a": "x" * 70_000}}],
    ids=["query", "body", "length"],
)
def test_a_request_that_cannot_be_written_is_refused(web: Web, fields: dict[str, Any]):
    assert refusal(web, **fields)[0] == "CALL_REFUSED"
    assert web.requests == []


def pages(web: Web, *links: str | None) -> None:
    def reply(asked: Asked) -> Said:
        number = int(asked.query.get("page", ["0"])[0])
        return said({"data": [{"id": number}], "links": {"next": links[number]}})

    web.on("GET", "/rows", reply)


def test_all_pages_are_read(web: Web):
    pages(web, "/rows?page=1", f"{web.url}/rows?page=2", None)
    output = call(web, paginate={"maxPages": 10, "maxRows": 100})
    assert (output["rows"], output["pages"], output["complete"]) == ([{"id": 0}, {"id": 1}, {"id": 2}], 3, True)


@pytest.mark.parametrize("bounds", [{"maxPages": 2, "maxRows": 100}, {"maxPages": 10, "maxRows": 2}])
def test_no_more_is_read_than_was_asked_for_and_the_output_says_so(web: Web, bounds: dict[str, int]):
    pages(web, "/rows?page=1", "/rows?page=2", "/rows?page=3", None)
    output = call(web, paginate=bounds)
    assert (len(output["rows"]), output["complete"]) == (2, False)
    assert len(web.requests) == 2


@pytest.mark.parametrize(
    "link", ["http://169.254.169.254/rows?page=1", "/admin?page=1", "//evil.example/rows", "?page=0"]
)
def test_a_next_page_elsewhere_is_not_followed(web: Web, link: str):
    pages(web, link, None)
    code, reason = refusal(web, paginate={"maxPages": 10, "maxRows": 100}, query={"page": 0})
    assert code == "ANSWER_UNEXPECTED"
    assert "links.next" in reason
    assert len(web.requests) == 1


@pytest.mark.parametrize("link", ["http://[", "?page=\x01", "?page=" + "1" * 70_000], ids=["host", "control", "long"])
def test_a_next_page_or_redirect_that_is_no_address_fails_the_call_and_nothing_more(web: Web, link: str):
    pages(web, link, None)
    code, _ = refusal(web, paginate={"maxPages": 10, "maxRows": 100})
    assert code in ("ANSWER_UNEXPECTED", "CALL_REFUSED")
    web.answer("GET", "/other", {}, 302, location=link)
    code, _ = refusal(web, path="/other")
    assert code in ("ANSWER_UNEXPECTED", "CALL_REFUSED")
    assert len(web.requests) == 2


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again_when_the_other_side_says(web: Web, status: int):
    answers = iter([said({}, status, retry_after="0"), said({}, status, retry_after="0"), said({"at": "last"})])
    web.on("GET", "/rows", lambda _: next(answers))
    assert call(web)["body"] == {"at": "last"}


def test_what_does_not_pass_ends_with_the_last_answer(web: Web):
    web.answer("GET", "/rows", {"why": "closed"}, 503, retry_after="0")
    code, reason = refusal(web)
    assert code == "ANSWER_UNEXPECTED"
    assert "503" in reason
    assert "closed" in reason
    assert len(web.requests) == 4


def test_a_request_that_may_have_done_something_is_not_sent_twice(web: Web):
    web.answer("POST", "/rows", {}, 500)
    assert refusal(web, method="POST", body={"a": 1})[0] == "ANSWER_UNEXPECTED"
    assert len(web.requests) == 1
    assert web.requests[0].headers["idempotency-key"] == "key-1"


def test_nobody_is_waited_for_without_end(web: Web):
    web.answer("GET", "/rows", {}, 429, retry_after="86400")
    code, reason = refusal(web)
    assert (code, len(web.requests)) == ("CALL_FAILED", 1)
    assert "86400 s" in reason


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/",
        "https://evil.example/",
        "//evil.example/rows",
        "http://localhost@evil.example/rows",
        "/a%2fb",
        "/\\evil.example",
        "http://[::1/",
        "",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(web: Web, place: str, status: int):
    web.answer("GET", "/rows", {}, status, location=place)
    code, reason = refusal(web)
    assert code == "ANSWER_UNEXPECTED"
    assert repr(place) in reason or not place
    assert len(web.requests) == 1 if place else len(web.requests) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed_with_the_secret_where_the_connection_allows_it(web: Web, status: int):
    web.answer("GET", "/api/rows", {}, status, location="/api/orders/?page=1#top")
    web.answer("GET", "/api/orders/", {}, status, location=f"{web.url}/api/orders/all")
    web.answer("GET", "/api/orders/all", {"id": 7})
    allow = [{"methods": ["GET"], "paths": ["/rows", "/orders/**"]}]
    place = {"url": f"{web.url}/api", "allow": allow, "auth": {"secretRef": {"name": "a", "key": "b"}}}
    assert call(web, "s3cret", place)["body"] == {"id": 7}
    assert web.requests[1].query == {"page": ["1"]}
    assert [each.headers["authorization"] for each in web.requests] == ["Bearer s3cret"] * 3


@pytest.mark.parametrize(
    "place", ["/api/staff", "/rows", "/apix/orders", "/api/orders/1/secret", "/api/orders/../staff"]
)
def test_a_redirect_does_not_lead_where_the_connection_does_not_allow(web: Web, place: str):
    web.answer("GET", "/api/rows", {}, 302, location=place)
    allow = [{"methods": ["GET"], "paths": ["/rows", "/orders/*"]}, {"methods": ["POST"], "paths": ["/staff"]}]
    code, reason = refusal(web, connection={"url": f"{web.url}/api", "allow": allow})
    assert (code, len(web.requests)) == ("ANSWER_UNEXPECTED", 1)
    assert "does not allow" in reason


def test_redirects_in_a_circle_end(web: Web):
    web.answer("GET", "/rows", {}, 302, location="/rows")
    code, reason = refusal(web)
    assert (code, len(web.requests)) == ("ANSWER_UNEXPECTED", 6)
    assert "more than 5 times" in reason


def test_what_changes_something_is_not_sent_on(web: Web):
    web.answer("POST", "/rows", {}, 307, location="/orders")
    code, reason = refusal(web, method="POST", body=1)
    assert (code, len(web.requests)) == ("ANSWER_UNEXPECTED", 1)
    assert "POST is not sent twice" in reason


@pytest.mark.parametrize(
    "trickled",
    [
        ("HTTP/1.1 200 OK\r\n", "x-a: 1\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ],
    ids=["headers", "body without a length", "chunks"],
)
def test_whoever_trickles_is_cut_off(trickled: tuple[str, str]):
    first, again = trickled
    hung_up = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(first.encode())
            while not hung_up.wait(0.02):
                connection.sendall(again.encode())
        hung_up.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        try:
            transport = Transport(f"http://127.0.0.1:{listener.getsockname()[1]}", 10_000_000, Bounds(answer=0.3))
            with transport, pytest.raises(Unanswered, match="not answered in full"):
                transport.send("GET", f"{transport.base}/rows", {}, None)
            # Cut off from our side: its next words find nobody.
            assert hung_up.wait(10)
        finally:
            hung_up.set()
            thread.join()


def test_whoever_says_nothing_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = Transport(f"http://127.0.0.1:{listener.getsockname()[1]}", 1000, Bounds(silence=0.2))
        with transport, pytest.raises(Unanswered, match="no whole answer"):
            transport.send("GET", f"{transport.base}/rows", {}, None)


def test_a_name_is_looked_up_once_so_a_second_answer_leads_nowhere(web: Web):
    web.answer("GET", "/rows", {}, 302, location="/orders")
    web.answer("GET", "/orders", {"id": 1})
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]])

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in next(answers)]

    transport = Transport(web.url, 1000, Bounds(look_up=look_up))
    with transport:
        for _ in range(2):
            assert transport.send("GET", f"{web.url}/orders", {}, None).body == {"id": 1}
    assert next(answers) == ["169.254.169.254"]
    with pytest.raises(CallFailed, match="a cloud's metadata"):
        Transport("http://rebound.example", 1000, Bounds(look_up=lambda *a, **k: look_up_of("169.254.169.254")))


def look_up_of(address: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-a: y\r\n" * 200_000 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    ],
    ids=["one header", "many headers", "continue", "negative", "two lengths", "a chunk without end"],
)
def test_an_answer_that_is_none_fails_the_call_and_nothing_more(web: Web, raw: bytes):
    web.on("POST", "/rows", lambda _: Said(raw=raw))
    code, _ = refusal(web, method="POST", body=1)
    assert code in ("CALL_FAILED", "ANSWER_UNEXPECTED")


def test_half_of_a_surrogate_pair_is_no_text_of_an_output(web: Web):
    web.on("GET", "/rows", lambda _: Said(200, b'{"a": "\\ud800"}', {"content-type": "application/json"}))
    code, reason = refusal(web)
    assert code == "ANSWER_UNEXPECTED"
    assert "surrogate" in reason


@pytest.mark.parametrize(
    ("answer", "said_so"),
    [
        (Said(200, b"x" * 20_000, {"content-type": "text/plain"}), "more than 10,000 bytes"),
        (Said(200, b"{broken", {"content-type": "application/json"}), "is not"),
        (Said(200, b"[NaN]", {"content-type": "application/json"}), "NaN"),
        (Said(200, b"[1e999]", {"content-type": "application/json"}), "is not"),
        (Said(200, b"[" * 5000, {"content-type": "application/json"}), "is not"),
        (Said(200, b"[" * 95 + b"]" * 95, {"content-type": "application/json"}), "nested"),
        (Said(200, b"\x1f\x8b", {"content-encoding": "gzip"}), "compressed"),
    ],
    ids=["huge", "broken", "no number", "infinite", "deep and broken", "deep", "compressed"],
)
def test_an_answer_beyond_its_bounds_is_refused(web: Web, answer: Said, said_so: str):
    web.on("GET", "/rows", lambda _: answer)
    code, reason = refusal(web)
    assert code == "ANSWER_UNEXPECTED"
    assert said_so in reason


def test_an_answer_without_end_is_read_to_its_bound_only(web: Web):
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000
    web.on("GET", "/rows", lambda _: Said(raw=endless))
    assert "more than 10,000 bytes" in refusal(web)[1]


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_half_an_answer_is_none(web: Web, raw: bytes):
    web.on("POST", "/rows", lambda _: Said(raw=raw))
    code, reason = refusal(web, method="POST", body=1)
    assert code == "CALL_FAILED"
    assert "no whole answer" in reason


def test_what_an_answer_says_stays_data(web: Web):
    text = "{{ context.secret }} ${HOME} $(id) '; DROP TABLE orders; --"
    web.answer("GET", "/rows", {"say": text})
    assert call(web)["body"] == {"say": text}


@pytest.mark.parametrize(
    ("expect", "fine"),
    [
        ({"status": [404]}, False),
        ({"status": [200, 404]}, True),
        ({"schema": {"type": "object", "required": ["id"]}}, True),
        ({"schema": {"type": "object", "required": ["total"]}}, False),
        ({"schema": {"$ref": "http://127.0.0.1:1/schema.json"}}, False),
        ({"schema": {"patternProperties": {"(": {}}}}, False),
    ],
)
def test_an_answer_is_held_against_what_is_expected(web: Web, expect: dict[str, Any], fine: bool):
    web.answer("GET", "/rows", {"id": 1})
    if fine:
        assert call(web, expect=expect)["status"] == 200
    else:
        assert refusal(web, expect=expect)[0] == "ANSWER_UNEXPECTED"


def test_nobody_at_the_address(web: Web):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://localhost:{taken.getsockname()[1]}"
        code, reason = refusal(web, connection={"url": url}, method="POST", body=1)
    assert code == "CALL_FAILED"
    assert "cannot be reached" in reason


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("shop.example", "93.184.216.34", True),
        ("shop.sales.svc", "10.96.3.4", True),
        ("shop.example", "127.0.0.1", False),
        ("shop.example", "::1", False),
        ("shop.example", "::ffff:127.0.0.1", False),
        ("shop.example", "169.254.169.254", False),
        ("shop.example", "::ffff:169.254.169.254", False),
        ("shop.example", "fd00:ec2::254", False),
        ("shop.example", "100.100.100.200", False),
        ("shop.example", "fe80::1", False),
        ("shop.example", "0.0.0.0", False),
        ("shop.example", "224.0.0.1", False),
        ("localhost", "127.0.0.1", True),
        ("localhost", "169.254.169.254", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("[::1]", "::1", True),
        ("10.0.0.7", "10.0.0.7", True),
    ],
)
def test_where_a_name_may_lead(host: str, address: str, allowed: bool):
    assert is_allowed(host, address) is allowed
