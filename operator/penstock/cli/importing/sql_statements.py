"""Statements about a table, with their parameters and what has to be given. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.cli.importing.naming import Names
from penstock.cli.importing.tables import Column, Relation, Table

MOST_FILTERED = 40
"""Columns that a list can be asked by; more make a tool that nobody can read."""
_PARAMETER = re.compile(r"(?<![:\w\\]):\w")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RANGED = ("integer", "number")
_RANGED_FORMATS = ("date", "date-time", "time")


@dataclass(frozen=True, slots=True)
class Call:
    """A statement as a Workflow executes it."""

    statement: str
    parameters: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, Any]]
    required: Sequence[str] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


class Statements:
    """Writes the statements of one table."""

    def __init__(
        self, table: Table, quote: Callable[[str], str], about: Mapping[str, str], sayable: Callable[[str], bool]
    ) -> None:
        """`about` says of a column what a person should know besides; `sayable`: whether `:name` is a parameter."""
        self._table, self._quote, self._about = table, quote, about
        self._names = Names(("most", "skipped"), sayable)
        self._fields = {column.name: self._names.field(column.name) for column in table.columns}
        self._columns = {column.name: column for column in table.columns}

    @property
    def name(self) -> str:
        """The table's, as SQL has it."""
        return self._named(self._table.name, self._table.schema)

    def has_key(self) -> bool:
        """Whether a row can be named."""
        return bool(self._table.key) and all(self._columns[name].schema is not None for name in self._table.key)

    def field_of(self, column: str) -> str:
        """The field of the context that is a column's value."""
        return self._fields[column]

    def to_list(self) -> Call:
        """Rows, by as many filters as are given."""
        filters: list[str] = []
        inputs: dict[str, Mapping[str, Any]] = {}
        for column in [each for each in self._table.columns if each.schema is not None][:MOST_FILTERED]:
            for name, condition, schema in self._filters(column):
                filters.append(f"({condition} OR :{name} IS NULL)")
                inputs[name] = schema
        parameters = {name: _optional(name) for name in inputs}
        parameters |= {"most": "{{ context.most }}", "skipped": "{{ context.skipped }}"}
        inputs["most"] = _limit("Rows at most", 100, 1000)
        inputs["skipped"] = _limit("Rows to leave out at the beginning", 0, 1_000_000_000)
        lines = [f"SELECT * FROM {self.name}"]
        if filters:
            lines.append("WHERE " + "\n  AND ".join(filters))
        if self._table.key:
            lines.append(f"ORDER BY {', '.join(map(self._quote, self._table.key))}")
        return Call("\n".join([*lines, "LIMIT :most OFFSET :skipped"]), parameters, inputs)

    def to_get(self) -> Call:
        """The row of a key."""
        return Call(f"SELECT * FROM {self.name}\nWHERE {self._by_key()}", *self._key())

    def to_create(self) -> Call | None:
        """A new row; None where a value that it needs cannot be given."""
        given = [each for each in self._table.columns if not each.given and not _unsayable_default(each)]
        if any(each.schema is None and not each.nullable and each.default is None for each in given):
            return None
        given = [each for each in given if each.schema is not None]
        needed = [each.name for each in given if not each.nullable and each.default is None]
        inputs = {self._fields[each.name]: self._schema(each) for each in given}
        parameters = {
            self._fields[each.name]: _needed(self._fields[each.name])
            if each.name in needed
            else _optional(self._fields[each.name])
            for each in given
        }
        columns = ", ".join(self._quote(each.name) for each in given)
        values = ", ".join(self._value(each) for each in given)
        statement = f"INSERT INTO {self.name}\n  ({columns})\nVALUES\n  ({values})\nRETURNING *"
        if not given:
            statement = f"INSERT INTO {self.name} DEFAULT VALUES\nRETURNING *"
        known = {each.name: f":{self._fields[each.name]}" for each in given}
        return Call(statement, parameters, inputs, [self._fields[name] for name in needed], self._rules(known))

    def to_update(self) -> Call | None:
        """Other values of the row of a key; None where there is nothing to change."""
        changed = [
            each
            for each in self._table.columns
            if not each.given and each.schema is not None and each.name not in self._table.key
        ]
        if not changed:
            return None
        parameters, inputs, required = self._key()
        parameters, inputs = dict(parameters), dict(inputs)
        settings, values = [], {}
        for column in changed:
            name = self._fields[column.name]
            told = self._names.field(f"sets_{name}")
            quoted = self._quote(column.name)
            settings.append(f"  {quoted} = CASE WHEN :{told} THEN :{name} ELSE {quoted} END")
            values[column.name] = (told, name)
            parameters |= {told: f"{{{{ '{name}' in context }}}}", name: _optional(name)}
            inputs[name] = self._schema(column)
        statement = f"UPDATE {self.name} SET\n" + ",\n".join(settings) + f"\nWHERE {self._by_key()}\nRETURNING *"
        known = {
            column: f"CASE WHEN :{told} THEN :{name} ELSE (SELECT {self._quote(column)} FROM {self.name} "
            f"WHERE {self._by_key()}) END"
            for column, (told, name) in values.items()
        }
        rules = {"before": self.to_get().statement, "rows": 1, **self._rules(known)}
        return Call(statement, parameters, inputs, required, rules)

    def to_delete(self) -> Call:
        """The row of a key, no more."""
        parameters, inputs, required = self._key()
        rules = {"before": self.to_get().statement, "rows": 1, "checks": []}
        return Call(
            f"DELETE FROM {self.name}\nWHERE {self._by_key()}\nRETURNING *", parameters, inputs, required, rules
        )

    def _filters(self, column: Column) -> list[tuple[str, str, Mapping[str, Any]]]:
        name, quoted = self._fields[column.name], self._quote(column.name)
        schema = dict(column.schema or {})
        if schema.get("type") in ("object", "array"):
            return []
        found = [(name, f"{quoted} = :{name}", self._schema(column))] if column.compared else []
        plain = {key: value for key, value in schema.items() if key in ("type", "format")}
        if schema.get("type") in _RANGED or schema.get("format") in _RANGED_FORMATS:
            if not (column.name in self._table.key or self._about.get(column.name)):
                least, below = self._names.field(f"{name}_from"), self._names.field(f"{name}_below")
                found.append((least, f"{quoted} >= :{least}", {**plain, "description": f"{column.name}: this or more"}))
                found.append(
                    (below, f"{quoted} < :{below}", {**plain, "description": f"{column.name}: less than this"})
                )
        elif column.text and "enum" not in schema:
            like = self._names.field(f"{name}_like")
            text = f"{column.name}: a pattern of LIKE, in which % stands for any text"
            found.append((like, f"{quoted} LIKE :{like}", {"type": "string", "description": text}))
        if column.nullable:
            none = self._names.field(f"{name}_is_null")
            text = f"{column.name}: true for rows without a value, false for those with one"
            found.append((none, f"({quoted} IS NULL) = :{none}", {"type": "boolean", "description": text}))
        return found

    def _key(self) -> tuple[Mapping[str, str], Mapping[str, Mapping[str, Any]], Sequence[str]]:
        names = {name: self._fields[name] for name in self._table.key}
        inputs = {field: {**self._schema(self._columns[name])} for name, field in names.items()}
        return {field: _needed(field) for field in names.values()}, inputs, list(names.values())

    def _by_key(self) -> str:
        return " AND ".join(f"{self._quote(name)} = :{self._fields[name]}" for name in self._table.key)

    def _value(self, column: Column) -> str:
        name = f":{self._fields[column.name]}"
        return f"COALESCE({name}, {column.default})" if column.default is not None else name

    def _schema(self, column: Column) -> Mapping[str, Any]:
        schema = dict(column.schema or {})
        if column.nullable and isinstance(schema.get("type"), str):
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
        words = [
            f"Column {column.name}" if self._fields[column.name] != column.name else "",
            column.comment,
            "Part of the key" if column.name in self._table.key else "",
            self._about.get(column.name, ""),
            f"Default: {column.default}" if column.default is not None else "",
        ]
        description = ". ".join(word.rstrip(".") for word in words if word)
        return {**schema, "description": description[:1000]} if description else schema

    def _rules(self, known: Mapping[str, str]) -> dict[str, Any]:
        """The rows that a row refers to, with the check that they are there. `known`: columns as they are to be."""
        names = Names()
        parents, checks = {}, []
        for relation in self._table.relations:
            if not set(relation.columns) <= set(known):
                continue
            parent = names.field(_role(relation))
            pairs = zip(relation.to, relation.columns, strict=True)
            where = " AND ".join(f"{self._quote(to)} = {known[column]}" for to, column in pairs)
            parents[parent] = f"SELECT * FROM {self._named(relation.table, relation.schema)}\nWHERE {where}"
            free = [f"{_of_row(name)} == null || " for name in relation.columns if self._columns[name].nullable]
            columns = " and ".join(relation.columns)
            message = f"there is no row of {relation.table} with this {columns}"
            checks.append({"check": f"{''.join(free)}parents.{parent} != null", "message": message})
        return {**({"parents": parents} if parents else {}), "set": {}, "checks": checks}

    def _named(self, table: str, schema: str | None) -> str:
        return f"{self._quote(schema)}.{self._quote(table)}" if schema else self._quote(table)


def _role(relation: Relation) -> str:
    """What the other row is to this one."""
    if len(relation.columns) == 1:
        return re.sub(r"(?i)_?id$", "", relation.columns[0]) or relation.table
    return relation.table


def _of_row(column: str) -> str:
    return f"row.{column}" if _IDENTIFIER.fullmatch(column) else f'row["{column}"]'


def _unsayable_default(column: Column) -> bool:
    # A colon before a word would be taken for a parameter, wherever it stands.
    return column.default is not None and _PARAMETER.search(column.default) is not None


def _optional(name: str) -> str:
    return f"{{{{ '{name}' in context ? context.{name} : null }}}}"


def _needed(name: str) -> str:
    return f"{{{{ context.{name} }}}}"


def _limit(words: str, default: int, most: int) -> Mapping[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": most, "default": default, "description": words}
