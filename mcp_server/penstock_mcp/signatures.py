"""Signed decisions: proof that a certain client, which shares a secret with us, relayed the vote. Pure.

It is a second factor beside the person's own identity and never in its place: whoever checks could sign as well. What
is signed are the bytes as they came and each field with its length before it: nothing can be read in two ways.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

SCHEME = "penstock-decision/v1"
WINDOW_SECONDS = 300
"""How far the client's clock and ours may be apart, either way."""
_FORM = re.compile(
    r"v1;kid=(?P<kid>[A-Za-z0-9_.-]{1,64});t=(?P<t>[0-9]{1,12});n=(?P<n>[A-Za-z0-9_-]{1,64});sig=(?P<sig>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One secret of a client's."""

    kid: str
    secret: bytes
    not_after: datetime | None = None
    """It is believed until then; without it until it is taken away."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The HTTP request that a decision came with, as it came."""

    method: str
    path: str
    headers: Sequence[str]
    """All values of Penstock-Signature."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Vote:
    """What is decided, by whom."""

    uid: str
    """Of the ApprovalRequest."""
    nonce: str
    """Of the ApprovalRequest: each person votes on it once, so a signature is good for one vote and no other."""
    digest: str
    verdict: str
    by: str


def flaw(request: SignedRequest, vote: Vote, keys: Sequence[ClientKey], now: datetime) -> str | None:
    """None when the request is signed for exactly this vote; else what is wrong with it, for people."""
    if not request.headers:
        return "this client's decisions have to be signed, and this one is not"
    found = _FORM.fullmatch(request.headers[0]) if len(request.headers) == 1 else None
    if found is None:
        return "Penstock-Signature is not v1;kid=…;t=…;n=…;sig=… with 64 lower-case hexadecimal digits, once"
    key = next((key for key in keys if key.kid == found["kid"]), None)
    if key is None or (key.not_after is not None and now >= key.not_after):
        return "it is signed with a key that this client does not have, or not any more"
    if abs(now.timestamp() - int(found["t"])) > WINDOW_SECONDS:
        return f"it was signed more than {WINDOW_SECONDS} seconds from now: sign again, by a clock that is right"
    if found["n"] != vote.nonce:
        return "it is signed for another request: n has to be the nonce that get_approval shows"
    if not hmac.compare_digest(signature(key, request, vote, found["t"]).encode(), found["sig"].encode()):
        return "the signature does not hold for this request and this vote"
    return None


def signature(key: ClientKey, request: SignedRequest, vote: Vote, moment: str) -> str:
    """The signature, as hexadecimal digits: HMAC-SHA-256 over every field, each after its length in eight bytes."""
    fields = (
        SCHEME,
        request.method,
        request.path,
        key.kid,
        moment,
        vote.nonce,
        vote.uid,
        vote.digest,
        vote.verdict,
        vote.by,
        hashlib.sha256(request.body).hexdigest(),
    )
    message = b"".join(len(raw).to_bytes(8, "big") + raw for raw in (field.encode() for field in fields))
    return hmac.new(key.secret, message, hashlib.sha256).hexdigest()
