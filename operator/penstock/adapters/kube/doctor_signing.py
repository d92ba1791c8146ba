"""Whether steps can tell other systems who asked for a run (`auth.onBehalfOf` of Connections). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.application.diagnosis import Finding, fail, ok, warn

WHAT = "who asked"
SIGNS = "PENSTOCK_ASSERTION_KEY_FILE"
"""Of the operator's environment: where its key is."""
PUBLISHES = "PENSTOCK_MCP_ASSERTION_KEYS"
"""Of the MCP server's: the certificates that it publishes."""


@dataclass(frozen=True, slots=True)
class Signing:
    """What was seen of it."""

    account: str
    """User name of the operator."""
    lacking: Sequence[str]
    """Rights that the operator does not have."""
    unguarded: Sequence[str]
    """What is wrong with the policies that keep these rights to one type of Secrets."""
    published: bool
    """The MCP server serves the key set."""


def asking(connections: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Names of the Connections that say `onBehalfOf`."""
    return [each["metadata"]["name"] for each in connections if "onBehalfOf" in each["spec"].get("auth", {})]


def without_signing(asks: Sequence[str], namespace: str, upgrade: str) -> Finding:
    """Where the installation has no key."""
    if not asks:
        return ok(WHAT, "No other system is told (onBehalfOf.enabled is false), and no Connection here asks for it.")
    text = f"{', '.join(asks[:5])} of {namespace} says onBehalfOf, and nothing is signed: its steps are refused."
    return fail(WHAT, text, f"{upgrade} --reuse-values --set onBehalfOf.enabled=true")


def with_signing(seen: Signing, upgrade: str) -> Finding:
    """Where it has one."""
    again = f"{upgrade} --reuse-values --set onBehalfOf.enabled=true"
    if seen.lacking:
        text = f"{seen.account} may not {' and '.join(seen.lacking)}: steps of Connections with onBehalfOf never start."
        return fail(WHAT, text, f"Bind it to the ClusterRole penstock-operator-assertions again: {again}")
    if seen.unguarded:
        text = f"{'; '.join(seen.unguarded)}: the operator's right to make Secrets has no bounds."
        return fail(WHAT, text, again)
    if not seen.published:
        advice = "Set mcp.enabled=true, or give them the certificate of the Secret yourself."
        return warn(WHAT, "It is signed, and nobody publishes the key that other systems check it with.", advice)
    return ok(WHAT, "It is signed, the operator may hand it to steps, and the MCP server publishes the key.")
