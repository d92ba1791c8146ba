"""An OpenAPI document as a Connection and a Workflow for each operation. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from penstock.api.v1alpha1.schema_keywords import KEYWORDS, MANY, NAMED, ONE, value_problem, weight
from penstock.api.v1alpha1.yaml_reading import read_yaml
from penstock.cli.importing.documents import Line, gate, hints, object_of, written
from penstock.cli.importing.naming import Names
from penstock.errors import InvalidInput

METHODS = ("get", "head", "post", "put", "patch", "delete")
_READING = ("get", "head")
_MOST_DEEP = 8
"""Levels of a schema that are written out; below, any value goes."""
_MOST_PARTS = 500
"""Parts of a parameter's schema; a larger one becomes any object."""
_MOST_PATHS = 64
_PART = re.compile(r"\{([^{}]+)\}")
_PLAIN = re.compile(r"/[^\s?#\\{}*]*")
_JSON = re.compile(r"application/([\w.+-]*\+)?json.*")
_LEFT = frozenset({"$ref", "$defs", "pattern", "format", "default", "title", "$comment"})
"""Keywords that are left out: what they say may be said otherwise there than here."""
_KEPT = KEYWORDS - _LEFT - ONE - MANY - NAMED
_HEAD = """Written by `penstock import openapi`. Edit it as you like: a further import keeps your edits.
What calls need to say who they are goes into `auth` of the Connection."""


@dataclass(frozen=True, slots=True)
class Made:
    """The file, and what could not be made."""

    text: str
    workflows: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Operation:
    path: str
    method: str
    content: Mapping[str, Any]
    parameters: Sequence[Mapping[str, Any]]


def read(text: str) -> Mapping[str, Any]:
    """The document, out of JSON or YAML. Raises InvalidInput."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        documents, problems = read_yaml(text)
        if problems:
            raise InvalidInput("the document is neither JSON nor YAML", problems=problems) from None
        data = documents[0].data if documents else None
    if not isinstance(data, dict) or not isinstance(data.get("paths"), dict):
        raise InvalidInput("that is not an OpenAPI document: it has no `paths`")
    if not str(data.get("openapi", "")).startswith("3."):
        raise InvalidInput("only OpenAPI 3 is understood", hint="The document begins with `openapi: 3.1.0`.")
    return data


def workflows_of(
    document: Mapping[str, Any], source: str, name: str, groups: Sequence[str], users: Sequence[str], url: str | None
) -> Made:
    """The file for an API. `url` takes the place of the document's own servers. Raises InvalidInput."""
    place = url or _server(document, source)
    names = Names((name,))
    left_out: list[str] = []
    objects, allowed = [], []
    for operation in _operations(document):
        if not _PLAIN.fullmatch(_PART.sub("x", operation.path)):
            left_out.append(f"{operation.method.upper()} {operation.path}: its path cannot be called")
            continue
        made = _Workflow(document, operation, left_out).spec(name, groups, users)
        if made is None:
            continue
        said = operation.content.get("operationId") or f"{operation.method} {operation.path}"
        objects.append(object_of("Workflow", names.object(name, str(said)), name, made))
        allowed.append((operation.method.upper(), _PART.sub("*", operation.path)))
    spec: dict[str, Any] = {"type": "openapi", "url": place, "allow": list(_rules(allowed))}
    if source.startswith(("http://", "https://")) and _host(source) == _host(place):
        spec["discovery"] = urlsplit(source).path or "/openapi.json"
    return Made(written([object_of("Connection", name, name, spec), *objects], _HEAD), len(objects), tuple(left_out))


def _server(document: Mapping[str, Any], source: str) -> str:
    servers = document.get("servers")
    first = servers[0].get("url") if isinstance(servers, list) and servers and isinstance(servers[0], dict) else None
    found = first
    if source.startswith(("http://", "https://")) and not (isinstance(first, str) and "[" in first):
        found = urljoin(source, first if isinstance(first, str) and first else "/")
    if (
        not isinstance(found, str)
        or not _host(found)
        or not re.fullmatch(r"https?://[^/?#@\s{}]+(/[^?#\s{}]*)?", found)
    ):
        raise InvalidInput("the document does not say where the API is", hint="Add --url https://shop.example.com/api.")
    return found.rstrip("/")


