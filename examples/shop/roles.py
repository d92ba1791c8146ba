"""Who asks, by bearer token, and which rows that role may see and write."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody may do."""

    name: str
    region: str | None = None
    """Only customers of this region, and what hangs on them; everybody's where it is None."""
    writes: bool = True


SALES = Role("sales")
NORTH = Role("sales-north", region="north")
AUDIT = Role("audit", writes=False)
DEMO_TOKENS: Mapping[str, Role] = {"shop-sales": SALES, "shop-north": NORTH, "shop-audit": AUDIT}
"""For a shop on one's own machine; a real one is started with tokens of its own."""

RoleOf = Callable[[str], Role | None]
"""The role behind a bearer token; None for an unknown one."""


def by_token(tokens: Mapping[str, Role]) -> RoleOf:
    """Roles of a fixed list of tokens."""

    def found(token: str) -> Role | None:
        known = (role for own, role in tokens.items() if hmac.compare_digest(own.encode(), token.encode()))
        return next(known, None)

    return found
