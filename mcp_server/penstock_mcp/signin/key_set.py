"""The provider's public keys: found through its metadata, fetched seldom, kept within bounds.

Only addresses that whoever runs the server configured are asked; nothing in a token (`jku`, `x5u`) leads anywhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from penstock.errors import InvalidInput, Unavailable

log = logging.getLogger(__name__)

Key = RSAKey | ECKey

MAX_DOCUMENT = 262_144
"""Bytes of the provider's metadata or key set."""
MAX_KEYS = 64
FRESH_SECONDS = 600.0
"""A key that the provider withdraws is believed for as long."""
STALE_SECONDS = 21_600.0
"""While the provider cannot be reached, its last keys are believed for as long; afterwards nobody is."""
RETRY_SECONDS = 10.0
"""Between two looks: tokens with made-up key ids must not become a stream of requests to the provider."""

_KINDS: Mapping[str, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """One key for checking signatures."""

    key: Key
    kind: str
    """`RSA` or `EC`. Where the provider names the key's one algorithm, the library holds it to that."""


class KeySet:
    """The keys of one provider, by id."""

    def __init__(
        self, issuer: str, connect: Callable[[], httpx2.AsyncClient], clock: Callable[[], float], *, jwks_url: str = ""
    ) -> None:
        self._issuer = issuer
        self._connect = connect
        self._clock = clock
        self._jwks_url = jwks_url
        self._keys: dict[str, PublishedKey] = {}
        self._fetched: float | None = None
        self._asked: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def key(self, key_id: str) -> PublishedKey | None:
        """The key of this id, or the only key there is for a token that names none. Never raises."""
        found = self._find(key_id)
        if found is None or self._age() > FRESH_SECONDS:
            await self._refresh()
            found = self._find(key_id)
        return found if self._age() <= STALE_SECONDS else None

    def _find(self, key_id: str) -> PublishedKey | None:
        if not key_id:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._clock() - self._fetched

    async def _refresh(self) -> None:
        async with self._one_at_a_time:
            if self._asked is not None and self._clock() - self._asked < RETRY_SECONDS:
                return
            self._asked = self._clock()
            try:
                self._keys = await self._fetch()
                self._fetched = self._clock()
            except Exception as error:  # noqa: BLE001 - whatever the provider does, the last keys stay for a while
                log.warning("the keys of %s cannot be read now: %s", self._issuer, str(error) or type(error).__name__)

    async def _fetch(self) -> dict[str, PublishedKey]:
        if not self._jwks_url:
            self._jwks_url = await self._discover()
        published = (await self._document(self._jwks_url)).get("keys")
        if not isinstance(published, list):
            raise Unavailable("the key set holds no keys")
        keys = (_published(each) for each in published[:MAX_KEYS])
        return {name: key for name, key in keys if key is not None}

    async def _discover(self) -> str:
        found = await self._document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        address = found.get("jwks_uri")
        if found.get("issuer") != self._issuer or not isinstance(address, str):
            raise Unavailable("the provider's metadata is that of another issuer, or names no keys")
        return checked_address(address, "jwks_uri")

    async def _document(self, url: str) -> dict[str, Any]:
        body = bytearray()
        headers = {"Accept": "application/json"}
        async with self._connect() as client, client.stream("GET", url, headers=headers) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_DOCUMENT:
                    raise Unavailable(f"{url} answers with more than {MAX_DOCUMENT} bytes")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise Unavailable(f"{url} does not answer with a JSON object")
        return found


def checked_address(url: str, name: str) -> str:
    """The address, if it is one that keys may come from: https, or this very machine. Raises InvalidInput."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return url
    raise InvalidInput(f"{name} is {url}, which anybody on the way could answer", hint="Give an address with https://.")


def _published(found: Any) -> tuple[str, PublishedKey | None]:
    """Id and key; None for what is not for signatures, not public, or not understood (RFC 7517 5: ignore those)."""
    kind = str(found.get("kty")) if isinstance(found, dict) else ""
    if kind not in _KINDS or found.get("use", "sig") != "sig" or "d" in found:
        return "", None
    try:
        key: Key = _KINDS[kind].import_key(found)
    except (JoseError, ValueError, TypeError, KeyError):
        return "", None
    return str(found.get("kid", "")), PublishedKey(key, kind)
