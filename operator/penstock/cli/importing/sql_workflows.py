"""A database as a Connection and Workflows: for each table what lists, gets, creates, updates and deletes its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from penstock.cli.importing.documents import Line, gate, hints, object_of, written
from penstock.cli.importing.naming import Names
from penstock.cli.importing.sql_statements import Call, Statements
from penstock.cli.importing.tables import DIALECTS, Database, Table

VERBS = ("list", "get", "create", "update", "delete")
_CHANGING = ("create", "update", "delete")
_OPERATIONS = {"create": "insert", "update": "update", "delete": "delete"}
_HINTS = {
    "list": hints(read_only=True, idempotent=True),
    "get": hints(read_only=True, idempotent=True),
    "create": hints(),
    "update": hints(destructive=True, idempotent=True),
    "delete": hints(destructive=True, idempotent=True),
}
_TITLES = {
    "list": "List rows of {}",
    "get": "Get a row of {} by its key",
    "create": "Create a row of {}",
    "update": "Change a row of {}; what is left out stays as it is",
    "delete": "Delete a row of {}",
}
_MOST_TABLES = 200
"""Tables in one rule of a Connection."""
_MOST_STATEMENT = 32_768
_HEAD = """Written by `penstock import sql`. Edit it as you like: a further import keeps your edits.
Try it: penstock run {file} --workflow {example}"""
NOTES = {
    "checks": """Rules of your own over `row` (as written), `before`, `parents`, `parameters`; else nothing is written.
- check: row.total <= parents.customer.credit_limit
  message: over the credit limit""",
    "set": """Values that are worked out before the statement, by parameter, such as
