"""Speaking to the API server: one connection pool, JSON in and out, errors of ours.

Reads are tried again while the server is away. A write whose answer was lost is never repeated here: whoever wrote
reads again and decides anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from penstock.adapters.kube.backoff import Backoff
from penstock.adapters.kube.crash import CrashSwitch
from penstock.adapters.kube.credentials import Credentials, Endpoint
from penstock.adapters.kube.failures import Unauthenticated, failure, unreachable
from penstock.adapters.kube.objects import MetaList
from penstock.errors import BugError, InvalidInput, NotFound, PenstockError, Unavailable
from penstock.ports.access import Actor

T = TypeVar("T")
Decode = Callable[[bytes], T]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

as_dict: Decode[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode
_decode_meta_list: Decode[MetaList] = msgspec.json.Decoder(MetaList).decode

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_KEEP_ALIVE = 75.0
"""Seconds that an idle connection is kept; the API server closes its side after 90."""
_WARMTH_INTERVAL = 30.0


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How the client behaves; times are in seconds."""

    connect: float = 10.0
    request: float = 30.0
    read_tries: int = 4
    first_wait: float = 0.1
    longest_wait: float = 5.0
    crash: CrashSwitch = field(default_factory=CrashSwitch)
    """Counts the mutating requests, and in tests ends the process at one."""
    hear_date: Callable[[str], None] = lambda _: None
    """Told the Date of every answer."""
    wrote: Callable[[str, str, float, BaseException | None], None] = lambda _method, _path, _seconds, _error: None
    """Told of every mutating request: method, path, seconds, what went wrong."""


