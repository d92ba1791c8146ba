"""Which tokens are taken. Signatures are real, made with keys of the test's own; the provider is in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from penstock.errors import InvalidInput
from penstock_mcp.signin.claims import ClaimMapping
from penstock_mcp.signin.key_set import KeySet
from penstock_mcp.signin.oauth import LEEWAY_SECONDS, OAuthRules, OAuthVerifier
from penstock_mcp.signin.proof import Proof, ProvedBy, proof_of

ISSUER = "https://idp.example.com"
US = "https://mcp.example.com/mcp"
NOW = 1_800_000_000
RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
EC = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
SILENT_RSA = RSAKey.generate_key(2048, {"kid": "three"})
STRANGER = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256"})


class Provider:
    """The provider's metadata and keys; counts what it is asked."""

    def __init__(self, *keys: Any) -> None:
        self.keys = [key.as_dict(private=False) for key in keys]
        self.asked: list[str] = []

    def connect(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        if request.url.path == "/.well-known/openid-configuration":
            return httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
        return httpx2.Response(200, json={"keys": self.keys})


def a_verifier(provider: Provider | None = None, algorithms: tuple[str, ...] = ("RS256", "ES256")) -> OAuthVerifier:
    provider = provider or Provider(RSA, EC, SILENT_RSA)
    rules = OAuthRules(ISSUER, lambda audience: audience == US, algorithms, ClaimMapping(ISSUER, groups_claim="groups"))
    return OAuthVerifier(rules, KeySet(ISSUER, provider.connect, lambda: 0.0), lambda: NOW)


def claims(**changes: Any) -> dict[str, Any]:
    fields = {
        "iss": ISSUER,
        "aud": US,
        "sub": "u-1",
        "exp": NOW + 600,
        "iat": NOW - 5,
        "client_id": "web",
        "scope": "runs:read approvals:decide",
        "groups": ["devs"],
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def a_token(key: Any = RSA, payload: Any = None, algorithm: str = "RS256", **header: Any) -> str:
    body = json.dumps(claims() if payload is None else payload).encode()
    protected = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt", **header}
    protected = {name: value for name, value in protected.items() if value is not ...}
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return str(jws.serialize_compact(protected, body, key, registry=registry))


def signed_with_text(secret: bytes) -> str:
    """HS256, with what everybody can read as the secret."""
    content = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims())}"
    mac = hmac.new(secret, content.encode(), hashlib.sha256).digest()
    return f"{content}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def signed_by_hand(header: dict[str, Any]) -> str:
    """What a library that knows the rules would not sign."""
    content = f"{part(header)}.{part(claims())}"
    signature = RSA.private_key.sign(content.encode(), PKCS1v15(), SHA256())
    return f"{content}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_a_good_token_proves_its_user_client_groups_and_scopes():
    token = await a_verifier().verify(a_token())
    assert token is not None
    assert proof_of(token) == Proof(
        ProvedBy.OPENID,
        user=f"{ISSUER}#u-1",
        client="web",
        groups=("devs",),
        scopes=("runs:read", "approvals:decide"),
        person=True,
        expires_at=NOW + 600 + LEEWAY_SECONDS,
    )


GOOD: dict[str, Callable[[], str]] = {
    "elliptic curve": lambda: a_token(EC, algorithm="ES256"),
    "a list of audiences with us": lambda: a_token(payload=claims(aud=["other", US])),
    "nbf in the past": lambda: a_token(payload=claims(nbf=NOW - 1)),
    "clocks a little apart": lambda: a_token(payload=claims(nbf=NOW + 20, iat=NOW + 20)),
    "just expired, by a clock a little apart": lambda: a_token(payload=claims(exp=NOW - 20)),
    "plain type": lambda: a_token(typ="JWT"),
    "no type": lambda: a_token(typ=...),
    "more headers": lambda: a_token(x5t="abc"),
    "a key whose algorithm is not said": lambda: a_token(SILENT_RSA),
}


@pytest.mark.parametrize("name", GOOD)
async def test_tokens_that_are_taken(name: str):
    assert await a_verifier().verify(GOOD[name]()) is not None


