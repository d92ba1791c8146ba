"""Storages for kopf that store nothing: with `on.event` alone there is nothing to remember.

kopf's own copy the whole object at every event, which is half of its cost.
"""

from __future__ import annotations

from typing import Any

import kopf


class NoDiffBase(kopf.DiffBaseStorage):
    """Remembers no last state."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002 - kopf's signature
        """Nothing is the essence of anything."""
        return {}

    def fetch(self, *, body: Any) -> Any:  # noqa: ARG002 - kopf's signature
        """There is no last state."""
        return None

    def store(self, **_: Any) -> None:
        """Nothing is stored."""


class NoProgress(kopf.ProgressStorage):
    """Remembers no progress."""

    def fetch(self, **_: Any) -> Any:
        """There is no progress."""
        return None

    def store(self, **_: Any) -> None:
        """Nothing is stored."""

    def purge(self, **_: Any) -> None:
        """There is nothing to purge."""

    def touch(self, **_: Any) -> None:
        """Nothing is touched."""

    def clear(self, *, essence: Any) -> Any:
        """There is nothing to clear away."""
        return essence
