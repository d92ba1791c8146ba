"""What a statement does with which tables, held against what its Connection allows."""

from __future__ import annotations

import re

from .failure import CALL_FAILED, CALL_REFUSED, CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from sqlglot import Expression

_DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite", "mysql": "mysql", "mariadb": "mysql", "mssql": "tsql"}


def check(call: Mapping[str, Any], connection: Mapping[str, Any], dialect: str) -> None:
    """Raises CallFailed where the statement is not one of those that the Connection allows.

    Only what is understood whole is let pass: one statement that selects, inserts, updates or deletes.
    """
    _check_one(call["statement"], connection, dialect, write=call["write"])
    rules = call.get("rules") or {}
    for reads in (rules.get("before"), *(rules.get("parents") or {}).values()):
        if reads:
            _check_one(reads, connection, dialect, write=False)


def deletes(statement: str, dialect: str) -> bool:
    """Whether the statement takes rows away. Raises CallFailed where it cannot be read."""
    from sqlglot import exp

    return isinstance(_parsed(statement, dialect), exp.Delete)


def _check_one(text: str, connection: Mapping[str, Any], dialect: str, *, write: bool) -> None:
    try:
        used = set(_uses(_parsed(text, dialect)))
    except RecursionError:
        raise CallFailed(CALL_REFUSED, "the statement cannot be read: it is nested too deep") from None
    for operation, table in sorted(used):
        if operation != "select" and not write:
            raise CallFailed(CALL_REFUSED, f"the statement would {operation} in {table}: add `write: true` to the step")
        if not may(operation, table, connection["allow"]):
            raise CallFailed(CALL_REFUSED, f"Connection {connection['name']} does not allow to {operation} {table}")


def may(operation: str, table: str, allow: list[Mapping[str, Any]]) -> bool:
    """Whether one of a Connection's rules fits."""
    return any(operation in rule["operations"] and _fits(table, rule["tables"]) for rule in allow)


def _parsed(text: str, dialect: str) -> Expression:
    try:
        import sqlglot
        from sqlglot import exp
    except ImportError as error:
        raise CallFailed(CALL_FAILED, "sqlglot is not installed here: pip install 'penstock[sql]'") from error
    read = _DIALECTS.get(dialect)
    try:
        found = [each for each in sqlglot.parse(text, read=read) if each is not None]
    except sqlglot.errors.SqlglotError as error:
        raise CallFailed(CALL_REFUSED, f"the statement cannot be read: {' '.join(str(error).split())[:400]}") from error
    if len(found) != 1:
        raise CallFailed(CALL_REFUSED, f"`statement` holds {len(found)} statements; a step executes one")
    [statement] = found
    if not isinstance(statement, exp.Query | exp.Insert | exp.Update | exp.Delete):
        kind = type(statement).__name__.upper()
        raise CallFailed(CALL_REFUSED, f"a step selects, inserts, updates or deletes; this is {kind}")
    _refuse_whole_tables(sqlglot.tokenize(text, read=read))
    return statement


def _refuse_whole_tables(tokens: list[Any]) -> None:
    """Raises CallFailed for `TABLE t`, which is `SELECT * FROM t` and not always read as such."""
    from sqlglot import TokenType

    before = None
    for token in tokens:
        if token.token_type is TokenType.TABLE and before not in (TokenType.DOT, TokenType.ALIAS):
            raise CallFailed(
                CALL_REFUSED, "the statement has the word TABLE: write `SELECT * FROM` and the table's name"
            )
        before = token.token_type


def _uses(statement: Expression) -> Iterator[tuple[str, str]]:
    """(operation, table) of all that the statement touches, within it and within what it is put together from."""
    from sqlglot import exp

    changed: dict[int, str] = {}
    for node in statement.find_all(exp.Insert, exp.Update, exp.Delete):
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        if not isinstance(target, exp.Table):
            raise CallFailed(CALL_REFUSED, f"what the statement changes is not a plain table: {node.this}")
        changed[id(target)] = type(node).__name__.lower()
        if isinstance(node, exp.Insert) and node.args.get("conflict") is not None:
            yield "update", _name(target)
        if isinstance(node, exp.Insert) and node.args.get("alternative") == "REPLACE":
            # The rows that are in its way are taken out.
            yield "delete", _name(target)
    if any(node.args.get("field") is not None for node in statement.find_all(exp.In)):
        # SQLite takes a name there for a table: `5 IN secrets`.
        raise CallFailed(CALL_REFUSED, "behind IN stands a list, or a SELECT in parentheses")
    if statement.find(exp.Into, exp.Merge, exp.Command) is not None:
        raise CallFailed(CALL_REFUSED, "a step selects, inserts, updates or deletes; the statement does more")
    parts = _parts(statement)
    for table in statement.find_all(exp.Table):
        name = _name(table)
        if id(table) in changed:
            yield changed[id(table)], name
        elif name and not _is_part(table, parts):
            yield "select", name


def _parts(statement: Expression) -> list[Any]:
    """The named queries in front of the statement. Those further within count as tables: their names may hide some."""
    opening = statement.args.get("with_") or statement.args.get("with")
    return list(opening.expressions) if opening is not None else []


def _is_part(table: Any, parts: list[Any]) -> bool:
    """Whether a name stands for a named query before it, and so for no table of the database."""
    if table.db:
        return False
    inside = next((place for place, part in enumerate(parts) if _holds(part, table)), len(parts))
    recursive = bool(parts and parts[0].parent is not None and parts[0].parent.args.get("recursive"))
    known = parts[: inside + 1] if recursive else parts[:inside]
    return any(part.alias.lower() == table.name.lower() for part in known)


def _holds(outer: Any, inner: Any) -> bool:
    node = inner
    while node is not None:
        if node is outer:
            return True
        node = node.parent
    return False


def _name(table: Any) -> str:
    return ".".join(part for part in (table.catalog, table.db, table.name) if part)


def _fits(table: str, patterns: list[str]) -> bool:
    """Whether a table is one of these; names differ by more than case only where somebody took pains about it."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), table, re.IGNORECASE) is not None for pattern in patterns
    )
