"""Whether the values that a run is to start with are what its Workflow asks for. Pure; nothing is fetched.

Bounded whoever wrote the schema: patterns run on an engine whose time is linear (api/v1alpha1/patterns.py), schemas do
not recurse and have a limited number of parts (api/v1alpha1/checks_inputs.py), and sizes are looked at before anything
else.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from penstock.api.v1alpha1.checks_inputs import FIELD_NAME, MAX_STRING
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.application.safe_text import harmless
from penstock.engine.digests import canonical
from penstock.errors import Problem

MAX_CONTEXT = 131_072
"""Bytes of a context as JSON."""
DEFAULT_STRING = 10_000
"""Characters of a text whose field sets no `maxLength`."""
MAX_DEPTH = 32
MAX_PROBLEMS = 50
"""Of one kind; more are not listed."""
MAX_INTEGER = 2**53 - 1
"""Beyond it two whole numbers can be one for a program that keeps them as floating point, as JavaScript does."""


def check_context(inputs: Mapping[str, Any] | None, context: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Everything that is wrong with a context; `inputs` is the Workflow's JSON Schema, None where it has none.

    Fields that it leaves out are taken at their defaults, as the run will take them.
    """
    context = with_defaults(inputs, context)
    problems = [*islice(_names(inputs, context), MAX_PROBLEMS), *islice(_limits(inputs, context), MAX_PROBLEMS)]
    if not any(problem.path == "context" for problem in problems) and inputs is not None:
        from penstock.application.context_schema import context_problems

        spoken_of = {problem.path for problem in problems}
        problems += [problem for problem in context_problems(inputs, context) if problem.path not in spoken_of]
    return tuple(problems)


def with_defaults(inputs: Mapping[str, Any] | None, context: Mapping[str, Any]) -> dict[str, Any]:
    """The context with the defaults of the fields that it leaves out, as far as `inputs` has any."""
    properties = (inputs or {}).get("properties")
    filled = dict(context)
    for name, field in properties.items() if isinstance(properties, dict) else ():
        if name not in filled and isinstance(field, dict) and "default" in field:
            filled[name] = copy.deepcopy(field["default"])
    return filled


def _names(inputs: Mapping[str, Any] | None, context: Mapping[str, Any]) -> Iterator[Problem]:
    properties = (inputs or {}).get("properties")
    known = properties if isinstance(properties, dict) else {}
    closed = inputs is not None and inputs.get("additionalProperties", False) is False
    for name in context:
        shown = harmless(str(name)[:80])
        path = f"context.{shown}"
        if closed and name not in known:
            near = closest(str(name), known)
            fields = f"the fields are {listed(known)}" if known else "this Workflow takes no context"
            fix = f"Write `{near}`." if near else f"Remove it; {fields}."
            yield Problem(path, f"There is no input `{shown}`.", fix)
        elif not isinstance(name, str) or not FIELD_NAME.fullmatch(name):
            better = re.sub(r"[^a-z0-9_]+", "_", str(name).lower()).strip("_")
            fix = f"Write `{better}`." if FIELD_NAME.fullmatch(better) else "Write a name such as `customer_id`."
            message = "A field's name begins with a lower-case letter and has only lower-case letters, digits and `_`"
            yield Problem(path, f"{message}, at most 63; `{shown}` does not.", fix)


def _limits(inputs: Mapping[str, Any] | None, context: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems with sizes and with what JSON or a program cannot take; the path `context` stands for the whole."""
    found = False
    for problem in _value(dict(context), "context", dict(inputs) if inputs else {}, 0):
        found = True
        yield problem
    if found:
        return
    size = len(canonical(dict(context)))
    if size > MAX_CONTEXT:
        message = f"The context has {size:,} bytes; {MAX_CONTEXT:,} (128 KiB) is the limit."
        yield Problem("context", message, "Put large data where the steps can fetch it, and pass its address.")


def _value(value: Any, path: str, schema: Mapping[str, Any], depth: int) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from _text(value, path, schema)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield from _number(value, path)
    elif depth >= MAX_DEPTH:
        message = f"The values are nested more than {MAX_DEPTH} deep."
        yield Problem("context", message, "Make them flatter, or pass them as text.")
    elif isinstance(value, list):
        items = schema.get("items")
        for index, item in enumerate(value):
            yield from _value(item, f"{path}[{index}]", items if isinstance(items, dict) else {}, depth + 1)
    elif isinstance(value, dict):
        yield from _fields(value, path, schema, depth)
    else:
        yield Problem(path, f"A value of type {type(value).__name__} is not JSON.", "Write it as text.")


def _fields(value: Mapping[Any, Any], path: str, schema: Mapping[str, Any], depth: int) -> Iterator[Problem]:
    properties = schema.get("properties")
    for key, item in value.items():
        here = f"{path}.{harmless(str(key)[:80])}"
        if not isinstance(key, str):
            yield Problem(here, "A key must be text.", "Write it in quotes.")
            continue
        if depth:
            yield from _text(key, here, {})
        inner = properties.get(key) if isinstance(properties, dict) else None
        if inner is None:
            inner = schema.get("additionalProperties")
        yield from _value(item, here, inner if isinstance(inner, dict) else {}, depth + 1)


def _text(text: str, path: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    if "\0" in text:
        yield Problem(path, "The text has a NUL character, which no program's environment can hold.", "Remove it.")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        yield Problem(path, "The text has half a surrogate pair, which is not valid Unicode.", "Remove it.")
        return
    own = schema.get("maxLength")
    limit = min(own, MAX_STRING) if isinstance(own, int) and not isinstance(own, bool) else DEFAULT_STRING
    if len(text) > limit:
        raised = "" if isinstance(own, int) else f", or let the Workflow set `maxLength` (up to {MAX_STRING}) for it"
        message = f"The text has {len(text):,} characters; {limit:,} is the limit here."
        yield Problem(path, message, f"Shorten it{raised}.")
    elif size > MAX_STRING:
        message = f"The text has {size:,} bytes; {MAX_STRING:,} (32 KiB) is the limit."
        yield Problem(path, message, "Shorten it, or pass the address of a file.")


def _number(number: float, path: str) -> Iterator[Problem]:
    if isinstance(number, float) and not math.isfinite(number):
        yield Problem(path, f"`{number}` is not a number that JSON knows.", "Write a finite number, or `null`.")
    elif isinstance(number, int) and abs(number) > MAX_INTEGER:
        message = f"The whole number is beyond {MAX_INTEGER:,}, so programs may take it for another one."
        yield Problem(path, message, "Pass it as text.")
