"""What an assertion says, and how it holds up at the sample verifier."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from examples.shop.assertions import Verifier
from examples.shop.roles import NORTH
from penstock.adapters.assertion_key import KeyFile, LocalKey, NoKey, published
from penstock.application.assertions import assertion
from penstock.engine.calls import AUTH_VARIABLE, connected
from penstock.engine.commands import StartAttempt
from penstock.engine.model import AttemptId, Origin
from penstock.errors import NotPossible
from penstock.ports.access import Key

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SHOP = "https://shop.example"
CONNECTION = {"name": "shop", "url": SHOP, "auth": {"onBehalfOf": {"audience": SHOP, "seconds": 600.0}}}


def program(user: str = "nora") -> dict[str, Any]:
    run = Origin("sales", "run-1", "uid-1", user, "laptop", groups=("north",))
    return connected({"call": {"kind": "http"}}, CONNECTION, run)


def signed(key: Any, user: str = "nora", now: datetime = NOW) -> str:
    command = StartAttempt(AttemptId("list", 2), "run-1-list-2", "sha256:0", program(user), {})
    made = assertion(key, Key("sales", "run-1"), "uid-1", command, now)
    return made[AUTH_VARIABLE]


@pytest.fixture
def key(tmp_path: Path) -> LocalKey:
    return LocalKey(tmp_path / "keys" / "assertions.pem", "penstock")


class Shop:
    """A verifier and its clock."""

    def __init__(self, *files: Path) -> None:
        self.files = list(files)
        self.looks = 0
        self.now = NOW
        self.verifier = Verifier("penstock", SHOP, {"nora": NORTH}, self.keys, self.time)

    def keys(self) -> dict[str, Any]:
        self.looks += 1
        return json.loads(json.dumps(published(self.files)))

    def time(self) -> float:
        return self.now.timestamp()

    def knows(self, token: str) -> bool:
        return self.verifier.role_of(token) is not None


def test_it_says_who_asked_for_what_where(key: LocalKey):
    claims = jwt.decode(signed(key), ECKey.import_key(key.path.read_bytes()) if key.path.exists() else None).claims
    assert claims == {
        "iss": "penstock",
        "sub": "nora",
        "aud": SHOP,
        "iat": int(NOW.timestamp()),
        "nbf": int(NOW.timestamp()) - 30,
        "exp": int(NOW.timestamp()) + 600,
        "jti": "uid-1/run-1-list-2",
        "groups": ["north"],
        "client": "laptop",
        "penstock": {"namespace": "sales", "run": "run-1", "step": "list", "attempt": 2, "connection": "shop"},
    }


def test_another_persons_call_is_another_program():
    assert program("nora") != program("ann")


def test_a_shop_knows_whom_it_has_a_role_for_while_the_assertion_holds(key: LocalKey):
    token = signed(key)
    shop = Shop(key.path)
    assert shop.verifier.role_of(token) == NORTH
    assert not shop.knows(signed(key, "mallory"))
    for later, holds in ((timedelta(seconds=-25), True), (timedelta(minutes=10), True), (timedelta(minutes=11), False)):
        shop.now = NOW + later
        assert shop.knows(token) is holds, later


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "sub"])
def test_what_lacks_or_changes_a_claim_is_nobody(key: LocalKey, claim: str):
    token = signed(key)
    own = ECKey.import_key(key.path.read_bytes())
    claims = jwt.decode(token, own).claims
    header = {"alg": "ES256", "kid": own.thumbprint()}
    shop = Shop(key.path)
    assert shop.knows(jwt.encode(header, claims, own))
    assert not shop.knows(jwt.encode(header, {name: value for name, value in claims.items() if name != claim}, own))
    if claim != "exp":
        assert not shop.knows(jwt.encode(header, {**claims, claim: "https://evil.example"}, own))


def test_what_another_key_or_none_signed_is_nobody(key: LocalKey, tmp_path: Path):
    shop = Shop(key.path)
    token = signed(key)
    head, body, _ = token.split(".")
    assert not shop.knows(signed(LocalKey(tmp_path / "other.pem", "penstock")))
    public = json.dumps(published([key.path])["keys"][0])
    confused = jwt.encode({"alg": "HS256"}, {"sub": "nora"}, OctKey.import_key(public), algorithms=["HS256"])
    for forged in (f"{head}.{body}.", "eyJhbGciOiJub25lIn0." + body + ".", confused, "x", "", "a.b.c"):
        assert not shop.knows(forged)


def test_a_new_key_is_found_without_asking_for_each_made_up_one(key: LocalKey, tmp_path: Path):
    shop = Shop(key.path)
    assert shop.knows(signed(key))
    other = LocalKey(tmp_path / "new.pem", "penstock")
    token = signed(other)
    shop.files.append(other.path)
    assert not shop.knows(token)
    assert shop.looks == 1
    shop.now += timedelta(seconds=11)
    assert shop.knows(token)
    assert shop.knows(signed(key))
    assert shop.looks == 2


def test_keys_of_other_kinds_and_certificates(tmp_path: Path):
    rsa = RSAKey.generate_key(2048)
    file = tmp_path / "rsa.pem"
    file.write_bytes(rsa.as_pem(private=True))
    assert Shop(file).knows(signed(KeyFile(file, "penstock")))
    public = tmp_path / "public.pem"
    public.write_bytes(rsa.as_pem(private=False))
    with pytest.raises(NotPossible, match="no private key"):
        signed(KeyFile(public, "penstock"))
    public.write_text("nothing")
    for broken in (public, tmp_path / "missing.pem"):
        with pytest.raises(NotPossible):
            signed(KeyFile(broken, "penstock"))
    with pytest.raises(NotPossible, match="signs no assertions"):
        signed(NoKey())
