"""Bodies of requests: read within bounds, and parsed so strictly that nobody can read another request out of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Message, Receive

MAX_BODY = 1_048_576
"""Bytes. The largest argument that a tool takes, a whole Workflow, has half of that."""
BODY_SECONDS = 10.0
"""For a body to come in; a client that takes longer only holds a place."""

MAX_DRAINED = 8_388_608
DRAIN_SECONDS = 1.0


class Refusal(Exception):
    """An answer instead of what was asked for. `error` is for programs, `text` for people."""

    def __init__(self, status: int, error: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.text = text
        self.headers = dict(headers or {})


async def read_body(receive: Receive, declared: str | None, seconds: float = BODY_SECONDS) -> bytes:
    """All of the body. Raises Refusal when it is too long, or takes too long; `declared` is its Content-Length."""
    if declared is not None and declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_long()
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive)
    except TimeoutError:
        raise Refusal(408, "request_timeout", f"the request did not come in within {seconds:.0f} s") from None


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "invalid_request", "the request broke off")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            raise _too_long()
    return bytes(body)


class Intake:
    """A `receive` that knows when the whole body was given."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        """The next message."""
        message = await self._receive()
        self._ended = self._ended or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read on for a moment what nobody wants, so that the client reads the answer and meets no broken pipe."""
        left = MAX_DRAINED
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._ended and left > 0:
                    left -= len((await self()).get("body", b""))


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then what the client does next."""
    given = False

    async def once_more() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once_more


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for."""

    method: str
    """Empty for an answer of the client's."""
    name: str
    """Of the tool, where one is called."""


def asked(body: bytes) -> Asked:
    """What a JSON-RPC message asks for. Raises Refusal for anything but one object with names that are there once.

    Two readers take different values of a name that is there twice: one would check this, the other do that.
    """
    try:
        message = json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "invalid_request", "the body is not one JSON object with each name once") from error
    if not isinstance(message, dict):
        raise Refusal(400, "invalid_request", "the body is not one JSON object; send one request at a time")
    method, params = message.get("method", ""), message.get("params")
    name = params.get("name", "") if isinstance(params, dict) else ""
    if not isinstance(method, str) or not isinstance(name, str):
        raise Refusal(400, "invalid_request", "method and name are texts")
    if method and not _identified(message):
        # Taken for a notification, it would be accepted and never answered.
        raise Refusal(400, "invalid_request", "the id of a request is a text or a whole number")
    return Asked(method, name)


def _identified(message: Mapping[str, Any]) -> bool:
    """It has an id that an answer can carry, or is a notification, which has none."""
    given = message.get("id", "")
    return isinstance(given, str | int) and not isinstance(given, bool)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _too_long() -> Refusal:
    return Refusal(413, "request_too_large", f"the request is longer than {MAX_BODY} bytes")
