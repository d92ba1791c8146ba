"""What there is in a database: tables with their columns, keys and relations, as SQLAlchemy reflects them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.errors import InvalidInput, NotFound, NotPossible

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect, Engine, Inspector

DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite"}
"""What is understood, by SQLAlchemy's name and by the one of whoever checks statements."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column."""

    name: str
    schema: Mapping[str, Any] | None
    """What a value of it is, as JSON Schema; None where JSON cannot say it."""
    nullable: bool
    default: str | None
    """The database's own, as SQL."""
    given: bool
    """The database gives the value itself: counted up, or worked out from others."""
    comment: str
    text: bool = False
    """It can be searched by a pattern."""
    compared: bool = True
    """Whether two values of it are the same, the database can tell."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """What a row that comes back has for it, as JSON Schema."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A foreign key."""

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a view."""

    name: str
    schema: str | None
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    view: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Database:
    """A database, and how to quote its names."""

    url: str
    """Without a password."""
    had_password: bool
    dialect: str
    tables: tuple[Table, ...]
    quote: Any = field(repr=False, default=None)
    """Name -> name as SQL has it, quoted where it has to be."""
    quote_always: Any = field(repr=False, default=None)
    """The same, quoted whatever it is."""
    unreadable: tuple[str, ...] = ()
    """Those that the database itself cannot read, such as a view of what is gone, each with its words."""


def reflected(url: str, schema: str | None, wanted: Sequence[str]) -> Database:
    """The tables and views of a database, or those of these names.

    Raises InvalidInput, NotFound, NotPossible.
    """
    try:
        import sqlalchemy
        from sqlalchemy import exc
    except ImportError as error:
        hint = "pip install 'penstock[sql]'"
        raise NotPossible(
            "it takes sqlalchemy to look at a database, which is not installed here", hint=hint
        ) from error
    place = _place(url)
    engine = sqlalchemy.create_engine(place)
    try:
        inspector = sqlalchemy.inspect(engine)
        with warnings.catch_warnings():
            # Of types that it does not know; what becomes of them is said in the file.
            warnings.simplefilter("ignore", exc.SAWarning)
            tables, unreadable = _tables(inspector, engine, schema, wanted)
    except exc.SQLAlchemyError as error:
        raise InvalidInput(f"the database says: {_words(error)}") from error
    finally:
        engine.dispose()
    preparer = engine.dialect.identifier_preparer

    def written(quote: Callable[[str], str]) -> Callable[[str], str]:
        # psycopg's way to write a percent sign, and whoever executes a statement writes it so himself.
        return (lambda name: quote(name).replace("%%", "%")) if engine.dialect.name == "postgresql" else quote

    # Made anew: `set` takes no password for leaving it as it is.
    shown = sqlalchemy.URL.create(
        place.drivername, place.username, None, place.host, place.port, place.database, place.query
    ).render_as_string(hide_password=False)
    return Database(
        shown,
        place.password is not None,
        engine.dialect.name,
        tables,
        written(preparer.quote),
        written(preparer.quote_identifier),
        unreadable,
    )


def _place(url: str) -> Any:
    import sqlalchemy
    from sqlalchemy import exc

    example = "Write `postgresql+psycopg://app@db.example.com/shop`, or `sqlite:////data/shop.db`."
    try:
        place = sqlalchemy.make_url(url)
    except (exc.SQLAlchemyError, ValueError) as error:
        raise InvalidInput("that is not a URL of SQLAlchemy", hint=example) from error
    if place.get_backend_name() not in DIALECTS:
        found = place.get_backend_name()
        raise NotPossible(f"nothing here writes Workflows for {found}", hint="It knows PostgreSQL and SQLite.")
    if place.drivername in ("postgresql", "postgres"):
        place = place.set(drivername="postgresql+psycopg")
    if place.get_backend_name() == "sqlite":
        return _sqlite(place)
    return place


def _sqlite(place: Any) -> Any:
    from pathlib import Path

    if not place.database or not Path(place.database).is_file():
        # SQLite would make an empty one.
        raise NotFound(f"there is no database {place.database or 'in memory'}", hint="Write `sqlite:////data/shop.db`.")
    return place.set(database=str(Path(place.database).resolve()))


def _tables(
    inspector: Inspector, engine: Engine, schema: str | None, wanted: Sequence[str]
) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Tables and views, and what cannot be read of them."""
    from sqlalchemy import exc

    views = {*inspector.get_view_names(schema)}
    names = sorted({*inspector.get_table_names(schema), *views})
    if missing := sorted(set(wanted) - set(names)):
        raise NotFound(f"there is no table {missing[0]}", hint=f"There are: {', '.join(names)[:600] or 'none'}.")
    if not names:
        raise NotFound("there are no tables", hint="Name their schema with --schema." if not schema else "")
    chosen = [name for name in names if not wanted or name in wanted]
    found, unreadable = [], []
    for name in chosen:
        try:
            found.append(_table(inspector, engine, name, schema, view=name in views))
        except (exc.OperationalError, exc.ProgrammingError, exc.NoSuchTableError) as error:
            unreadable.append(f"{name}: the database says: {_words(error)}")
    return tuple(found), tuple(unreadable)


