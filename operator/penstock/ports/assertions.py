"""Signing of who asked for a run, for outside systems that enforce their own roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Signer(Protocol):
    """Holds the installation's key."""

    @property
    def issuer(self) -> str:
        """Who signs, as the other side knows it."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A signed JWT with these claims. Raises NotPossible where there is no key."""