def _host(url: str) -> str:
    """Host and port of an address; empty where it is none."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _operations(document: Mapping[str, Any]) -> Iterator[_Operation]:
    for path, given in document["paths"].items():
        item = _resolved(document, given)
        for method in METHODS:
            if isinstance(item.get(method), dict):
                content = item[method]
                listed = [*_list(item.get("parameters")), *_list(content.get("parameters"))]
                found = [_resolved(document, each) for each in listed]
                known = {(str(each.get("in")), str(each.get("name"))): each for each in found if each.get("name")}
                yield _Operation(str(path), method, content, list(known.values()))


def _rules(allowed: Sequence[tuple[str, str]]) -> Iterator[Line]:
    for method in dict.fromkeys(method for method, _ in allowed):
        paths = list(dict.fromkeys(path for each, path in allowed if each == method))
        for start in range(0, len(paths), _MOST_PATHS):
            yield Line(methods=[method], paths=paths[start : start + _MOST_PATHS])


class _Workflow:
    """One operation."""

    def __init__(self, document: Mapping[str, Any], operation: _Operation, left_out: list[str]) -> None:
        self._document, self._operation, self._left_out = document, operation, left_out
        self._names = Names()
        self._inputs: dict[str, Mapping[str, Any]] = {}
        self._required: list[str] = []

    def spec(self, connection: str, groups: Sequence[str], users: Sequence[str]) -> dict[str, Any] | None:
        """The Workflow's spec; None where the operation cannot be called."""
        operation, method = self._operation, self._operation.method
        shown = f"{method.upper()} {operation.path}"
        http: dict[str, Any] = {"connection": connection}
        http |= {} if method == "get" else {"method": method.upper()}
        filled = self._path()
        if filled is None:
            self._left_out.append(f"{shown}: its path names what is no parameter")
            return None
        http["path"] = filled
        if query := {
            str(each["name"]): self._value(each) for each in operation.parameters if each.get("in") == "query"
        }:
            http["query"] = query
        for each in operation.parameters:
            if each.get("in") in ("header", "cookie") and each.get("required"):
                self._left_out.append(f"{shown}: its {each['in']} {each['name']}; write `headers` or `auth` by hand")
        if method not in _READING and (body := self._body(shown)) is not None:
            http["body"] = body
        step: dict[str, Any] = {"name": "call", "http": http}
        if method not in _READING:
            step["requiresApproval"] = gate(f"{_PART.sub(_named, shown)}?", groups, users)
        inputs: dict[str, Any] = {"type": "object"}
        if self._required:
            inputs["required"] = self._required
        inputs |= {"additionalProperties": False, "properties": {key: Line(each) for key, each in self._inputs.items()}}
        words = _words(operation.content.get("summary")) or _words(operation.content.get("description")) or shown
        reading = method in _READING
        annotations = hints(
            read_only=reading, destructive=method in ("put", "patch", "delete"), idempotent=method != "post"
        )
        return {
            "description": words,
            "tool": {"annotations": annotations},
            "inputs": inputs,
            "steps": [step],
            "outputs": {**self._answer(), "from": "steps.call.output.body"},
        }

    def _path(self) -> str | None:
        known = {str(each["name"]): each for each in self._operation.parameters if each.get("in") == "path"}
        if not set(_PART.findall(self._operation.path)) <= set(known):
            return None
        values = {name: self._value({**each, "required": True}) for name, each in known.items()}
        return _PART.sub(lambda found: values[found[1]], self._operation.path)

    def _body(self, shown: str) -> str | None:
        body = _resolved(self._document, self._operation.content.get("requestBody") or {})
        content = _mapping(body.get("content"))
        kinds = [kind for kind in content if _JSON.fullmatch(str(kind))]
        if not kinds:
            if content:
                self._left_out.append(f"{shown}: its body, which is no JSON")
            return None
        schema = _mapping(content[kinds[0]]).get("schema") or {}
        given = {"name": "body", "required": bool(body.get("required")), "schema": schema}
        return self._value({**given, "description": body.get("description", "")})

    def _answer(self) -> dict[str, Any]:
        """The schema of what comes back where it is JSON, whichever of the answers of a success it is."""
        answers = _mapping(self._operation.content.get("responses"))
        good = [_resolved(self._document, each) for code, each in answers.items() if str(code)[:1] == "2"]
        found: list[dict[str, Any]] = []
        for content in [_mapping(each.get("content")) for each in good] if self._operation.method != "head" else ():
            kinds = [kind for kind in content if _JSON.fullmatch(str(kind))]
            if content and len(kinds) < len(content):
                # What is text or bytes there is no answer that a schema of JSON holds for.
                return {}
            written = [_Schemas(self._document).written(_mapping(content[kind]).get("schema")) for kind in kinds]
            found += [_as_it_comes(each) for each in written] or [{"type": "null"}]
        schemas = [each for index, each in enumerate(found) if each not in found[:index]]
        total = weight({"anyOf": schemas}) if schemas else None
        if total is None or total > _MOST_PARTS or {} in schemas or schemas == [{"type": "null"}]:
            return {}
        return {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}

    def _value(self, parameter: Mapping[str, Any]) -> str:
        """CEL for a parameter, which becomes a field of the context."""
        field = self._names.field(str(parameter["name"]))
        found = _Schemas(self._document).written(_mapping(parameter.get("schema")))
        total = weight(found)
        if total is None or total > _MOST_PARTS:
            found = {"type": "object"}
        said = _words(parameter.get("description"))
        self._inputs[field] = {**found, "description": said} if said else found
        if parameter.get("required"):
            self._required.append(field)
            return f"{{{{ context.{field} }}}}"
        return f"{{{{ '{field}' in context ? context.{field} : null }}}}"


