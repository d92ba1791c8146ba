"""Signed decisions: the whole matrix of what is not quite a signature."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_mcp.signatures import WINDOW_SECONDS, ClientKey, SignedRequest, Vote, flaw

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NEW = ClientKey("k2", b"n" * 32)
OLD = ClientKey("k1", b"o" * 32, not_after=NOON + timedelta(hours=1))
BODY = b'{"jsonrpc":"2.0","params":{"name":"approve_workflow"}}'
VOTE = Vote("uid-1", "nonce-1", "sha256:ab", "approve", "oidc:lead")


def mac(secret: bytes, *fields: str) -> str:
    """As a client would work it out from the documentation."""
    message = b"".join(len(field.encode()).to_bytes(8, "big") + field.encode() for field in fields)
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def a_header(
    key: ClientKey = NEW,
    vote: Vote = VOTE,
    moment: datetime = NOON,
    body: bytes = BODY,
    **changes: Any,
) -> str:
    fields = {
        "scheme": "penstock-decision/v1",
        "method": "POST",
        "path": "/mcp",
        "kid": key.kid,
        "t": str(int(moment.timestamp())),
        "nonce": vote.nonce,
        "uid": vote.uid,
        "digest": vote.digest,
        "verdict": vote.verdict,
        "by": vote.by,
        "body": hashlib.sha256(body).hexdigest(),
        **changes,
    }
    return f"v1;kid={fields['kid']};t={fields['t']};n={fields['nonce']};sig={mac(key.secret, *fields.values())}"


def judged(*headers: str, vote: Vote = VOTE, now: datetime = NOON, body: bytes = BODY, **request: Any) -> str | None:
    told = SignedRequest(request.get("method", "POST"), request.get("path", "/mcp"), headers, body)
    return flaw(told, vote, (NEW, OLD), now)


def test_a_signature_over_exactly_this_holds():
    assert judged(a_header()) is None


def test_the_key_before_holds_until_its_end():
    assert judged(a_header(OLD)) is None
    late = NOON + timedelta(hours=1)
    assert judged(a_header(OLD, moment=late), now=late) is not None
    assert judged(a_header(moment=late), now=late) is None


@pytest.mark.parametrize("seconds", [-WINDOW_SECONDS, WINDOW_SECONDS])
def test_clocks_may_be_a_little_apart(seconds: int):
    assert judged(a_header(moment=NOON + timedelta(seconds=seconds))) is None


BAD: dict[str, Callable[[], str | None]] = {
    "none": judged,
    "empty": lambda: judged(""),
    "twice": lambda: judged(a_header(), a_header()),
    "another key": lambda: judged(a_header(ClientKey("k2", b"x" * 32))),
    "an unknown kid": lambda: judged(a_header(ClientKey("k9", NEW.secret))),
    "the old secret under the new kid": lambda: judged(a_header(ClientKey("k2", OLD.secret))),
    "cut short": lambda: judged(a_header()[:-1]),
    "empty signature": lambda: judged(a_header().rpartition("=")[0] + "="),
    "upper case": lambda: judged(a_header().rpartition("=")[0] + "=" + a_header().rpartition("=")[2].upper()),
    "not ascii": lambda: judged(a_header()[:-1] + "é"),
    "other digits": lambda: judged(a_header().replace("t=", "t=\u0661")),
    "more behind it": lambda: judged(a_header() + ";x=1"),
    "a line feed behind it": lambda: judged(a_header() + "\n"),
    "another version": lambda: judged(a_header().replace("v1;", "v2;")),
    "ten minutes ago": lambda: judged(a_header(moment=NOON - timedelta(minutes=10))),
    "in ten minutes": lambda: judged(a_header(moment=NOON + timedelta(minutes=10))),
    "another time than was signed": lambda: judged(a_header().replace("t=17", "t=16")),
    "the nonce of another request": lambda: judged(a_header(vote=dataclasses.replace(VOTE, nonce="nonce-2"))),
    "the body written anew": lambda: judged(a_header(), body=BODY.replace(b":", b": ")),
    "the path of another endpoint": lambda: judged(a_header(), path="/apps/a/b/mcp"),
    "another method": lambda: judged(a_header(), method="PUT"),
    "another scheme": lambda: judged(a_header(scheme="penstock-webhook/v1")),
    "signed to reject": lambda: judged(a_header(vote=dataclasses.replace(VOTE, verdict="reject"))),
    "signed for somebody else": lambda: judged(a_header(vote=dataclasses.replace(VOTE, by="oidc:ann"))),
    "signed for other content": lambda: judged(a_header(vote=dataclasses.replace(VOTE, digest="sha256:cd"))),
    "signed for another request": lambda: judged(a_header(vote=dataclasses.replace(VOTE, uid="uid-2"))),
    "fields shifted across their border": lambda: judged(a_header(verdict="approveoidc:", by="lead")),
}


def test_a_signature_for_another_request_says_what_to_sign():
    assert "nonce" in (judged(a_header(vote=dataclasses.replace(VOTE, nonce="nonce-2"))) or "")


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_quite_a_signature_is_none(name: str):
    assert BAD[name]()
