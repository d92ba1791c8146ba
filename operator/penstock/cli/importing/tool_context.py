"""A Tool Context, the plan of an MCP client executor, as a Workflow. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.cli.importing.documents import Line, gate, hints, object_of, written
from penstock.cli.importing.naming import Names
from penstock.errors import InvalidInput, Problem

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*')
_PLACEHOLDER = re.compile(r"\{+\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}+")
_OPERATORS = {"neq": "ne", "is_null": "isnull", "is_not_null": "isnotnull", "not_in": "notin", "in_": "in"}
_KNOWN = ("tool_type", "base_url", "path", "method", "query_params", "body", "llm_call", "llm_goal")
_EXAMPLE = '{"name": "customer", "op": "eq", "val": "Alice"}'
_MOST_DEEP = 32
"""Levels of a plan; whoever sends more than that means no plan."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_READING = ("GET", "HEAD")
_HEAD = """Written by `penstock import tool-context`. Edit it as you like: a further import keeps your edits.
What a call needs to say who it is goes into `auth` of the Connection."""


@dataclass(frozen=True, slots=True)
class Made:
    """The file."""

    text: str
    workflows: int = 1
    left_out: tuple[str, ...] = ()


def workflow_of(text: str, name: str, groups: Sequence[str], users: Sequence[str]) -> Made:
    """The Workflow of a Tool Context. Raises InvalidInput with everything that is wrong with it."""
    blocks = _blocks(text)
    places = list(dict.fromkeys(block["base_url"].rstrip("/") for block in blocks))
    connections = {url: name if index == 0 else f"{name}-{index + 1}" for index, url in enumerate(places)}
    steps = _Steps(connections, f"{name}-model", groups, users)
    for block in blocks:
        steps.add(block)
    objects = [_connection(name, connection, url, blocks) for url, connection in connections.items()]
    if any(block.get("llm_call") for block in blocks):
        auth = {"secretRef": Line(name=f"{name}-model", key="token")}
        objects.append(
            object_of(
                "Connection",
                f"{name}-model",
                name,
                {"type": "llm", "provider": "openai", "model": "gpt-5", "auth": auth},
            )
        )
    reading = all(_method(block) in _READING and not block.get("llm_call") for block in blocks)
    calls = ", ".join(f"{_method(block)} {_path(block)}" for block in blocks)
    spec = {
        "description": f"What a Tool Context says: {calls}."[:4096],
        "tool": {"annotations": hints(read_only=reading, destructive=not reading)},
        "steps": steps.written,
        # What came of each step, as the executor's context_results.
        "outputs": {"from": "{" + ", ".join(f"'{each}': steps.{each}.output" for each in steps.told) + "}"},
    }
    return Made(written([*objects, object_of("Workflow", name, name, spec)], _HEAD))


class _Steps:
    """The steps, one block after the other."""

    def __init__(self, connections: Mapping[str, str], model: str, groups: Sequence[str], users: Sequence[str]) -> None:
        self._connections, self._model, self._groups, self._users = connections, model, groups, users
        self._names = Names()
        self._rows = ""
        self.written: list[dict[str, Any]] = []
        self.told: list[str] = []

    def add(self, block: Mapping[str, Any]) -> None:
        """One block: a call, and what a model makes of its answer."""
        method, path = _method(block), _path(block)
        name = self._names.field(f"{method} {path}")
        step = {"name": name, **self._after()}
        http: dict[str, Any] = {"connection": self._connections[block["base_url"].rstrip("/")]}
        http |= {} if method == "GET" else {"method": method}
        http["path"] = _filled(path)
        if filters := [Line(_filter(each)) for each in block.get("query_params") or ()]:
            http["filters"] = filters
        if method == "GET":
            http["paginate"] = {}
        elif method != "HEAD" and block.get("body"):
            http["body"] = _body(block["body"])
        if self._rows and _PLACEHOLDER.search(json.dumps([block.get("query_params"), block.get("body"), path])):
            step["forEach"] = f"steps.{self._rows}.output.rows"
        step["http"] = http
        if method not in _READING:
            step["requiresApproval"] = gate(
                f"{method} {path.replace('{', '').replace('}', '')}?", self._groups, self._users
            )
        self._take(step)
        if method == "GET":
            self._rows = name
        if block.get("llm_call"):
            self._judge(str(block.get("llm_goal") or "Go on with what came of the call."), name)

    def _judge(self, goal: str, looked_at: str) -> None:
        plan, run = self._names.field(f"{looked_at}_plan"), self._names.field(f"{looked_at}_go_on")
        approvers = gate("", self._groups, self._users)["approvers"]
        plans = {"connections": [*self._connections.values(), self._model], "approvers": approvers}
        llm = {
            "connection": self._model,
            "prompt": "Write the plan that comes next: " + _PLACEHOLDER.sub(r"\1", goal).replace("{{", "{"),
            "data": {"answer": f"{{{{ steps.{looked_at}.output }}}}"},
            "plans": plans,
        }
        self._take({"name": plan, **self._after(), "llm": llm}, told=False)
        self._take(
            {
                "name": run,
                **self._after(),
                "requiresApproval": gate(f"{{{{ steps.{plan}.output.text }}}}", self._groups, self._users),
                "workflow": {"specFrom": f"steps.{plan}.output.spec"},
            }
        )

    def _after(self) -> dict[str, Any]:
        # One after the other, and what an earlier one gave can be named by every later one.
        return {"needs": [self.written[-1]["name"]]} if self.written else {}

    def _take(self, step: dict[str, Any], *, told: bool = True) -> None:
        self.written.append(step)
        if told:
            self.told.append(step["name"])


