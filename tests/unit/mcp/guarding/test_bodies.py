from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message

from penstock_mcp.guarding.bodies import MAX_BODY, MAX_DRAINED, Asked, Intake, Refusal, asked, read_body, replayed


class Client:
    """Sends a body in pieces; hangs after the last one where nothing ends it."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self._messages: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": not ends or number < len(pieces) - 1}
            for number, piece in enumerate(pieces)
        ]
        self.sent = 0

    async def __call__(self) -> Message:
        if not self._messages:
            await asyncio.Event().wait()
        message = self._messages.pop(0)
        self.sent += len(message["body"])
        return message


async def test_a_body_is_read_whole_and_given_once_more():
    body = await read_body(Client(b"one", b"two"), None)
    assert body == b"onetwo"
    later = Client(b"later")
    receive = replayed(body, later)
    assert await receive() == {"type": "http.request", "body": b"onetwo", "more_body": False}
    assert (await receive())["body"] == b"later"


@pytest.mark.parametrize("declared", [str(MAX_BODY + 1), "9" * 30, None])
async def test_too_long_a_body_is_refused_and_not_kept(declared: str | None):
    client = Client(*[b"x" * 65_536] * 100)
    with pytest.raises(Refusal) as refused:
        await read_body(client, declared)
    assert refused.value.status == 413
    assert client.sent <= MAX_BODY + 65_536


async def test_a_body_of_the_largest_size_is_taken():
    assert len(await read_body(Client(b"x" * MAX_BODY), str(MAX_BODY))) == MAX_BODY


async def test_a_client_that_never_ends_is_not_waited_for():
    with pytest.raises(Refusal) as refused:
        await read_body(Client(b"{", ends=False), None, seconds=0.01)
    assert refused.value.status == 408


async def test_what_nobody_wants_is_read_within_bounds():
    client = Client(*[b"x" * 1_048_576] * 100)
    await Intake(client).drain()
    assert client.sent == MAX_DRAINED


async def test_after_the_whole_body_there_is_nothing_to_drain():
    client = Client(b"{}")
    intake = Intake(client)
    await read_body(intake, None)
    await asyncio.wait_for(intake.drain(), 0.5)


@pytest.mark.parametrize(
    ("message", "want"),
    [
        ({"method": "tools/call", "params": {"name": "x"}}, Asked("tools/call", "x")),
        ({"method": "ping"}, Asked("ping", "")),
        ({"method": "a", "params": [1]}, Asked("a", "")),
        ({"id": 1, "result": {}}, Asked("", "")),
        ({"id": None, "error": {"code": 1, "message": "?"}}, Asked("", "")),
        ({"id": "a", "method": "ping"}, Asked("ping", "")),
    ],
)
def test_what_a_message_asks_for(message: Any, want: Asked):
    assert asked(json.dumps(message).encode()) == want


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deep-objects"),
        pytest.param(b"[{}]", id="batch"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b'{"method":"tools/list","method":"tools/call"}', id="method-twice"),
        pytest.param(b'{"method":"tools/call","params":{"name":"a","name":"b"}}', id="name-twice"),
        pytest.param(b'{"method":"x","params":{"arguments":{"n":NaN}}}', id="nan"),
        pytest.param(b'{"method":7}', id="method-that-is-no-text"),
        pytest.param(b'{"method":"tools/call","params":{"name":["x"]}}', id="name-that-is-no-text"),
        pytest.param(b'{"method":"ping","id":null}', id="id-that-is-null"),
        pytest.param(b'{"method":"ping","id":{}}', id="id-that-is-an-object"),
        pytest.param(b'{"method":"ping","id":1.5}', id="id-that-is-no-whole-number"),
        pytest.param(b'{"method":"ping","id":true}', id="id-that-is-a-truth"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(body: bytes):
    with pytest.raises(Refusal) as refused:
        asked(body)
    assert refused.value.status == 400
