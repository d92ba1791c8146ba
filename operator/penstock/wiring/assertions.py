"""The keys by which outside systems check who asked for a run."""

from __future__ import annotations

from typing import Any

from penstock.adapters.assertion_key import LocalKey, published
from penstock.settings import CommandSettings

LOCAL_ISSUER = "penstock-local"
"""Who signs in local mode."""

__all__ = ["LOCAL_ISSUER", "local_key", "local_key_set", "published"]


def local_key(settings: CommandSettings) -> LocalKey:
    """The key of this machine's own that says who asked for a run."""
    return LocalKey(settings.data_dir / "keys" / "assertions.pem", LOCAL_ISSUER)


def local_key_set(settings: CommandSettings) -> dict[str, Any]:
    """What is published of it; the key is made where there is none yet."""
    key = local_key(settings)
    key.ensure()
    return published([key.path])