def _blocks(text: str) -> list[Mapping[str, Any]]:
    try:
        data = json.loads(_COMMENT.sub(lambda found: found[1] or "", text))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"it is not JSON: {error}") from error
    if not _is_shallow(data):
        raise InvalidInput(f"it is not a Tool Context: it is nested more than {_MOST_DEEP} deep")
    blocks = _flat(data)
    problems = [problem for index, block in enumerate(blocks) for problem in _problems(f"[{index}]", block)]
    if not blocks:
        problems = [Problem("", "There is no block in it.", 'Write a list: [{"tool_type": "json-api", …}].')]
    if problems:
        raise InvalidInput("it is not a Tool Context", problems=tuple(problems))
    return blocks


def _is_shallow(value: Any, depth: int = 0) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth <= _MOST_DEEP and all(_is_shallow(each, depth + 1) for each in inner)


def _flat(data: Any) -> list[Any]:
    """Blocks as they are, or under `resources` of one object that holds what all of them share."""
    if isinstance(data, dict) and isinstance(data.get("resources"), list):
        shared = {key: data[key] for key in ("tool_type", "base_url") if key in data}
        return [{**shared, **each} if isinstance(each, dict) else each for each in data["resources"]]
    return data if isinstance(data, list) else [data]


def _problems(path: str, block: Any) -> list[Problem]:
    if not isinstance(block, dict):
        return [Problem(path, "A block is an object.", f"Write one with {', '.join(_KNOWN)}.")]
    found = []
    if block.get("tool_type", "json-api") not in ("json-api", "api"):
        found.append(Problem(f"{path}.tool_type", f"`{block['tool_type']}` is not known here.", "Write `json-api`."))
    if not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", str(block.get("base_url", ""))):
        found.append(Problem(f"{path}.base_url", "It is not an address.", "Write `https://shop.example.com/api`."))
    if not isinstance(block.get("path"), str) or not block["path"].strip("/"):
        found.append(Problem(f"{path}.path", "There is no path.", "Write `Order`."))
    if _method(block) not in _METHODS:
        found.append(Problem(f"{path}.method", "That is not a method.", f"Write one of {', '.join(_METHODS)}."))
    if isinstance(block.get("path"), str) and re.search(r"[*?#]", block["path"]):
        fix = "Write `Order`, and what selects rows into `query_params`."
        found.append(Problem(f"{path}.path", "A path has no `*`, `?` and `#`.", fix))
    params = block.get("query_params") or []
    if not isinstance(params, list):
        found.append(Problem(f"{path}.query_params", "It is no list.", f"Write [{_EXAMPLE}]."))
    for index, each in enumerate(params if isinstance(params, list) else ()):
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            found.append(Problem(f"{path}.query_params[{index}]", "It has no name.", f"Write {_EXAMPLE}."))
    return found


def _method(block: Mapping[str, Any]) -> str:
    return str(block.get("method", "GET")).upper()


def _path(block: Mapping[str, Any]) -> str:
    return f"/{block['path'].strip('/')}"


def _connection(part_of: str, name: str, url: str, blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = [block for block in blocks if block["base_url"].rstrip("/") == url]
    rules = dict.fromkeys((_method(block), _PLACEHOLDER.sub("*", _path(block))) for block in own)
    allow = [Line(methods=[method], paths=[path]) for method, path in rules]
    return object_of("Connection", name, part_of, {"type": "json-api", "url": url, "allow": allow})


def _filter(given: Mapping[str, Any]) -> dict[str, Any]:
    operator = str(given.get("op") or "eq").lower()
    value = given.get("val", given.get("value"))
    made = {"name": given["name"], "op": _OPERATORS.get(operator, operator)}
    if value is None and made["op"] in ("eq", "ne"):
        made["op"] = "isnull" if made["op"] == "eq" else "isnotnull"
    return made if value is None else {**made, "val": _filled(value)}


def _body(given: Any) -> Any:
    """What is sent: an object as it is, and a list of names and values as the object that it stands for."""
    if isinstance(given, list) and all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in given):
        return {each["name"]: _filled(each.get("value", each.get("val"))) for each in given}
    return _filled(given)


def _filled(value: Any) -> Any:
    """The value with `{customer_id}` as what it stands for: that field of the row of an earlier step."""
    if isinstance(value, dict):
        return {key: _filled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each) for each in value]
    if not isinstance(value, str):
        return value
    made, at = "", 0
    for found in _PLACEHOLDER.finditer(value):
        made += f"{_literal(value[at : found.start()])}{{{{ item.{_of_row(found[1])} }}}}"
        at = found.end()
    return made + _literal(value[at:])


def _literal(text: str) -> str:
    # Braces of a plan's own are no expression here: only a name in braces is one, that of a field.
    return text.replace("{{", "{{ '{' + '{' }}")


def _of_row(name: str) -> str:
    # A row of JSON:API keeps its id outside of its attributes.
    return name if name == "id" else f"attributes.{name}"
