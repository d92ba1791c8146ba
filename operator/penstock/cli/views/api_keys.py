"""API keys as people and programs see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from penstock.application.api_keys import ApiKey
from penstock.cli.views.tables import Table, age, span


def key_table(keys: Sequence[ApiKey], now: datetime) -> Table:
    """Keys, one a row."""
    rows = tuple(
        (
            key.id,
            key.owner,
            " ".join(key.scopes),
            span(key.expires_at - now) if key.holds(now) else "expired",
            age(key.created_at, now),
            key.created_by,
            key.note,
        )
        for key in keys
    )
    return Table(("ID", "OWNER", "SCOPES", "OPENS FOR", "AGE", "MADE BY", "NOTE"), rows)


def key_document(key: ApiKey) -> dict[str, Any]:
    """All that is known of a key but its hash, which nobody needs to see."""
    return {
        "id": key.id,
        "owner": key.owner,
        "groups": list(key.groups),
        "scopes": list(key.scopes),
        "client": key.client,
        "createdAt": key.created_at.isoformat(),
        "createdBy": key.created_by,
        "expiresAt": key.expires_at.isoformat(),
        "note": key.note,
    }
