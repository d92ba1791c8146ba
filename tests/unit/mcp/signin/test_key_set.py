from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from penstock.errors import InvalidInput
from penstock_mcp.signin.key_set import (
    FRESH_SECONDS,
    MAX_DOCUMENT,
    RETRY_SECONDS,
    STALE_SECONDS,
    KeySet,
    checked_address,
)

ISSUER = "https://idp.example.com"
ONE = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
TWO = ECKey.generate_key("P-256", {"kid": "two"})


class Provider:
    def __init__(self, *keys: Any) -> None:
        self.keys: list[Any] = [key.as_dict(private=False) for key in keys]
        self.metadata: Any = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        self.away = False
        self.asked: list[str] = []
        self.body: bytes | None = None
        self.redirect = ""

    def connect(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer), follow_redirects=False)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        if self.away:
            raise httpx2.ConnectError("away")
        if request.url.path.startswith("/.well-known"):
            return httpx2.Response(200, json=self.metadata)
        if self.redirect:
            return httpx2.Response(302, headers={"Location": self.redirect})
        return httpx2.Response(200, content=self.body or json.dumps({"keys": self.keys}).encode())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider() -> Provider:
    return Provider(ONE, TWO)


def a_set(provider: Provider, clock: Clock) -> KeySet:
    return KeySet(ISSUER, provider.connect, clock)


async def test_keys_are_found_through_the_providers_metadata_and_fetched_once(provider: Provider, clock: Clock):
    keys = a_set(provider, clock)
    for _ in range(3):
        found = await keys.key("one")
        assert found is not None
        assert found.kind == "RSA"
        other = await keys.key("two")
        assert other is not None
        assert other.kind == "EC"
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider, clock: Clock):
    keys = a_set(provider, clock)
    await keys.key("one")
    three = RSAKey.generate_key(2048, {"kid": "three"})
    provider.keys.append(three.as_dict(private=False))
    clock.now += RETRY_SECONDS
    assert await keys.key("three") is not None


async def test_made_up_key_ids_are_no_stream_of_requests(provider: Provider, clock: Clock):
    keys = a_set(provider, clock)
    for number in range(100):
        assert await keys.key(f"made-up-{number}") is None
    assert len(provider.asked) == 2


async def test_a_key_that_is_withdrawn_is_not_believed_any_more(provider: Provider, clock: Clock):
    keys = a_set(provider, clock)
    await keys.key("one")
    provider.keys = provider.keys[1:]
    clock.now += FRESH_SECONDS + 1
    assert await keys.key("one") is None
    assert await keys.key("two") is not None


async def test_while_the_provider_is_away_its_last_keys_hold_for_a_while(provider: Provider, clock: Clock):
    keys = a_set(provider, clock)
    await keys.key("one")
    provider.away = True
    clock.now += STALE_SECONDS
    assert await keys.key("one") is not None
    clock.now += 1
    assert await keys.key("one") is None
    provider.away = False
    clock.now += RETRY_SECONDS
    assert await keys.key("one") is not None


async def test_a_token_without_a_key_id_means_the_only_key_there_is(clock: Clock):
    assert await a_set(Provider(ONE), clock).key("") is not None
    assert await a_set(Provider(ONE, TWO), clock).key("") is None


async def test_what_is_not_for_signatures_is_not_used(clock: Clock):
    provider = Provider()
    provider.keys = [
        {**ONE.as_dict(private=False), "kid": "for-encryption", "use": "enc"},
        {**ONE.as_dict(private=True), "kid": "private"},
        {**OctKey.generate_key(256).as_dict(), "kid": "secret"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "!"},
        {"kty": ["RSA"], "kid": "odd"},
        "no object",
        ONE.as_dict(private=False),
    ]
    keys = a_set(provider, clock)
    assert await keys.key("one") is not None
    for name in ("for-encryption", "private", "secret", "broken", "odd"):
        assert await keys.key(name) is None


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"issuer": "https://evil.example.com", "jwks_uri": f"{ISSUER}/keys"}},
        {"metadata": {"issuer": ISSUER}},
        {"metadata": {"issuer": ISSUER, "jwks_uri": "http://169.254.169.254/keys"}},
        {"metadata": {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}},
        {"metadata": [ISSUER]},
        {"body": b"x" * (MAX_DOCUMENT + 1)},
        {"body": b"[" * 100_000},
        {"body": b'{"keys": 7}'},
        {"redirect": "https://evil.example.com/keys"},
    ],
    ids=lambda change: str(change)[:60],
)
async def test_what_the_provider_should_not_say_gives_no_keys(provider: Provider, clock: Clock, change: dict[str, Any]):
    for name, value in change.items():
        setattr(provider, name, value)
    assert await a_set(provider, clock).key("one") is None


@pytest.mark.parametrize("url", ["https://idp.example.com/x", "http://127.0.0.1:8080", "http://localhost/keys"])
def test_addresses_that_keys_may_come_from(url: str):
    assert checked_address(url, "X") == url


@pytest.mark.parametrize(
    "url", ["http://idp.example.com", "ftp://x", "", "idp.example.com", "http://127.0.0.1.evil.com"]
)
def test_addresses_that_anybody_could_answer_for(url: str):
    with pytest.raises(InvalidInput):
        checked_address(url, "X")
