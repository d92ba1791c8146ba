"""API keys: for programs outside of the cluster that cannot sign in. Pure; time and randomness are arguments.

A key has 256 random bits, so its plain SHA-256 gives nothing away: there is nothing to guess, and no salt is needed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from penstock.application.scopes import key_scopes
from penstock.errors import InvalidInput

PREFIX = "pstk_"
"""So that scanners for leaked secrets know one when they see it."""
MAX_DAYS = 366
_ID = 5
_SECRET = 32
_FORM = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{{2 * _ID}}})_[A-Za-z0-9_-]{{43}}")
_NAME = re.compile(r"[!-~]([ -~]{0,251}[!-~])?")
_NOBODY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: everything but the key."""

    id: str
    sha256: str
    owner: str
    """The user that it acts as."""
    groups: tuple[str, ...]
    """Groups of that user, as far as the server passes them on."""
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime
    note: str = ""

    @property
    def client(self) -> str:
        """The client that calls with this key come through."""
        return f"apikey:{self.id}"

    def holds(self, now: datetime) -> bool:
        """It has not expired."""
        return now < self.expires_at


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants a key for."""

    owner: str
    scopes: tuple[str, ...]
    days: int
    groups: tuple[str, ...] = ()
    note: str = ""


def make_key(wish: Wish, *, random: bytes, now: datetime, by: str) -> tuple[ApiKey, str]:
    """A new key: what is kept, and the key itself, which is never seen again. `random`: 37 bytes.

    Raises InvalidInput for owners, groups, scopes and lifetimes that no key can have.
    """
    if not 1 <= wish.days <= MAX_DAYS:
        raise InvalidInput(f"a key cannot live for {wish.days} days", hint=f"Choose 1 to {MAX_DAYS}.")
    for name in (wish.owner, *wish.groups):
        _require_plain(name)
    identifier = random[:_ID].hex()
    secret = base64.urlsafe_b64encode(random[_ID : _ID + _SECRET]).decode().rstrip("=")
    text = f"{PREFIX}{identifier}_{secret}"
    kept = ApiKey(
        id=identifier,
        sha256=_digest(text),
        owner=wish.owner,
        groups=tuple(sorted(frozenset(wish.groups))),
        scopes=key_scopes(wish.scopes),
        created_at=now,
        created_by=by,
        expires_at=now + timedelta(days=wish.days),
        note=wish.note,
    )
    return kept, text


RANDOM_BYTES = _ID + _SECRET
"""How many random bytes a key is made of."""


def find_key(text: str, keys: Mapping[str, ApiKey]) -> ApiKey | None:
    """The key that this text is, of all keys by id. Takes as long for a wrong secret as for a right one."""
    form = _FORM.fullmatch(text)
    kept = keys.get(form["id"]) if form else None
    right = hmac.compare_digest(_digest(text), kept.sha256 if kept else _NOBODY)
    return kept if right else None


def to_record(key: ApiKey) -> bytes:
    """The key as it is stored."""
    fields = asdict(key)
    return json.dumps({name: _plain(value) for name, value in fields.items()}, separators=(",", ":")).encode()


def from_record(identifier: str, record: bytes) -> ApiKey:
    """The stored key. Raises InvalidInput for what is none: a key that cannot be read opens nothing."""
    try:
        fields: dict[str, Any] = json.loads(record)
        key = ApiKey(
            id=str(fields["id"]),
            sha256=str(fields["sha256"]),
            owner=str(fields["owner"]),
            groups=tuple(map(str, fields["groups"])),
            scopes=key_scopes(map(str, fields["scopes"])),
            created_at=datetime.fromisoformat(fields["created_at"]),
            created_by=str(fields["created_by"]),
            expires_at=datetime.fromisoformat(fields["expires_at"]),
            note=str(fields["note"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"the stored API key {identifier} cannot be read") from error
    if key.id != identifier or key.expires_at.tzinfo is None:
        raise InvalidInput(f"the stored API key {identifier} says that it is another one")
    return key


def readable(records: Mapping[str, bytes]) -> tuple[dict[str, ApiKey], tuple[str, ...]]:
    """The keys by id, and the ids of those that cannot be read."""
    keys: dict[str, ApiKey] = {}
    broken = []
    for identifier, record in records.items():
        try:
            keys[identifier] = from_record(identifier, record)
        except InvalidInput:
            broken.append(identifier)
    return keys, tuple(broken)


def _require_plain(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(f"`{name}` is no name of a user or group", hint="Names are ASCII, 253 characters at most.")
    if name.startswith(("system:", "apikey:")):
        raise InvalidInput(
            f"an API key cannot act as {name}",
            hint="Name a user of your own, such as robot:ci, and give it rights with a RoleBinding. A ServiceAccount "
            "of the cluster needs no key: it has tokens.",
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def by_age(keys: Iterable[ApiKey]) -> list[ApiKey]:
    """The keys, the newest first."""
    return sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)
