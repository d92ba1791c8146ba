"""What a Connection offers: a text on how it is used, and its resources, within bounds and as far as it is exposed.

What the other side says of itself is data like any other answer: it is cut and counted, never followed.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from . import requests
from .failure import ANSWER_UNEXPECTED, CALL_FAILED, CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

MAX_DOCUMENT = 2_097_152
"""Bytes of a document that describes an API."""
MAX_LEARNING = 65_536
MAX_RESOURCES = 256
MAX_FIELDS = 256
MAX_TEXT = 1000
MAX_SIZE = 524_288
"""Bytes of all resources together, as JSON: what an output, and a model, can take."""
_METHODS = ("get", "head", "post", "put", "patch", "delete")
_PATHS = {"json-api": "/.well-known/mcp.json", "openapi": "/openapi.json"}


def perform(connection: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """`learning`, `resources` and `complete`, false where there was more than the bounds let through.

    Raises CallFailed.
    """
    learning: Any
    if connection["type"] == "sql":
        learning, found = "", _tables(connection, secret)
    else:
        document = connection.get("document") or _document(connection, secret)
        about = document.get("info")
        learning = document.get("learning") or (about.get("description") if isinstance(about, dict) else "")
        found = _paths(document) if connection["type"] == "openapi" else _resources(document)
    shown = _exposed(found, connection.get("expose") or [])
    text = connection.get("learning", learning)
    fitting = _fitting(shown[:MAX_RESOURCES])
    return {
        "learning": text[:MAX_LEARNING] if isinstance(text, str) else "",
        "resources": fitting,
        "complete": len(fitting) == len(shown),
    }


def _fitting(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many as there is room for, each of them whole; one that is too large alone is left out."""
    left, found = MAX_SIZE, []
    for each in resources:
        size = len(json.dumps(each))
        if size <= left:
            left -= size
            found.append(each)
    return found


def _document(connection: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    parts = urlsplit(connection["url"])
    # The document is no part of what steps may call; wherever on its host it is, it is only read.
    origin = {**connection, "url": f"{parts.scheme}://{parts.netloc}", "allow": requests.READ_ALL}
    path = connection.get("discovery") or _PATHS[connection["type"]]
    call: dict[str, Any] = {
        "method": "GET",
        "path": path,
        "query": {},
        "filters": [],
        "headers": {},
        "maxBytes": MAX_DOCUMENT,
    }
    body = requests.perform(call, origin, secret, "")["body"]
    if not isinstance(body, dict):
        raise CallFailed(ANSWER_UNEXPECTED, f"{path} is not a JSON object that describes an API")
    return body


def _resources(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = document.get("resources")
    if not isinstance(listed, list):
        raise CallFailed(ANSWER_UNEXPECTED, "the document has no list of `resources`")
    return [each for each in listed if isinstance(each, dict) and isinstance(each.get("name"), str)]


def _paths(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    paths = document.get("paths")
    if not isinstance(paths, dict):
        raise CallFailed(ANSWER_UNEXPECTED, "the document is not OpenAPI: it has no `paths`")
    return [_operations(name, item) for name, item in paths.items() if isinstance(item, dict)]


def _operations(name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    methods = [method for method in _METHODS if isinstance(item.get(method), dict)]
    said = {method.upper(): item[method].get("summary") or item[method].get("description") for method in methods}
    return {
        "name": name,
        "path": name,
        "methods": [method.upper() for method in methods],
        "says": {method: text[:MAX_TEXT] for method, text in said.items() if isinstance(text, str)},
    }


def _tables(connection: Mapping[str, Any], secret: str | None) -> list[dict[str, Any]]:
    from . import granted, statements

    engine = statements.engine_of(connection["url"], secret)
    import sqlalchemy
    from sqlalchemy import exc

    try:
        inspector = sqlalchemy.inspect(engine)
        names = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
        readable = [name for name in names if granted.may("select", name, connection["allow"])]
        return [made for name in readable[: MAX_RESOURCES + 1] if (made := _table(inspector, name)) is not None]
    except exc.SQLAlchemyError as error:
        raise CallFailed(CALL_FAILED, f"the database says: {' '.join(str(error).split())[:600]}") from error
    finally:
        engine.dispose()


def _table(inspector: Any, name: str) -> dict[str, Any] | None:
    """A table or view; None for one that the database itself cannot read, such as a view of what is gone."""
    from sqlalchemy import exc

    try:
        return _described(inspector, name)
    except (exc.OperationalError, exc.ProgrammingError, exc.NoSuchTableError) as error:
        print(f"{name} is left out, the database says: {' '.join(str(error.args[0]).split())[:300]}", flush=True)
        return None


def _described(inspector: Any, name: str) -> dict[str, Any]:
    keys = inspector.get_pk_constraint(name)["constrained_columns"]
    columns = inspector.get_columns(name)[:MAX_FIELDS]
    fields = [
        {
            "name": each["name"],
            "type": str(each["type"]),
            "nullable": bool(each["nullable"]),
            "key": each["name"] in keys,
        }
        for each in columns
    ]
    refers = [
        {"fields": each["constrained_columns"], "table": each["referred_table"], "to": each["referred_columns"]}
        for each in inspector.get_foreign_keys(name)
    ]
    return {"name": name, "fields": fields, "refers": refers}


def _exposed(found: list[dict[str, Any]], expose: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What of the resources a person lets through; all of them where he says nothing."""
    wanted = {each["name"]: each for each in expose}
    if not wanted:
        return found
    return [_narrowed(each, wanted[each["name"]]) for each in found if each["name"] in wanted]


def _narrowed(resource: dict[str, Any], to: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(resource)
    if to.get("methods"):
        made["methods"] = list(to["methods"])
    fields = to.get("fields")
    for name in ("fields", "attributes"):
        listed = made.get(name)
        if fields and isinstance(listed, list):
            made[name] = [each for each in listed if _name_of(each) in fields]
        elif fields and isinstance(listed, dict):
            made[name] = {key: value for key, value in listed.items() if key in fields}
    return made


def _name_of(field: Any) -> Any:
    return field.get("name") if isinstance(field, dict) else field
