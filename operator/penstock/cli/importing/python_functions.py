"""Functions with `@tool` in a file of Python: what each takes and gives back, or what is wrong with it. Pure.

The file is read and never run. What makes a function a tool are the rules of Pyplan's `@mcp_tool`: it is decorated, its
parameters have types and words, it has a docstring, what it gives back can be said in JSON, and it asks nobody.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.cli.importing.python_types import KNOWN, Json, NoJson, described, name_of, optional, schema_of
from penstock.errors import Problem

DECORATORS = ("tool", "mcp_tool")
Function = ast.FunctionDef | ast.AsyncFunctionDef
_ASKING = ("input", "breakpoint", "getpass")
_NO_DEFAULT: Any = object()


@dataclass(frozen=True, slots=True)
class Tool:
    """One function."""

    name: str
    """As it is called in the file."""
    description: str
    inputs: Json
    output: Json | None
    """The schema of what it gives back, where its type says."""
    waits: bool
    """It is `async`."""


def decorated(tree: ast.Module) -> list[Function]:
    """The functions of the file itself that are marked as tools."""
    return [each for each in tree.body if isinstance(each, Function) and any(map(marks, each.decorator_list))]


def marks(decorator: ast.expr) -> bool:
    """Whether the decorator makes a tool."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return name_of(called) in DECORATORS


def misplaced(tree: ast.Module) -> Iterator[Problem]:
    """What is marked, or was meant to be, and cannot be a tool where it stands."""
    tools = decorated(tree)
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef) and node not in tools and any(map(marks, node.decorator_list)):
            yield _problem(node, f"`{node.name}` is not a function of the file itself", "Move it out to the left edge.")
    named = {each.name for each in tools}
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(name_of(target) == "result" for target in node.targets):
            given = ast.unparse(node.value)
            if given not in named:
                fix = f"Write `@tool` above `{given}`." if given.isidentifier() else "Write `result = ` and a function."
                yield _problem(node, f"`result` is `{given}`, which is no function with @tool", fix)


def tool_of(function: Function) -> tuple[Tool | None, list[Problem]]:
    """The tool, or everything that keeps it from being one."""
    wrong: list[Problem] = []
    properties: dict[str, Any] = {}
    required: list[str] = []
    wrong += _unnamed(function)
    for parameter, default in _parameters(function.args):
        found = _parameter(function, parameter, default, wrong)
        if found is not None:
            properties[parameter.arg] = found
            if default is None and not (parameter.annotation and optional(described(parameter.annotation)[0])):
                required.append(parameter.arg)
    words = (ast.get_docstring(function) or "").strip()
    if not words:
        fix = '''Write """What it does and when to use it.""" as its first line.'''
        wrong.append(_problem(function, f"`{function.name}` has no docstring", fix))
    output = _given_back(function, wrong)
    wrong += _asking(function)
    if wrong:
        return None, wrong
    inputs = {"type": "object", **({"required": required} if required else {}), "properties": properties}
    return Tool(function.name, words, inputs, output, isinstance(function, ast.AsyncFunctionDef)), []


def _parameters(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Each parameter that a name can be given for, with its default."""
    missing = len(arguments.args) - len(arguments.defaults)
    yield from zip(arguments.args, [*[None] * missing, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _unnamed(function: Function) -> Iterator[Problem]:
    arguments = function.args
    for each in (arguments.vararg, arguments.kwarg, *arguments.posonlyargs):
        if each is not None:
            fix = f"Write `{each.arg}` as a parameter of its own, without `*` and before no `/`."
            yield _problem(each, f"`{each.arg}` cannot be given by its name", fix)


def _parameter(function: Function, parameter: ast.arg, default: ast.expr | None, wrong: list[Problem]) -> Json | None:
    name = parameter.arg
    if parameter.annotation is None:
        fix = f'Write `{name}: Annotated[str, "What it is"]`.'
        wrong.append(_problem(parameter, f"`{name}` of `{function.name}` has no type", fix))
        return None
    kind, words = described(parameter.annotation)
    if not words:
        fix = f'Write `{name}: Annotated[{ast.unparse(kind)}, "What it is"]`.'
        wrong.append(_problem(parameter, f"nothing says what `{name}` of `{function.name}` is", fix))
    try:
        schema = schema_of(kind)
    except (NoJson, SyntaxError):
        wrong.append(_problem(parameter, f"no caller can give `{name}` a `{ast.unparse(kind)}`", f"Write {KNOWN}."))
        return None
    value = _default(parameter, default, wrong)
    given = {} if value is _NO_DEFAULT or value is None else {"default": value}
    return {**schema, "description": words, **given}


def _default(parameter: ast.arg, default: ast.expr | None, wrong: list[Problem]) -> Any:
    if default is None:
        return _NO_DEFAULT
    try:
        value = ast.literal_eval(default)
    except ValueError:
        value = _NO_DEFAULT
    if not isinstance(value, str | int | float | bool | list | dict | None):
        fix = f"Write the value itself, or `{parameter.arg}: … | None = None` and work it out inside."
        wrong.append(_problem(default, f"the default of `{parameter.arg}` is not a plain value", fix))
    return value


def _given_back(function: Function, wrong: list[Problem]) -> Json | None:
    if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in _own(function)):
        fix = "Write `return list(…)`, and `progress(done, total)` to say how far it is."
        wrong.append(_problem(function, f"`{function.name}` gives its values one by one", fix))
    kind = described(function.returns)[0] if function.returns is not None else None
    if kind is None or (isinstance(kind, ast.Constant) and kind.value is None):
        return None
    try:
        return None if optional(kind) else schema_of(kind)
    except (NoJson, SyntaxError):
        text = f"`{function.name}` gives back a `{ast.unparse(kind)}`, which JSON has no form for"
        wrong.append(
            _problem(kind, text, "Return a dict, a list, a text, a number or a truth value, and write that type.")
        )
        return None


def _asking(function: Function) -> Iterator[Problem]:
    """Where it waits for somebody: nobody sits before a run."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and name_of(node.func) in _ASKING:
            text = f"`{function.name}` asks somebody with `{name_of(node.func)}()`"
            yield _problem(node, text, "Make what it asks for a parameter, or put an `approval` step before it.")


def _own(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it."""
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            left += list(ast.iter_child_nodes(node))


def _problem(node: ast.AST, message: str, fix: str) -> Problem:
    return Problem(f"line {getattr(node, 'lineno', 1)}", message, fix)


def names_taken(tree: ast.Module, taken: Sequence[str]) -> Iterator[Problem]:
    """Names of the file itself that would hide what every script has."""
    for node in tree.body:
        names = [node.name] if isinstance(node, Function | ast.ClassDef) else []
        if isinstance(node, ast.Assign):
            names = [name_of(target) for target in node.targets]
        for name in names:
            if name in taken:
                yield _problem(node, f"`{name}` is what every script has already", f"Call it `my_{name}`.")
