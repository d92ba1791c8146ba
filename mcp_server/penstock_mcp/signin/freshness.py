"""How long ago somebody must have signed in to vote: a token says when that was (`auth_time`), a vote says how long.

A client that is told (RFC 9470) has the person sign in again, so that a chat which was left open does not decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from penstock_mcp.signin.proof import Proof

LEEWAY_SECONDS = 30
"""How far the provider's clock and ours may be apart."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """What is asked of whoever votes."""

    seconds: int = 0
    """For so long a sign-in is good for votes; 0: for as long as its token."""
    now: Callable[[], float] = time.time
    """Seconds since 1970."""

    def allows(self, proof: Proof) -> bool:
        """The person signed in recently enough; a token that does not say when is not recent."""
        if self.seconds == 0:
            return True
        if proof.signed_in_at is None:
            return False
        age = self.now() - proof.signed_in_at
        return -LEEWAY_SECONDS <= age <= self.seconds + LEEWAY_SECONDS
