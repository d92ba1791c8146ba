"""How an API server refuses, and how a connection breaks: the same in memory and in front of a real one."""

from __future__ import annotations

from aiohttp import web

from tests.chaos.faults import Kind

UNCOUNTED = ("/version", "/events", "/leases")
"""Requests whose number depends on time; no fault meets them."""
REFUSALS = {Kind.REFUSED_409: 409, Kind.REFUSED_429: 429, Kind.REFUSED_500: 500, Kind.REFUSED_503: 503}
_REASONS = {
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


def refusal(kind: Kind, method: str) -> web.Response:
    """The answer of a fault that refuses; nothing that is read is in conflict, so a GET gets 503 for 409."""
    return status(503 if kind is Kind.REFUSED_409 and method == "GET" else REFUSALS[kind])


def status(code: int) -> web.Response:
    """A Status as the API server writes it."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": _REASONS[code],
        "message": "a fault of the schedule",
    }
    return web.json_response(body, status=code, headers={"Retry-After": "1"} if code == 429 else {})


def hang_up(request: web.BaseRequest) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()
