"""Reads the API server's audit log: who wrote what, for tests that count writes or ask who acted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Write:
    """One mutating request that was answered."""

    user: str
    """Who authenticated."""
    impersonated: str
    """As whom he acted, or the empty string."""
    verb: str
    resource: str
    """Plural, without its group: `jobs`."""
    subresource: str
    """`status`, `exec` and so on, or the empty string."""
    namespace: str
    name: str
    """Empty for a create whose name the server made up."""
    user_agent: str
    code: int
    """The HTTP status of the answer: below 300 it was done."""


def end(log: Path) -> int:
    """Where the log ends now: the offset to read later writes from."""
    return log.stat().st_size if log.exists() else 0


def writes(log: Path, offset: int = 0) -> Iterator[Write]:
    """The writes from `offset` on. A last line that is not yet complete is left for the next time."""
    with log.open("rb") as handle:
        handle.seek(offset)
        for line in handle:
            if line.endswith(b"\n"):
                yield parse(json.loads(line))


def parse(event: dict[str, Any]) -> Write:
    """One audit event as a Write."""
    target = event.get("objectRef", {})
    return Write(
        user=event["user"].get("username", ""),
        impersonated=event.get("impersonatedUser", {}).get("username", ""),
        verb=event["verb"],
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        user_agent=event.get("userAgent", ""),
        code=event.get("responseStatus", {}).get("code", 0),
    )
