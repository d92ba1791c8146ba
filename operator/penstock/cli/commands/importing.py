"""import sql, import openapi, import python, import tool-context."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.frame import Call, Command


class Change(StrEnum):
    """What changes rows of a table."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Where it is written, and how."""

    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="The file to write. Default: NAME.yaml.")] = (
        None
    )
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change, and write nothing.")] = False
    replace: Annotated[
        bool, typer.Option("--replace", help="Take what is generated as it is, and lose what was edited.")
    ] = False


@dataclass(frozen=True, slots=True)
class GateOptions:
    """Who decides."""

    users: Annotated[
        list[str] | None, typer.Option("--approver", metavar="USER", help="Who opens the gates; repeat it for more.")
    ] = None
    groups: Annotated[
        list[str] | None,
        typer.Option("--approvers", metavar="GROUP", help="A group that does. Default: NAME-approvers."),
    ] = None

    def of(self, name: str) -> tuple[list[str], list[str]]:
        """(groups, users)."""
        users = self.users or []
        return (self.groups or ([] if users else [f"{name}-approvers"])), users


@dataclass(frozen=True, slots=True)
class SqlOptions:
    """What of a database, and what of it has gates."""

    tables: Annotated[
        list[str] | None, typer.Option("--table", metavar="NAME", help="Only this table or view; repeat it for more.")
    ] = None
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="NAME", help="Schema of the tables. Default: the user's own.")
    ] = None
    gate: Annotated[
        list[Change] | None, typer.Option("--gate", help="What has a gate; repeat it for more. Default: delete.")
    ] = None


def import_sql(
    call: Call,
    url: Annotated[str, typer.Argument(metavar="URL", help="One of SQLAlchemy: PostgreSQL or SQLite.")],
    file: FileOptions,
    gates: GateOptions,
    sql: SqlOptions,
    name: Annotated[str, typer.Option("--name", help="Of the Connection; names of Workflows begin with it.")] = "db",
) -> None:
    """Make a database callable: a Connection, and Workflows for each table.

    Each table gets what lists, gets, creates, updates and deletes its rows, with the types, keys and relations of the
    database as inputs, and a place for rules in what writes. A view, and a table without a key, gets less.

    A further import keeps what you edited and shows how the file changes. A password in URL is not written down.
    """
    from penstock.cli.importing.reporting import report, target
    from penstock.cli.importing.sql_workflows import Wanted, workflows_of
    from penstock.cli.importing.tables import reflected

    path = target(name, file.to)
    groups, users = gates.of(name)
    database = reflected(url, sql.schema, sql.tables or [])
    gated = frozenset(each.value for each in sql.gate or [Change.DELETE])
    made = workflows_of(database, Wanted(name, gated, groups, users, str(path)))
    report(call, path, made, file, secret=name if database.had_password else "")


def import_openapi(
    call: Call,
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="The document, of OpenAPI 3, as JSON or YAML.")],
    file: FileOptions,
    gates: GateOptions,
    name: Annotated[str, typer.Option("--name", help="Of the Connection; names of Workflows begin with it.")] = "api",
    url: Annotated[str | None, typer.Option("--url", help="Where the API is, if the document does not say so.")] = None,
) -> None:
    """Make an API callable: a Connection, and a Workflow for each operation of its OpenAPI document.

    Parameters and the JSON body become typed inputs. What is not a GET or HEAD has a gate.
    """
    from penstock.cli.importing.openapi import read, workflows_of
    from penstock.cli.importing.reporting import report, source_text, target

    path = target(name, file.to)
    groups, users = gates.of(name)
    made = workflows_of(read(source_text(call, source)), source, name, groups, users, url)
    report(call, path, made, file)


def import_python(
    call: Call,
    source: Annotated[str, typer.Argument(metavar="FILE", help="Functions with @tool; - is standard input.")],
    file: FileOptions,
    name: Annotated[
        str, typer.Option("--name", help="Of the application; names of Workflows begin with it.")
    ] = "tools",
) -> None:
    """Make a Workflow of each function with @tool in a file of Python.

    Parameters with `Annotated` types become typed inputs, the docstring becomes the description, and the type of what
    is given back the schema of the outputs. Functions that cannot be tools are refused, each with what to write.
    The file is read and not run.
    """
    from penstock.cli.importing.python_workflows import workflows_of
    from penstock.cli.importing.reporting import report, source_text, target

    path = target(name, file.to)
    report(call, path, workflows_of(source_text(call, source), name), file)


def import_tool_context(
    call: Call,
    source: Annotated[str, typer.Argument(metavar="FILE", help="A Tool Context as JSON; - is standard input.")],
    file: FileOptions,
    gates: GateOptions,
    name: Annotated[str, typer.Option("--name", help="Of the Workflow and its Connection.")] = "plan",
) -> None:
    """Turn the Tool Context of an MCP client executor into a Workflow.

    Each block becomes a call to a Connection, once for each row of an earlier one where it names a field of it. What
    is not a GET has a gate. `llm_call` becomes an `llm` step whose plan is shown at a gate before it runs.
    """
    from penstock.cli.importing.reporting import report, source_text, target
    from penstock.cli.importing.tool_context import workflow_of

    path = target(name, file.to)
    groups, users = gates.of(name)
    report(call, path, workflow_of(source_text(call, source), name, groups, users), file)


COMMANDS = (
    Command(
        "import sql",
        import_sql,
        (
            "penstock import sql sqlite:///shop.db --name shop",
            "penstock import sql postgresql://app@db.example.com/shop --name shop --approver lead@example.com",
            "penstock import sql sqlite:///shop.db --name shop --dry-run     how the file would change",
        ),
    ),
    Command(
        "import openapi",
        import_openapi,
        (
            "penstock import openapi openapi.json --name shop --url https://shop.example.com/api",
            "penstock import openapi https://shop.example.com/openapi.json --name shop --approver lead@example.com",
        ),
    ),
    Command(
        "import python",
        import_python,
        (
            "penstock import python tools.py --name finance",
            "penstock import python tools.py --name finance --dry-run     how the file would change",
        ),
    ),
    Command(
        "import tool-context",
        import_tool_context,
        (
            "penstock import tool-context mcp_tool_context.json --name remind",
            "penstock import tool-context - --name remind --approver lead@example.com",
        ),
    ),
)
"""Making Workflows of what others have."""