class KubeClient:
    """One caller's way to one API server."""

    def __init__(
        self,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        *,
        identity: Actor | None = None,
        options: ClientOptions | None = None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._credentials = credentials
        self._session = session
        self._impersonation = _impersonation(identity)
        self._options = options or ClientOptions()
        self._may_write = may_write

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, credentials: Credentials, options: ClientOptions | None = None) -> AsyncIterator[KubeClient]:
        """A client with a connection pool of its own, closed at the end."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE)
        cookies = aiohttp.DummyCookieJar()  # an API server keeps no sessions
        async with aiohttp.ClientSession(connector=connector, cookie_jar=cookies, auto_decompress=True) as session:
            yield cls(credentials, session, options=options)

    @property
    def writes(self) -> int:
        """Mutating requests sent so far by this process, Lease renewals and Events left out."""
        return self._options.crash.count

    def acting_as(self, identity: Actor) -> KubeClient:
        """The same connections, every request impersonating `identity`. The own rights are never a fallback."""
        if not identity.user:
            raise BugError("impersonation needs a user")
        return KubeClient(
            self._credentials, self._session, identity=identity, options=self._options, may_write=self._may_write
        )

    def writing_while(self, allowed: Callable[[], bool]) -> KubeClient:
        """The same client, but that its writes are Unavailable whenever `allowed()` is false; Leases and Events are
        left out, as in `writes`.
        """
        return KubeClient(self._credentials, self._session, options=self._options, may_write=allowed)

    async def get(self, path: str, decode: Decode[T], params: Mapping[str, str] | None = None) -> T:
        """Read one object or a list. Raises NotFound, Forbidden, Expired, Unavailable (after several tries)."""
        return decode(await self._read(path, params))

    async def list_metadata(self, path: str, params: Mapping[str, str] | None = None) -> MetaList:
        """A list, of whose objects only the metadata travels. Raises Forbidden, Unavailable (after several tries)."""
        return _decode_meta_list(await self._read(path, params, {"Accept": _METADATA_LIST}))

    async def exists(self, path: str) -> bool:
        """Whether there is such an object; of one that is there only the metadata travels. Raises Forbidden, ..."""
        try:
            await self._send("GET", path, headers={"Accept": _METADATA})
        except NotFound:
            return False
        return True

    async def create(self, path: str, body: Any, decode: Decode[T], *, counted: bool = True) -> T:
        """POST an object. Raises AlreadyExists, InvalidInput, Forbidden, Unavailable (it may be there all the same)."""
        return decode(await self._write("POST", path, body, "application/json", counted=counted))

    async def replace(self, path: str, body: Any, decode: Decode[T], *, counted: bool = True) -> T:
        """PUT an object; its resourceVersion is the precondition. Raises Conflict, NotFound, Forbidden, Unavailable."""
        return decode(await self._write("PUT", path, body, "application/json", counted=counted))

    async def json_patch(self, path: str, operations: list[dict[str, Any]], decode: Decode[T]) -> T:
        """Apply a JSON patch (RFC 6902). Raises Conflict, InvalidInput, NotFound, Forbidden, Unavailable."""
        return decode(await self._write("PATCH", path, operations, JSON_PATCH, counted=True))

    async def merge_patch(self, path: str, patch: Mapping[str, Any], decode: Decode[T]) -> T:
        """Apply a merge patch (RFC 7386): a null removes. Raises Conflict, NotFound, Forbidden, Unavailable."""
        return decode(await self._write("PATCH", path, patch, MERGE_PATCH, counted=True))

    async def delete(self, path: str, options: Mapping[str, Any]) -> None:
        """DELETE an object; `options` are DeleteOptions. Raises NotFound, Conflict (precondition), Forbidden."""
        await self._write("DELETE", path, options, "application/json", counted=True)

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, str], *, silence: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a GET as it comes, in chunks. Silence of that many seconds is Unavailable; None waits on."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._options.connect, sock_read=silence)
        async with self._answer("GET", path, timeout=timeout, params=params) as response:
            yield self._chunks(response)

    async def warm(self, connections: int) -> None:
        """Open that many connections, so that nothing waits for a TLS handshake later."""
        await asyncio.gather(*(self._send("GET", "/version") for _ in range(connections)))

    async def keep_warm(self, connections: int) -> None:
        """Keep that many connections open, without end."""
        while True:
            with contextlib.suppress(Unavailable):
                await self.warm(connections)
            await asyncio.sleep(_WARMTH_INTERVAL)

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(str(response.url.origin()), error) from error

    async def _read(
        self, path: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        backoff = Backoff(self._options.first_wait, self._options.longest_wait)
        for _ in range(self._options.read_tries - 1):
            try:
                return await self._send("GET", path, params=params, headers=headers)
            except Unavailable as error:
                await asyncio.sleep(max(error.retry_after or 0.0, backoff.next()))
        return await self._send("GET", path, params=params, headers=headers)

    async def _write(self, method: str, path: str, body: Any, content_type: str, *, counted: bool) -> bytes:
        data = _encoded(body)
        if counted and not self._may_write():
            raise Unavailable(f"{method} {path} was not sent: this replica is not the active one any more")
        number = self._options.crash.before() if counted else 0
        began, problem = time.monotonic(), None
        try:
            return await self._send(method, path, data=data, headers={"Content-Type": content_type})
        except PenstockError as error:
            problem = error
            raise
        finally:
            self._options.crash.after(number)
            self._options.wrote(method, path, time.monotonic() - began, problem)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=self._options.request, sock_connect=self._options.connect)
        async with self._answer(method, path, timeout=timeout, params=params, data=data, headers=headers) as response:
            return await response.read()

    @contextlib.asynccontextmanager
    async def _answer(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good response; a refused credential is renewed once (a refused request was never carried out)."""
        endpoint, authorization, generation = await self._credentials.current()
        for last in (False, True):
            all_headers = self._headers(authorization, headers or {})
            try:
                async with self._session.request(
                    method,
                    URL(endpoint.server + path, encoded=True),
                    headers=all_headers,
                    ssl=endpoint.ssl,
                    proxy=endpoint.proxy,
                    server_hostname=endpoint.server_hostname,
                    **options,
                ) as response:
                    self._options.hear_date(response.headers.get("Date", ""))
                    if response.status < 400:
                        yield response
                        return
                    problem = failure(response.status, await response.read(), response.headers)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise unreachable(endpoint.server, error) from error
            if last or not isinstance(problem, Unauthenticated):
                raise problem
            endpoint, authorization, generation = await self._renewed(generation)

    async def _renewed(self, generation: int) -> tuple[Endpoint, str | None, int]:
        await self._credentials.renew(generation)
        return await self._credentials.current()

    def _headers(self, authorization: str | None, more: Mapping[str, str]) -> CIMultiDict[str]:
        headers = CIMultiDict({"Accept": "application/json", **more})
        if authorization:
            headers["Authorization"] = authorization
        headers.extend(self._impersonation)
        return headers


def _encoded(body: Any) -> bytes:
    """JSON, strictly: an encoder that turns NaN into null would change what somebody asked for."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise InvalidInput(
            f"the object holds what JSON cannot say: {error}",
            hint="Remove infinite numbers and text that is not valid Unicode.",
        ) from error


def _impersonation(identity: Actor | None) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict()
    if identity is None:
        return headers
    headers["Impersonate-User"] = identity.user
    # Constrained impersonation refuses groups and extras beside a ServiceAccount; policies derive its client by name.
    if identity.user.startswith("system:serviceaccount:"):
        return headers
    for group in identity.groups:
        headers.add("Impersonate-Group", group)
    if identity.client:
        headers[f"Impersonate-Extra-{quote('penstock.dev/client', safe='')}"] = identity.client
    return headers
