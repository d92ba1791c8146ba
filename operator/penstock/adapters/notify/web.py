"""Notices over HTTP: a webhook as the Standard Webhooks specification has it, and chats that take Slack's."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

import aiohttp

from penstock.errors import InvalidInput, NotPossible, Problem, Unavailable
from penstock.ports.engine import Clock
from penstock.ports.notices import Notice

_TIMEOUT = aiohttp.ClientTimeout(total=20)
_PREFIX = "whsec_"
_LATER = frozenset({408, 425, 429})


class Webhook:
    """Channel of ports.notices: signed over id, time and body, so that the receiver knows the sender."""

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        """`secret` is `whsec_` and base64. Raises InvalidInput."""
        self._url = url
        self._clock = clock
        self._key = _key(secret)

    async def send(self, notice: Notice) -> None:
        """Post it. Raises Unavailable, NotPossible."""
        body = json.dumps(
            {"type": f"approval.{notice.occasion}", "timestamp": notice.at.isoformat(), "data": notice.data},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        moment = str(int(self._clock.now().timestamp()))
        signed = hmac.new(self._key, b".".join((notice.id.encode(), moment.encode(), body)), hashlib.sha256).digest()
        headers = {
            "webhook-id": notice.id,
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
        await _post(self._url, body, headers)


class Chat:
    """Channel of ports.notices: an incoming webhook of Slack, Mattermost, Rocket.Chat and others like them."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, notice: Notice) -> None:
        """Post it. Raises Unavailable, NotPossible."""
        text = "\n".join((f"*{_plain(notice.subject)}*", *map(_plain, notice.lines)))
        await _post(self._url, json.dumps({"text": text}).encode(), {})


def _plain(text: str) -> str:
    """What was written by others mentions nobody and links nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _key(secret: str) -> bytes:
    try:
        found = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        found = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(found) <= 64:
        fix = 'Make one with: echo "whsec_$(head -c 32 /dev/urandom | base64)"'
        problem = Problem("webhook-secret", "It is not whsec_ with 24 to 64 bytes in base64.", fix)
        raise InvalidInput("the settings of notifications are not valid", problems=(problem,))
    return found


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(
                url, data=body, headers={"Content-Type": "application/json", **headers}, allow_redirects=False
            ) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The address is left out: those of chats are secrets.
        raise Unavailable(f"it does not answer ({type(error).__name__})") from None
    if status >= 500 or status in _LATER:
        raise Unavailable(f"it answered {status}")
    if status >= 300:
        raise NotPossible(f"it answered {status}", hint="Check the address.")
