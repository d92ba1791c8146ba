"""A file of Python with `@tool` functions as Workflows, one for each. Pure."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from penstock.cli.importing.documents import object_of, written
from penstock.cli.importing.naming import Names
from penstock.cli.importing.python_functions import (
    DECORATORS,
    Function,
    Tool,
    decorated,
    marks,
    misplaced,
    names_taken,
    tool_of,
)
from penstock.cli.importing.python_types import name_of
from penstock.errors import InvalidInput, Problem

_HEAD = """Written by `penstock import python`. Edit it as you like: a further import keeps your edits."""
_GIVEN = ("context", "fail", "item", "itemIndex", "output", "progress", "run", "steps")
_STEP = "call"


@dataclass(frozen=True, slots=True)
class Made:
    """The file."""

    text: str
    workflows: int
    left_out: tuple[str, ...] = ()


def workflows_of(source: str, name: str) -> Made:
    """The Workflows of an application. Raises InvalidInput with everything that is wrong with the functions."""
    tree = _parsed(source)
    functions = decorated(tree)
    if not functions:
        raise InvalidInput("no function of this file has @tool", hint="Write `@tool` above what agents may call.")
    problems = [*misplaced(tree), *names_taken(tree, _GIVEN)]
    tools: list[Tool] = []
    for function in functions:
        tool, wrong = tool_of(function)
        problems += wrong
        tools += [tool] if tool else []
    if problems:
        raise InvalidInput("not every function with @tool can be a Workflow", problems=tuple(problems))
    program, names = _program(source, tree), Names()
    objects = [_workflow(tool, names.object(name, tool.name), name, program) for tool in tools]
    return Made(written(objects, _HEAD), len(objects), tuple(_packages(tree, source)))


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f"line {error.lineno}" if isinstance(error, SyntaxError) else "the file"
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InvalidInput("this is no Python", problems=(Problem(where, what, "Correct it."),)) from error


def _workflow(tool: Tool, name: str, application: str, program: str) -> dict[str, Any]:
    call = f"{tool.name}(**context)"
    if tool.waits:
        call = f'__import__("asyncio").run({call})'
    spec: dict[str, Any] = {
        "description": tool.description[:4096],
        "inputs": tool.inputs,
        **({"outputs": {"schema": tool.output}} if tool.output else {}),
        "steps": [{"name": _STEP, "script": {"runtime": "python", "source": f"{program}\n\noutput({call})\n"}}],
    }
    return object_of("Workflow", name, application, spec)


def _program(source: str, tree: ast.Module) -> str:
    """The file without what is only there to mark functions, and without what it does when it is run by itself."""
    lines = source.splitlines()
    gone: set[int] = set()
    put: dict[int, str] = {}
    for node in tree.body:
        if isinstance(node, Function):
            for each in filter(marks, node.decorator_list):
                gone.update(range(each.lineno, (each.end_lineno or each.lineno) + 1))
        elif isinstance(node, ast.ImportFrom):
            kept = [each for each in node.names if each.name not in DECORATORS]
            if len(kept) < len(node.names):
                gone.update(_lines(node))
                if kept:
                    put[node.lineno] = ast.unparse(ast.ImportFrom(node.module, kept, node.level))
        elif _names_the_result(node) or _runs_by_itself(node):
            gone.update(_lines(node))
    left = [put.get(number, line) for number, line in enumerate(lines, 1) if number not in gone or number in put]
    return "\n".join(left).strip("\n")


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _names_the_result(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and [name_of(target) for target in node.targets] == ["result"]


def _runs_by_itself(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _packages(tree: ast.Module, source: str) -> Iterator[str]:
    """What it imports that Python does not bring and it does not name itself (PEP 723)."""
    if "# /// script" in source:
        return
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not all(each.name in DECORATORS for each in node.names):
            found.add((node.module or "").partition(".")[0])
    for package in sorted(found - sys.stdlib_module_names - {""}):
        yield f"{package} is imported: put what brings it into `dependencies` of the scripts."
