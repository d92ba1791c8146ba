"""Watches of the API server: one JSON object a line, until the stream ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.failures import from_status, read_status
from penstock.errors import Unavailable

T = TypeVar("T")


class _RawEvent(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _RawMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _RawBookmark(msgspec.Struct):
    metadata: _RawMeta


_decode_event = msgspec.json.Decoder(_RawEvent).decode
_decode_bookmark = msgspec.json.Decoder(_RawBookmark).decode


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One line of a watch: ADDED, MODIFIED, DELETED with an object, or BOOKMARK with a resourceVersion alone."""

    type: str
    object: T | None
    resource_version: str = ""


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks cut at newlines; a last line without one is given too, empty lines are not. No limit of length."""
    pending: list[bytes] = []
    async for chunk in chunks:
        *complete, rest = chunk.split(b"\n")
        for line in complete:
            whole = b"".join((*pending, line)) if pending else line
            pending.clear()
            if whole:
                yield whole
        if rest:
            pending.append(rest)
    if pending:
        yield b"".join(pending)


async def watch(
    client: KubeClient,
    path: str,
    decode: Callable[[msgspec.Raw], T],
    params: Mapping[str, str],
    *,
    silence: float,
) -> AsyncGenerator[Change[T], None]:
    """The changes after `params["resourceVersion"]`. Ends when the server closes the stream.

    Raises Expired for a resourceVersion that the server no longer knows, Unavailable for anything else that breaks
    the stream: an ERROR in it, a lost connection, `silence` seconds without a byte.
    """
    asked = {"watch": "true", "allowWatchBookmarks": "true", **params}
    async with client.stream(path, asked, silence=silence) as chunks:
        async for line in lines(chunks):
            yield _read_change(line, decode)


def _read_change(line: bytes, decode: Callable[[msgspec.Raw], T]) -> Change[T]:
    try:
        event = _decode_event(line)
        if event.type == "BOOKMARK":
            return Change("BOOKMARK", None, _decode_bookmark(event.object).metadata.resource_version)
        if event.type != "ERROR":
            return Change(event.type, decode(event.object))
    except msgspec.DecodeError as error:
        # A proxy that cuts the stream inside a line, or an object that is not what it should be: start over.
        raise Unavailable(f"the watch sent a line that cannot be read: {error}") from error
    status = read_status(event.object)
    raise from_status(status.code, status)
