"""What an assertion says of who asked for a run. Signing it is an adapter's business."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from penstock.engine.commands import StartAttempt
from penstock.engine.secret_references import assertion_of
from penstock.ports.access import Key
from penstock.ports.assertions import Signer

SKEW = timedelta(seconds=30)
"""How far the other side's clock may be behind ours."""


def assertion(signer: Signer, run: Key, run_uid: str, command: StartAttempt, now: datetime) -> dict[str, str]:
    """The variable with the assertion that an attempt needs, signed; empty where it needs none. Raises NotPossible."""
    found = assertion_of(command.program)
    if found is None:
        return {}
    name, said = found
    return {name: signer.sign(_claims(run, run_uid, command, said, signer.issuer, now))}


def _claims(
    run: Key, run_uid: str, command: StartAttempt, said: Mapping[str, Any], issuer: str, now: datetime
) -> dict[str, Any]:
    """The claims (RFC 7519) for one attempt; `said` is what its program has of it."""
    return {
        "iss": issuer,
        "sub": said["user"],
        "aud": said["audience"],
        "iat": int(now.timestamp()),
        "nbf": int((now - SKEW).timestamp()),
        "exp": int((now + timedelta(seconds=said["seconds"])).timestamp()),
        "jti": f"{run_uid}/{command.name}",
        "groups": list(said["groups"]),
        "client": said["client"],
        "penstock": {
            "namespace": run.namespace,
            "run": run.name,
            "step": command.id.step,
            "attempt": command.id.attempt,
            "connection": said["connection"],
        },
    }
