"""Which clients share a secret with this server: a file, mounted from a Secret, read again for every decision.

web-console:                    # the client, as its tokens name it
- kid: k2
secret: <base64, 32 random bytes or more>
- kid: k1                     # the one before, until everybody has the new one
secret: …
notAfter: 2026-12-01T00:00:00Z
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from penstock.errors import Unavailable
from penstock_mcp.signatures import ClientKey

MAX_FILE = 1_048_576
MIN_SECRET = 24
"""Bytes (Standard Webhooks asks for as many)."""
MAX_KEYS = 2
"""One, and the one before it."""

SecretsOf = Callable[[str], Sequence[ClientKey]]
"""The keys of a client; none where it shares no secret. Raises Unavailable where nobody can say."""


def no_secrets(client: str) -> Sequence[ClientKey]:  # noqa: ARG001 - the shape of SecretsOf
    """No client shares a secret."""
    return ()


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    secret: str
    not_after: Annotated[datetime | None, Field(alias="notAfter")] = None

    def key(self) -> ClientKey:
        secret = base64.b64decode(self.secret, validate=True)
        if len(secret) < MIN_SECRET or (self.not_after is not None and self.not_after.tzinfo is None):
            raise ValueError("too short a secret, or a time without its zone")
        return ClientKey(self.kid, secret, self.not_after)


_FILE = TypeAdapter(dict[Annotated[str, Field(min_length=1, max_length=253)], list[_Entry]])


class ClientSecrets:
    """The secrets of a file. What cannot be read opens nothing: then nobody can say which clients have to sign."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, client: str) -> Sequence[ClientKey]:
        """The keys of a client. Raises Unavailable."""
        return self.read().get(client, ())

    def read(self) -> Mapping[str, Sequence[ClientKey]]:
        """All keys by client. Raises Unavailable, without a word of what the file holds."""
        try:
            with self._path.open("rb") as file:
                entries = _FILE.validate_python(yaml.safe_load(file.read(MAX_FILE)) or {})
            keys = {client: tuple(entry.key() for entry in listed) for client, listed in entries.items()}
        except (OSError, ValueError, ValidationError, yaml.YAMLError, RecursionError):
            raise Unavailable(
                "the secrets of clients cannot be read", hint="Whoever runs the server: see docs, signed decisions."
            ) from None
        if not all(1 <= len({key.kid for key in listed}) == len(listed) <= MAX_KEYS for listed in keys.values()):
            raise Unavailable(f"a client has 1 to {MAX_KEYS} secrets, each with a kid of its own")
        return keys
