"""The clients of the providers of models, held to the address that a Connection names.

What their libraries would take from the environment (an address, a key) is said here in as many words, so that a
Connection's key goes to that Connection's provider and to nobody else.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from httpx2 import (
    AsyncBaseTransport,
    AsyncByteStream,
    AsyncClient,
    AsyncHTTPTransport,
    ReadError,
    ReadTimeout,
    Request,
    Response,
)

from .addresses import addresses_of
from .failure import CALL_REFUSED, CallFailed

if TYPE_CHECKING:
    from pydantic_ai.models import Model

HOMES: Mapping[str, str] = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
"""Where a provider's API is, for a Connection without a `url`."""
MAX_BYTES = 8 * 1024 * 1024
"""Of one answer."""
ANSWER_SECONDS = 300.0
"""How long one answer may take as a whole, however steadily it trickles."""


def http_client(connection: Mapping[str, Any], seconds: float, whole: float = ANSWER_SECONDS) -> AsyncClient:
    """A client of our own: follows no redirect, is closed in time, reads no more than is good. Raises CallFailed.

    `seconds` is how long a provider may say nothing, `whole` how long it may take with all of an answer.
    """
    parts = urlsplit(_url(connection))
    host, secure = parts.hostname or "", parts.scheme == "https"
    if urllib.request.getproxies().get(parts.scheme) and not urllib.request.proxy_bypass(host):
        # On a machine whose only way out is a proxy; in a cluster no author of a Workflow can set one.
        return AsyncClient(follow_redirects=False, timeout=seconds)
    verify: ssl.SSLContext | bool = ssl.create_default_context() if secure else False
    address = addresses_of(host, parts.port or (443 if secure else 80))[0]
    pinned = _Pinned(address, AsyncHTTPTransport(verify=verify), whole)
    return AsyncClient(transport=pinned, trust_env=False, follow_redirects=False, timeout=seconds)


def model_of(call: Mapping[str, Any], connection: Mapping[str, Any], secret: str | None, http: AsyncClient) -> Model:
    """The model that a call asks. Raises CallFailed where the Connection does not say enough."""
    provider, url = connection["provider"], _url(connection)
    name = call.get("model") or connection.get("model")
    if not name:
        raise CallFailed(CALL_REFUSED, "no model is named: give `model` in the step or in its Connection")
    if secret is None and provider != "openai-compatible":
        raise CallFailed(CALL_REFUSED, f"the provider {provider} needs a key: name a Secret in the Connection")
    if provider == "anthropic":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        return AnthropicModel(name, provider=AnthropicProvider(api_key=secret, base_url=url, http_client=http))
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=url, api_key=secret or "none", http_client=http))


def _url(connection: Mapping[str, Any]) -> str:
    url = connection.get("url") or HOMES.get(connection["provider"])
    if url is None:
        raise CallFailed(CALL_REFUSED, f"the provider {connection['provider']} needs the `url` of its endpoint")
    return str(url)


class _Pinned(AsyncBaseTransport):
    """Requests to an address that was looked up and checked once, whatever a name server says later."""

    def __init__(self, address: str, inner: AsyncHTTPTransport, seconds: float) -> None:
        self._address = address
        self._inner = inner
        self._seconds = seconds

    async def handle_async_request(self, request: Request) -> Response:
        """The answer, whose body ends with an error where it is too large, or takes too long."""
        # The certificate has to be that of the name, and `Host` is set already.
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host=self._address)
        until = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(until):
                response = await self._inner.handle_async_request(request)
        except TimeoutError as error:
            raise ReadTimeout("the answer did not begin in time", request=request) from error
        assert isinstance(response.stream, AsyncByteStream)
        response.stream = _Bounded(response.stream, until)
        return response

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


class _Bounded(AsyncByteStream):
    def __init__(self, inner: AsyncByteStream, until: float) -> None:
        self._inner = inner
        self._until = until

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        pieces = aiter(self._inner)
        while True:
            try:
                async with asyncio.timeout_at(self._until):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise ReadTimeout("the answer had not come in full in time") from error
            seen += len(piece)
            if seen > MAX_BYTES:
                raise ReadError(f"the answer has more than {MAX_BYTES:,} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()