class _Schemas:
    """Writes schemas out, as far as they say something here, and no further than so many parts in all."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = _MOST_PARTS

    def written(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """The schema without references. What is too deep, or too much, is any value."""
        self._left -= 1
        if depth > _MOST_DEEP or self._left < 0 or not isinstance(schema, dict):
            return {}
        nullable = schema.get("nullable") is True
        schema = _resolved(self._document, schema)
        made: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword == "properties" and isinstance(value, dict):
                made[keyword] = {str(name): self.written(each, depth + 1) for name, each in value.items()}
            elif keyword in ("items", "additionalProperties") and isinstance(value, dict):
                made[keyword] = self.written(value, depth + 1)
            elif keyword in ("anyOf", "oneOf", "allOf") and isinstance(value, list) and value:
                made[keyword] = [self.written(each, depth + 1) for each in value]
            elif keyword in _KEPT or (keyword == "additionalProperties" and isinstance(value, bool)):
                made |= {keyword: value} if value_problem(keyword, value) is None and _is_plain(value) else {}
        if isinstance(made.get("required"), list):
            made["required"] = [name for name in made["required"] if name in made.get("properties", {})]
        return _with_null(made) if nullable or schema.get("nullable") is True else made


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI 3.0 calls nullable, which JSON Schema says by a type."""
    kinds = schema.get("type")
    if not kinds or {"anyOf", "oneOf", "allOf", "const"} & set(schema):
        return {"anyOf": [schema, {"type": "null"}]} if schema else {}
    kinds = [kinds] if isinstance(kinds, str) else kinds
    made = {**schema, "type": kinds if "null" in kinds else [*kinds, "null"]}
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value in a schema is one of JSON, and not nested beyond what anybody reads."""
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth <= _MOST_DEEP and all(_is_plain(each, depth + 1) for each in inner)


def _words(value: Any) -> str:
    """A text for people, in one line; empty where there is none."""
    if not isinstance(value, str):
        return ""
    return " ".join(value.encode("utf-8", "ignore").decode().split())[:1000]


def _as_it_comes(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that says what an answer is like, and lets pass what is a little else.

    Many an API keeps to the shape of its document and not to its bounds, and by then the call has been made. So a
    null stands for any field that is not there, and lists of values are examples.
    """
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword == "properties":
            made[keyword] = {name: Line(_or_null(_as_it_comes(each))) for name, each in value.items()}
        elif keyword in ("items", "additionalProperties") and isinstance(value, dict):
            made[keyword] = _as_it_comes(value)
        elif keyword in ("anyOf", "oneOf", "allOf"):
            # Without their bounds, more than one may fit.
            made["anyOf" if keyword == "oneOf" else keyword] = [_as_it_comes(each) for each in value]
        elif keyword in ("enum", "examples"):
            made.setdefault("examples", value)
        elif keyword in ("type", "description"):
            made[keyword] = value
    return made


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema or "allOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return {**schema, "type": [*kinds, "null"]} if kinds and "null" not in kinds else schema


def _resolved(document: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    """What a reference within the document leads to, a few steps far; nothing is fetched."""
    for _ in range(_MOST_DEEP):
        target = value.get("$ref") if isinstance(value, dict) else None
        if not isinstance(target, str):
            break
        found: Any = document
        for part in target.removeprefix("#/").split("/") if target.startswith("#/") else ():
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        value = found if found is not document else {}
    return _mapping(value)


def _named(found: re.Match[str]) -> str:
    return found[1]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