BAD: dict[str, Callable[[], str]] = {
    "no token": lambda: "junk",
    "alg none": lambda: f"{part({'alg': 'none'})}.{part(claims())}.",
    "alg none with a signature": lambda: f"{part({'alg': 'none', 'kid': 'one'})}.{part(claims())}.abc",
    "a secret made of the public key": lambda: signed_with_text(RSA.as_pem(private=False)),
    "an algorithm that is not allowed": lambda: a_token(SILENT_RSA, algorithm="PS256"),
    "an algorithm that the key is not for": lambda: a_token(EC, algorithm="ES256", kid="one"),
    "somebody else's key under a known id": lambda: a_token(STRANGER),
    "an unknown key": lambda: a_token(kid="nine"),
    "no key id where there are several": lambda: a_token(kid=...),
    "a key id that is no text": lambda: f"{part({'alg': 'RS256', 'kid': ['one']})}.{part(claims())}.abc",
    "payload changed": lambda: ".".join(
        piece if n != 1 else part(claims(sub="root")) for n, piece in enumerate(a_token().split("."))
    ),
    "no signature": lambda: a_token().rpartition(".")[0] + ".",
    "another issuer": lambda: a_token(payload=claims(iss="https://evil.example.com")),
    "issuer with a slash": lambda: a_token(payload=claims(iss=ISSUER + "/")),
    "another audience": lambda: a_token(payload=claims(aud="https://kubernetes.default.svc")),
    "a list without us": lambda: a_token(payload=claims(aud=["a", "b", f"{US}/more"])),
    "no audience": lambda: a_token(payload=claims(aud=...)),
    "audience of a wrong shape": lambda: a_token(payload=claims(aud={US: True})),
    "no expiry": lambda: a_token(payload=claims(exp=...)),
    "expired": lambda: a_token(payload=claims(exp=NOW - LEEWAY_SECONDS)),
    "expiry as text": lambda: a_token(payload=claims(exp=str(NOW + 600))),
    "expiry true": lambda: a_token(payload=claims(exp=True)),
    "expiry without end": lambda: a_token(payload=claims(exp=1e30)),
    "not yet valid": lambda: a_token(payload=claims(nbf=NOW + LEEWAY_SECONDS + 1)),
    "issued in the future": lambda: a_token(payload=claims(iat=NOW + 3600)),
    "no subject": lambda: a_token(payload=claims(sub=...)),
    "empty subject": lambda: a_token(payload=claims(sub="")),
    "client_id and azp differ": lambda: a_token(payload=claims(azp="other")),
    "an identity token": lambda: a_token(typ="id_token"),
    "a logout token": lambda: a_token(typ="logout+jwt"),
    "critical headers": lambda: signed_by_hand({"alg": "RS256", "kid": "one", "crit": ["x"], "x": 1}),
    "bound to a key of the client's": lambda: a_token(payload=claims(cnf={"jkt": "abc"})),
    "groups of a wrong shape": lambda: a_token(payload=claims(groups={"devs": True})),
    "payload that is no object": lambda: a_token(payload=[1]),
    "huge": lambda: a_token(payload=claims(note="x" * 20_000)),
    "four parts": lambda: a_token() + ".x",
    "not ascii": lambda: a_token() + "é",
}


@pytest.mark.parametrize("name", BAD)
async def test_tokens_that_are_refused(name: str, caplog: pytest.LogCaptureFixture):
    token = BAD[name]()
    with caplog.at_level(logging.DEBUG):
        assert await a_verifier().verify(token) is None
    assert all(piece not in caplog.text for piece in token.split(".") if len(piece) > 8)


async def test_by_hand_is_as_good_as_by_the_library():
    assert await a_verifier().verify(signed_by_hand({"alg": "RS256", "kid": "one"})) is not None


async def test_a_key_is_for_the_one_algorithm_that_the_provider_names():
    verifier = a_verifier(algorithms=("RS256", "PS256"))
    assert await verifier.verify(a_token(SILENT_RSA, algorithm="PS256")) is not None
    silent = RSAKey.import_key({name: value for name, value in RSA.as_dict(private=True).items() if name != "alg"})
    assert await verifier.verify(a_token(silent)) is not None
    assert await verifier.verify(a_token(silent, algorithm="PS256")) is None


async def test_addresses_in_a_token_are_never_followed():
    provider = Provider(RSA)
    evil = "https://evil.example.com/keys"
    inner = STRANGER.as_dict(private=False)
    for header in ({"jku": evil}, {"x5u": evil}, {"jwk": inner}, {"kid": evil}):
        assert await a_verifier(provider).verify(a_token(STRANGER, **header)) is None
    assert all(address.startswith(ISSUER) for address in provider.asked)


@pytest.mark.parametrize("algorithms", [("HS256",), ("none",), ("RS256", "MD5"), ()])
def test_algorithms_with_which_whoever_checks_could_forge_cannot_be_allowed(algorithms: tuple[str, ...]):
    with pytest.raises(InvalidInput):
        a_verifier(algorithms=algorithms)


@pytest.mark.parametrize(
    ("token", "ours"), [(a_token(), True), (a_token(payload=claims(iss="x")), False), ("junk", False), ("a.b.c", False)]
)
def test_only_tokens_that_name_our_provider_come_here(token: str, ours: bool):
    assert a_verifier().issued(token) is ours
