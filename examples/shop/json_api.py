"""Reads what JSON:API says in addresses and documents, and writes its answers."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import ColumnElement, literal

from examples.shop.resources import Resource

MOST = 100
"""Rows a page."""
TYPES = {"int": "integer", "str": "string", "bool": "boolean", "date": "date", "Decimal": "number"}
_FLAG = literal(True)
_FILTER = re.compile(r"^filter\[(\w+)\](?:\[(\w+)\])?$")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "like": lambda column, value: column.like(value),
}


class BadRequest(Exception):
    """Something in the request cannot be understood; the text says what to write instead."""


def conditions(resource: Resource, query: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """What `filter[name]=value`, `filter[name][op]=value` and `filter=[{"name":…,"op":…,"val":…}]` ask for."""
    return [_condition(resource, *asked) for asked in _filters(query)]


def page(query: Mapping[str, str]) -> tuple[int, int]:
    """Number and size of the page that is asked for."""
    try:
        number, size = int(query.get("page[number]", "1")), int(query.get("page[size]", "20"))
    except ValueError:
        raise BadRequest("page[number] and page[size] are whole numbers") from None
    if number < 1 or not 1 <= size <= MOST:
        raise BadRequest(f"page[number] starts at 1; page[size] is from 1 to {MOST}")
    return number, size


def attributes(resource: Resource, document: Any, *, whole: bool) -> dict[str, Any]:
    """The values in `{"data": {"attributes": {…}}}`, each with its column's type."""
    try:
        given = document["data"]["attributes"]
        items = dict(given).items()
    except (TypeError, KeyError, ValueError):
        raise BadRequest(f'send {{"data": {{"type": "{resource.name}", "attributes": {{…}}}}}}') from None
    if unknown := sorted(set(given) - resource.writable):
        raise BadRequest(f"{unknown[0]} cannot be written; these can: {', '.join(sorted(resource.writable))}")
    if whole and (missing := sorted(name for name in resource.required if given.get(name) is None)):
        raise BadRequest(f"{missing[0]} is missing")
    return {name: value_of(resource.columns[name], name, value) for name, value in items}


def value_of(column: ColumnElement[Any], name: str, value: Any) -> Any:
    """A value from outside, with the type of its column. Raises BadRequest."""
    if value is None:
        return None
    kind = column.type.python_type
    try:
        if kind is bool:
            return {"true": True, "false": False}[str(value).lower()]
        if kind is int:
            return int(str(value))
        if kind is date:
            return date.fromisoformat(str(value))
        return Decimal(str(value)) if kind is Decimal else str(value)
    except (KeyError, ValueError, InvalidOperation):
        raise BadRequest(f"{name} is of type {TYPES[kind.__name__]}") from None


def shown(resource: Resource, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON:API has it. Numbers are numbers, dates are ISO text."""
    values = {name: _plain(value) for name, value in row.items()}
    return {"type": resource.name, "id": str(values["id"]), "attributes": values}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _filters(query: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    for key, value in query.items():
        if key == "filter":
            yield from _listed(value)
        elif found := _FILTER.match(key):
            yield found[1], found[2] or "eq", value
        elif key not in ("page[number]", "page[size]"):
            raise BadRequest(f"no parameter {key}: there are filter[name], filter[name][op], page[number], page[size]")


def _listed(value: str) -> Iterator[tuple[str, str, Any]]:
    try:
        listed = json.loads(value)
        for each in listed if isinstance(listed, list) else [listed]:
            yield each["name"], each.get("op", "eq"), each.get("val")
    except (TypeError, KeyError, ValueError, AttributeError):
        raise BadRequest('filter is a list: [{"name": "id", "op": "eq", "val": 1}]') from None


def _condition(resource: Resource, name: str, op: str, value: Any) -> ColumnElement[bool]:
    column = resource.columns.get(name)
    if column is None:
        raise BadRequest(f"{resource.name} has no {name}; it has {', '.join(resource.columns)}")
    if op not in (*_COMPARE, "in", "isnull"):
        raise BadRequest(f"no operator {op}: there are {', '.join(_COMPARE)}, in, isnull")
    if op == "isnull":
        return column.is_(None) if value_of(_FLAG, op, value) else column.is_not(None)
    if op == "in":
        values = value if isinstance(value, list) else str(value).split(",")
        return column.in_([value_of(column, name, each) for each in values])
    if value in (None, "null") and op in ("eq", "ne"):
        return column.is_(None) if op == "eq" else column.is_not(None)
    condition: ColumnElement[bool] = _COMPARE[op](column, value_of(column, name, value))
    return condition
