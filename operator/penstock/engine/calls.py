"""Calls to Connections: what a step asks for, held against what its Connection allows. Pure.

A call that is not allowed fails before anything starts. What runs, and what people approve of, is the call together
with the Connection as it was then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from penstock.engine.digests import canonical
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, Origin
from penstock.engine.secret_references import ASSERTION

AUTH_VARIABLE = "CONNECTION_AUTH"
"""Holds the value of the Secret that a Connection's `auth` names, for the program of a call."""
_TYPES: Mapping[str, tuple[str, ...]] = {
    "http": ("json-api", "openapi"),
    "sql": ("sql",),
    "llm": ("llm",),
    "discover": ("json-api", "openapi", "sql"),
}
"""Types of Connections that a kind of call can use."""
_ABOUT_MODELS = ("discover",)
_FOR_MODELS = ("discovery", "document", "learning", "expose")
"""Fields of a Connection that say what a model is told: no part of any other call."""
_CHANGING = ("insert", "update", "delete")
_NOT_ONE_PART = re.compile(r"[/\\\x00-\x1f\x7f]|^\.{0,2}$")
_ODD_PATH = re.compile(r"//|\\|[?#]|(^|/)\.{1,2}(/|$)|%2[eEfF]|%5[cC]|[\x00-\x20\x7f]")


class CallRefused(Exception):
    """A call that cannot be made as it is."""

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def connected(content: Mapping[str, Any], connection: Mapping[str, Any], run: Origin) -> dict[str, Any]:
    """The program of a call with its Connection, by which its Secret becomes a variable of the program.

    In place of a Secret it may be an assertion of who asked for the run: who that is, is a part of the program, so
    no output of one person's call is taken for another's.
    """
    more = () if content["call"]["kind"] in _ABOUT_MODELS else _FOR_MODELS
    program = {**content, "connection": {name: value for name, value in connection.items() if name not in more}}
    auth = connection.get("auth")
    if auth is not None:
        if "onBehalfOf" in auth:
            who = {"user": run.user, "client": run.client, "groups": list(run.groups)}
            source: dict[str, Any] = {ASSERTION: {**auth["onBehalfOf"], **who, "connection": connection["name"]}}
        else:
            source = {"secretKeyRef": dict(auth["secretRef"])}
        variable = {"name": AUTH_VARIABLE, "valueFrom": source}
        program["env"] = [*content.get("env", ()), variable]
    return program


def settled(content: Mapping[str, Any], step: str) -> tuple[dict[str, Any], Failure | None]:
    """The program with its call as it will be made, or why it may not be made."""
    try:
        call = _settled(content["call"], content["connection"])
    except CallRefused as refused:
        return dict(content), Failure(refused.code, str(refused), step)
    return {**content, "call": call}, None


def source_of(program: Mapping[str, Any]) -> str:
    """What the runtime of calls runs: the call and its Connection, as JSON."""
    return canonical({"call": program["call"], "connection": program["connection"]}).decode()


def _settled(call: Mapping[str, Any], connection: Mapping[str, Any]) -> dict[str, Any]:
    kind, name = call["kind"], connection["name"]
    if connection["type"] not in _TYPES[kind]:
        reason = f"a step with `{kind}` needs a Connection of type {' or '.join(_TYPES[kind])}"
        raise CallRefused(FailureCode.CALL_REFUSED, f"Connection {name} is of type {connection['type']}; {reason}")
    if kind == "sql":
        _check_write(call, connection)
    if kind != "http":
        return dict(call)
    path = _path(call["path"])
    if not any(call["method"] in rule["methods"] and _fits(path, rule["paths"]) for rule in connection["allow"]):
        allowed = "; ".join(
            f"{', '.join(rule['methods'])} of {', '.join(rule['paths'])}" for rule in connection["allow"]
        )
        reason = f"Connection {name} does not allow {call['method']} of {path}. It allows {allowed}"
        raise CallRefused(FailureCode.CALL_REFUSED, reason)
    return {**call, "path": path}


def _check_write(call: Mapping[str, Any], connection: Mapping[str, Any]) -> None:
    operations = {operation for rule in connection["allow"] for operation in rule["operations"]}
    if call["write"] and not operations & set(_CHANGING):
        reason = f"Connection {connection['name']} allows no step to change anything: its `allow` lists select alone"
        raise CallRefused(FailureCode.CALL_REFUSED, reason)


def _path(pieces: Sequence[Any]) -> str:
    """The path out of what was written (even places) and values (odd places), each of which is one part or less."""
    made = []
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            made.append(quote(piece, safe="/?#\\!$&'()*+,;=:@-._~%"))
            continue
        text = piece if isinstance(piece, str) else canonical(piece).decode()
        if isinstance(piece, dict | list) or piece is None or _NOT_ONE_PART.search(text):
            raise CallRefused(
                FailureCode.INPUT_INVALID,
                f"path: {text[:80]!r} cannot be a part of it: a value there is one part, without slashes, not empty",
            )
        try:
            made.append(quote(text, safe=""))
        except UnicodeEncodeError:
            raise CallRefused(FailureCode.INPUT_INVALID, "path: a value holds half of a surrogate pair") from None
    path = "".join(made)
    if _ODD_PATH.search(path):
        reason = f"path: {path[:200]!r} is not a plain path: no `//`, `..`, `?`, `#`, spaces or encoded slashes"
        raise CallRefused(FailureCode.INPUT_INVALID, reason)
    return path


def _fits(path: str, patterns: Sequence[str]) -> bool:
    return any(re.fullmatch(_expression(pattern), path) for pattern in patterns)


def _expression(pattern: str) -> str:
    """A pattern of a Connection as a regular expression: `*` stays within a part, `**` does not."""
    expression = ""
    for word in re.split(r"(/\*\*(?=/|$)|\*)", pattern):
        if word == "/**":
            expression += "(?:/[^/]*)*"
        else:
            expression += "[^/]*" if word == "*" else re.escape(word)
    return expression