def _words(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:600]


def _table(inspector: Inspector, engine: Engine, name: str, schema: str | None, *, view: bool) -> Table:
    key = tuple(inspector.get_pk_constraint(name, schema)["constrained_columns"]) if not view else ()
    allowed = {} if view else _allowed(each["sqltext"] for each in inspector.get_check_constraints(name, schema))
    columns = [
        _column(each, key, allowed.get(each["name"]), engine.dialect, view=view)
        for each in inspector.get_columns(name, schema)
    ]
    relations = [
        Relation(
            tuple(each["constrained_columns"]),
            each["referred_table"],
            tuple(each["referred_columns"]),
            each.get("referred_schema"),
        )
        for each in (() if view else inspector.get_foreign_keys(name, schema))
        # SQLite takes a key for one that refers to other columns than there are; nothing can be made of that.
        if each["referred_columns"] and len(each["referred_columns"]) == len(each["constrained_columns"])
    ]
    comment = "" if view or engine.dialect.name == "sqlite" else inspector.get_table_comment(name, schema)["text"] or ""
    return Table(
        name, schema, tuple(columns), key, tuple(sorted(relations, key=lambda each: each.columns)), view, comment
    )


def _column(found: Any, key: Sequence[str], allowed: Sequence[str] | None, dialect: Dialect, *, view: bool) -> Column:
    from sqlalchemy import types

    from penstock.cli.importing.column_types import is_text, schema_of, shown_schema

    # What a domain of PostgreSQL is made of.
    kind = getattr(found["type"], "data_type", found["type"])
    default = found.get("default")
    counted = isinstance(default, str) and default.startswith("nextval(")
    # SQLite counts up the one column of a key that is an INTEGER, and no other.
    rowid = dialect.name == "sqlite" and list(key) == [found["name"]] and str(found["type"]) == "INTEGER"
    schema = schema_of(kind)
    # What PostgreSQL knows and SQLAlchemy does not (points, XML) is written as text, and often has no equality.
    unknown = dialect.name != "sqlite" and isinstance(kind, types.NullType)
    schema = {"type": "string"} if unknown else schema
    if allowed and schema is not None and schema.get("type") == "string":
        schema = {"type": "string", "enum": list(allowed)}
    shown = shown_schema(kind, dialect, nullable=bool(found["nullable"]) and not rowid, counted=rowid)
    if dialect.name == "sqlite" and view:
        # What a view works out may be of any type, whatever the first of its statements says.
        shown.pop("type", None)
    if schema is not None and "enum" in schema:
        # Examples: a value that is added later is none that a run may fail for.
        shown["examples"] = schema["enum"]
    if found.get("comment"):
        shown["description"] = ". ".join(filter(None, (shown.get("description"), found["comment"])))[:1000]
    return Column(
        name=found["name"],
        schema=schema,
        nullable=bool(found["nullable"]) and found["name"] not in key,
        default=default if isinstance(default, str) and not counted else None,
        given=counted or rowid or bool(found.get("identity")) or bool(found.get("computed")),
        comment=found.get("comment") or "",
        text=is_text(kind),
        compared=not unknown,
        shown=shown,
    )


_ONE_OF = re.compile(
    r"""^\(*(?:"(?P<quoted>[^"]+)"|(?P<plain>\w+))\)*(?:::[\w ]+)?\)*\s*
    (?:IN\s*\(|=\s*ANY\s*\(+ARRAY\s*\[)(?P<values>.*)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_REST = re.compile(r"'(?:[^']|'')*'|::[\w ]+(?:\[\])?|[\s,()\]]")


def _allowed(checks: Iterable[str]) -> dict[str, list[str]]:
    """Values of columns that a check lists: `status IN ('new', 'paid')`, as either database writes it down."""
    found: dict[str, list[str]] = {}
    for text in checks:
        match = _ONE_OF.match(text.strip())
        if match is None or _REST.sub("", match["values"]):
            continue
        values = [each.replace("''", "'") for each in re.findall(r"'((?:[^']|'')*)'", match["values"])]
        if values:
            found[match["quoted"] or match["plain"]] = values
    return found
