"""What a token or key may be used for. Beside that, the API server decides by the rights of whom it stands for."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.errors import InvalidInput

RUNS_READ = "runs:read"
"""Look: list tools and Workflows, see runs, logs and gates."""
RUNS_WRITE = "runs:write"
"""Do: start, cancel and retry runs, and all else that changes something but votes."""
APPROVALS_DECIDE = "approvals:decide"
"""Vote on a gate. Only ever for a person who signed in."""

ASKED_AT_SIGN_IN = (RUNS_READ, RUNS_WRITE)
"""What clients are told to ask for at first; the right to vote is asked for when it is needed."""
FOR_KEYS = (RUNS_READ, RUNS_WRITE)
"""What an API key can have."""


def key_scopes(wanted: Iterable[str]) -> tuple[str, ...]:
    """The scopes of a new API key, in their order; looking goes with all else. Raises InvalidInput for the others."""
    asked = frozenset(wanted) | {RUNS_READ}
    if APPROVALS_DECIDE in asked:
        raise InvalidInput(
            f"an API key cannot have {APPROVALS_DECIDE}: people decide on gates, in their own name",
            hint="Leave it out; approvers sign in, or use kubectl or `penstock approve`.",
        )
    unknown = asked.difference(FOR_KEYS)
    if unknown:
        raise InvalidInput(f"no such scope: {', '.join(sorted(unknown))}", hint=f"Choose from {', '.join(FOR_KEYS)}.")
    return tuple(scope for scope in FOR_KEYS if scope in asked)