total: double(parameters.quantity) * parents.product.price""",
}
"""Comments above the keys of a step's `rules`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the Workflows are to be."""

    name: str
    """Of the Connection and the application, and what the names of Workflows begin with."""
    gated: frozenset[str]
    """Verbs with a gate."""
    groups: Sequence[str]
    users: Sequence[str]
    file: str


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, and what could not be."""

    text: str
    workflows: int
    left_out: tuple[str, ...]


def workflows_of(database: Database, wanted: Wanted) -> Made:
    """The file for a database."""
    names = Names()
    pairs = [(table.name, verb) for table in database.tables for verb in VERBS]
    named = {(table, verb): names.object(wanted.name, table, verb) for table, verb in pairs}
    left_out = list(database.unreadable)
    objects: list[dict[str, Any]] = []
    used: dict[str, set[str]] = {}
    for table in database.tables:
        calls = dict(_calls(database, table, named, left_out))
        operations = {_OPERATIONS[verb] for verb in calls if verb in _CHANGING}
        used.setdefault(_full_name(table), set()).update({"select", *operations} if calls else ())
        objects += [_workflow(table, verb, call, named, wanted) for verb, call in calls.items()]
        for relation in table.relations if calls else ():
            other = f"{relation.schema}.{relation.table}" if relation.schema else relation.table
            used.setdefault(other, set()).add("select")
    connection = object_of("Connection", wanted.name, wanted.name, _connection(database, wanted, used))
    example = objects[0]["metadata"]["name"] if objects else ""
    head = _HEAD.format(file=wanted.file, example=example)
    return Made(written([connection, *objects], head, NOTES), len(objects), tuple(left_out))


def _connection(database: Database, wanted: Wanted, used: Mapping[str, set[str]]) -> dict[str, Any]:
    spec: dict[str, Any] = {"type": "sql", "url": database.url}
    if database.had_password:
        spec["auth"] = {"secretRef": Line(name=wanted.name, key="password")}
    alike: dict[tuple[str, ...], list[str]] = {}
    order = ("select", "insert", "update", "delete")
    for name, operations in used.items():
        if operations:
            alike.setdefault(tuple(each for each in order if each in operations), []).append(name)
    spec["allow"] = [
        {"tables": tables[start : start + _MOST_TABLES], "operations": list(operations)}
        for operations, tables in alike.items()
        for start in range(0, len(tables), _MOST_TABLES)
    ]
    return spec


def _calls(
    database: Database, table: Table, named: Mapping[tuple[str, str], str], left_out: list[str]
) -> Iterator[tuple[str, Call]]:
    """What can be done with a table, by verb."""
    if "*" in table.name or len(_full_name(table)) > 128:
        left_out.append(f"{table.name}: a Connection cannot name it alone")
        return
    if not table.columns:
        left_out.append(f"{table.name}: it has no columns")
        return
    plain = _statements(table, database.quote, named, database.dialect)
    quoted = _statements(table, database.quote_always, named, database.dialect)
    for verb in VERBS:
        if verb in ("get", "update", "delete") and not plain.has_key():
            continue
        if verb != "list" and table.view:
            continue
        call = _readable(plain, verb, database.dialect) or _readable(quoted, verb, database.dialect)
        if call is not None:
            yield verb, call
        elif getattr(plain, f"to_{verb}")() is not None:
            left_out.append(f"{table.name}, {verb}: it would take a statement that cannot be checked")
        elif verb == "create":
            left_out.append(f"{table.name}, create: it needs a value that JSON cannot say")
    if not table.view and not plain.has_key():
        left_out.append(f"{table.name}, get, update, delete: it has no key")


def _statements(
    table: Table, quote: Callable[[str], str], named: Mapping[tuple[str, str], str], dialect: str
) -> Statements:
    about = {
        column: f"The {to} of a row of {relation.table}"
        + (f" ({named[relation.table, 'list']} finds it)" if (relation.table, "list") in named else "")
        for relation in table.relations
        for column, to in zip(relation.columns, relation.to, strict=True)
    }
    return Statements(
        table, quote, about, lambda name: _parses(f"SELECT a FROM t WHERE a = :{name} LIMIT :{name}", dialect)
    )


def _readable(statements: Statements, verb: str, dialect: str) -> Call | None:
    """A statement, where whoever checks statements before they are executed can read it."""
    call: Call | None = getattr(statements, f"to_{verb}")()
    if call is None:
        return None
    texts = [call.statement, *call.rules.get("parents", {}).values()]
    for text in texts:
        if "{{" in text or len(text) > _MOST_STATEMENT or not _parses(text, dialect):
            return None
    return call


@cache
def _parses(text: str, dialect: str) -> bool:
    import sqlglot

    try:
        sqlglot.parse_one(text, read=DIALECTS[dialect])
    except sqlglot.errors.SqlglotError:
        return False
    return True


def _workflow(
    table: Table, verb: str, call: Call, named: Mapping[tuple[str, str], str], wanted: Wanted
) -> dict[str, Any]:
    title = _TITLES[verb].format(table.name)
    inputs: dict[str, Any] = {"type": "object"}
    if call.required:
        inputs["required"] = list(call.required)
    inputs["additionalProperties"] = False
    inputs["properties"] = {name: Line(schema) for name, schema in call.inputs.items()}
    sql: dict[str, Any] = {"connection": wanted.name, "statement": call.statement, "parameters": dict(call.parameters)}
    if verb in _CHANGING:
        sql |= {"write": True, "rules": dict(call.rules)}
    elif verb == "list":
        sql["maxRows"] = 1000
    step: dict[str, Any] = {"name": verb, "sql": sql}
    if verb in wanted.gated:
        key = ", ".join(f"{name} {{{{ context.{name} }}}}" for name in call.required)
        step["requiresApproval"] = gate(f"{title.split(';')[0]}: {key}?", wanted.groups, wanted.users)
    spec: dict[str, Any] = {
        "description": f"{title}. {table.comment}".strip() if table.comment else f"{title}.",
        "tool": {"title": title.split(";")[0], "annotations": _HINTS[verb]},
        "inputs": inputs,
        "steps": [step],
    }
    spec["outputs"] = _outputs(table, verb)
    return object_of("Workflow", named[table.name, verb], wanted.name, spec)


def _outputs(table: Table, verb: str) -> dict[str, Any]:
    """What comes back, and from where."""
    columns = {column.name: Line(column.shown) for column in table.columns}
    if verb == "list":
        rows = {"type": "array", "items": {"type": "object", "properties": columns}}
        more = {
            "rowCount": Line(type="integer"),
            "complete": Line(type="boolean", description="There are no more rows than these"),
        }
        return {"schema": {"type": "object", "properties": {"rows": rows, **more}}, "from": "steps.list.output"}
    if verb == "get":
        row = {"anyOf": [{"type": "object", "properties": columns}, Line(type="null")]}
        return {"schema": row, "from": "steps.get.output.rows.size() > 0 ? steps.get.output.rows[0] : null"}
    return {"schema": {"type": "object", "properties": columns}, "from": f"steps.{verb}.output.rows[0]"}


def _full_name(table: Table) -> str:
    return f"{table.schema}.{table.name}" if table.schema else table.name
