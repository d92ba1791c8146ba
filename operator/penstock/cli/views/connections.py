"""Connections as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from penstock.api.v1alpha1.connection import AllowRule, Connection
from penstock.application.safe_text import harmless, one_line
from penstock.cli.views.tables import Table, age, placed

SHOWN_NAMES = 20


def connection_table(connections: Sequence[Connection], now: datetime, *, namespaces: bool) -> Table:
    """Connections, one a row."""
    rows = tuple(
        (
            found.metadata.name,
            found.spec.type,
            found.spec.url or f"({found.spec.provider})",
            _reachable(found),
            "" if found.status.resources is None else str(found.status.resources),
            age(found.status.checked_at, now),
            age(found.metadata.creation_timestamp, now),
        )
        for found in connections
    )
    return placed(("NAME", "TYPE", "URL", "REACHABLE", "RESOURCES", "LOOKED AT", "AGE"), rows, connections, namespaces)


def connection_lines(connection: Connection, now: datetime) -> Iterator[str]:
    """Where it is, what steps may do there, what was found when somebody looked."""
    spec, status = connection.spec, connection.status
    yield f"Connection {connection.metadata.namespace}/{connection.metadata.name} ({spec.type})"
    if spec.description:
        yield f"Is for     {one_line(spec.description)}"
    yield f"URL        {harmless(spec.url or f'(of {spec.provider})')}"
    if spec.auth is not None:
        yield f"Signed     {_auth(connection)}"
    if spec.type != "llm":
        yield "Allows"
        yield from (f"  {one_line(_rule(spec.type, rule), 200)}" for rule in spec.allow or (AllowRule(),))
    if status.checked_at is None:
        yield "Looked at  never"
        return
    yield f"Looked at  {age(status.checked_at, now)} ago"
    for condition in status.conditions:
        text = one_line(f"{condition.status} ({condition.reason}): {condition.message}", 600)
        yield f"{condition.type:<10} {text}"
    if status.names:
        more = (status.resources or 0) - len(status.names[:SHOWN_NAMES])
        names = ", ".join(status.names[:SHOWN_NAMES])
        yield f"Offers     {one_line(names, 2000)}{f' and {more} more' if more > 0 else ''}"


def _reachable(connection: Connection) -> str:
    return next((each.status for each in connection.status.conditions if each.type == "Reachable"), "")


def _auth(connection: Connection) -> str:
    auth = connection.spec.auth
    assert auth is not None
    if auth.secret_ref is None:
        return f"for whoever asked for the run ({auth.scheme})"
    return one_line(f"with Secret {auth.secret_ref.name}, key {auth.secret_ref.key} ({auth.scheme})")


def _rule(kind: str, rule: AllowRule) -> str:
    if kind == "sql":
        return f"{', '.join(rule.operations)} of {', '.join(rule.tables)}"
    return f"{', '.join(rule.methods)} of {', '.join(rule.paths)}"
