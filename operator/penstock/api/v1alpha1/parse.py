"""Data as somebody wrote it -> wire types, with every problem of shape and of meaning at once."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.checks_connection import check_connection
from penstock.api.v1alpha1.checks_inline import check_inline
from penstock.api.v1alpha1.compile import MAX_PROBLEMS, check_spec
from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.meta import OBJECT_NAME, ApiObject
from penstock.api.v1alpha1.repair import Renames, meant, mended, written
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.schema_messages import describe, object_name_for, render_location
from penstock.api.v1alpha1.subject import STAND_IN, Bind, CheckContext, CheckExpression, Tools
from penstock.api.v1alpha1.workflow import Workflow
from penstock.errors import Problem

_ROUNDS = 8
"""How often a document is mended and read again; each round can lay open what a broken field had hidden."""

Kind = TypeVar("Kind", bound=ApiObject)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of reading a Workflow."""

    workflow: Workflow | None
    """None when its shape is wrong; there may be problems all the same when it is there."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ParsedRun:
    """What came of reading a WorkflowRun."""

    run: WorkflowRun | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ParsedConnection:
    """What came of reading a Connection."""

    connection: Connection | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Read(Generic[Kind]):
    """A document read as far as it goes."""

    whole: Kind | None
    """The object, where nothing is wrong with its shape."""
    mended: Kind | None
    """The same with stand-ins; None where nothing could be made of it."""
    problems: tuple[Problem, ...]
    renames: Renames


def parse_workflow(
    data: object,
    *,
    images: Mapping[str, str] | None = None,
    check_expression: CheckExpression | None = None,
    bind: Bind | None = None,
    check_context: CheckContext | None = None,
) -> Parsed:
    """A Workflow out of JSON-like data, with everything that is wrong with it.

    Without `images` runtimes are not looked up, without `check_expression` only the names in CEL are checked.
    """
    read = _read(data, Workflow)
    found = check_spec(read.mended.spec, Tools(images, check_expression, bind, check_context)) if read.mended else ()
    return Parsed(read.whole, _merged(read.problems, found, read.renames))


def parse_run(
    data: object,
    *,
    images: Mapping[str, str] | None = None,
    check_expression: CheckExpression | None = None,
    bind: Bind | None = None,
    check_context: CheckContext | None = None,
) -> ParsedRun:
    """A WorkflowRun out of JSON-like data, with everything that is wrong with it; an inline spec is checked whole."""
    read = _read(data, WorkflowRun)
    tools = Tools(images, check_expression, bind, check_context)
    found: tuple[Problem, ...] = ()
    if read.mended is not None:
        spec = read.mended.spec
        if (spec.workflow is None) == (spec.inline is None):
            count = "neither" if spec.workflow is None else "both"
            message = f"A run has either `workflow` or `inline`; this has {count}."
            found = (Problem("spec", message, "Write `workflow: {name: order-processing}`."),)
        if spec.inline is not None:
            found += (*check_inline(spec.inline), *check_spec(spec.inline, tools, "spec.inline"))
    return ParsedRun(read.whole, _merged(read.problems, found, read.renames))


def parse_connection(data: object) -> ParsedConnection:
    """A Connection out of JSON-like data, with everything that is wrong with it."""
    read = _read(data, Connection)
    found = tuple(check_connection(read.mended.spec)) if read.mended is not None else ()
    return ParsedConnection(read.whole, _merged(read.problems, found, read.renames))


def _read(data: object, kind: type[Kind]) -> _Read[Kind]:
    if not isinstance(data, Mapping):
        message = f"A {kind.__name__} is a mapping with `apiVersion`, `kind`, `metadata` and `spec`."
        return _Read(None, None, (Problem("", message, "Begin with `apiVersion: penstock.dev/v1alpha1`."),), {})
    problems = list(_head(data, kind))
    document: Any = _copy(data, kind)
    renames: Renames = {}
    whole = result = None
    for round_number in range(_ROUNDS):
        try:
            # As JSON and strict: `limit: "3"` is refused here as it is by the API server.
            result = kind.model_validate_json(json.dumps(document), strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            errors = _own(error.errors(include_url=False)[:MAX_PROBLEMS], kind)
            found = [problem for problem in _located(errors, kind, renames) if problem not in problems]
            if round_number and not found:
                # What cannot be mended would only be said again.
                break
            problems.extend(found)
            if len(problems) >= MAX_PROBLEMS:
                message = f"There are more problems than these {MAX_PROBLEMS}."
                problems[MAX_PROBLEMS:] = [Problem("", message, "Correct these first.")]
                break
            document = mended(document, errors, kind, renames)
        except (ValueError, TypeError, RecursionError):
            message = "The document holds what JSON cannot say."
            return _Read(None, None, (*problems, Problem("", message, "Remove it.")), renames)
        else:
            whole = result if round_number == 0 else None
            break
    return _Read(whole, result, tuple(problems), renames)


def _copy(data: Mapping[str, Any], kind: type[ApiObject]) -> Any:
    """The document to be mended, under the right head; the same one where it is nested beyond copying."""
    document = {**data, "apiVersion": API_VERSION, "kind": kind.__name__}
    try:
        return copy.deepcopy(document)
    except RecursionError:
        return document


def _head(data: Mapping[str, Any], kind: type[ApiObject]) -> list[Problem]:
    """Problems of apiVersion, kind and name, which the wire types have defaults for or leave open."""
    problems = []
    for field, expected in (("apiVersion", API_VERSION), ("kind", kind.__name__)):
        if data.get(field) != expected:
            found = f"is `{data[field]}`" if field in data else "is missing"
            problems.append(Problem(field, f"`{field}` {found}.", f"Write `{field}: {expected}`."))
    metadata = data.get("metadata")
    if isinstance(metadata, Mapping):
        problems.extend(_name(metadata, kind))
    return problems


def _name(metadata: Mapping[str, Any], kind: type[ApiObject]) -> list[Problem]:
    name = metadata.get("name")
    if name is None and metadata.get("generateName") and kind is WorkflowRun:
        return []
    if not name:
        return [Problem("metadata.name", f"The {kind.__name__} has no name.", "Add `name: order-processing`.")]
    if isinstance(name, str) and not re.fullmatch(OBJECT_NAME, name):
        better = object_name_for(name) or "order-processing"
        message = f"`{name[:80]}` is not an object name: lower-case letters, digits and `-`, at most 63."
        return [Problem("metadata.name", message, f"Write `{better}`.")]
    return []


def _own(errors: Sequence[Any], kind: type[ApiObject]) -> list[Any]:
    """The errors less those that only follow from others.

    A list is not short because its broken entries were not counted, and a field is not missing that is there under
    a misspelt name.
    """
    places = [tuple(error["loc"]) for error in errors]
    misspelt = {
        (*place[:-1], meant(place, kind))
        for place, error in zip(places, errors, strict=True)
        if error["type"] == "extra_forbidden"
    }

    def follows(error: Any, place: tuple[Any, ...]) -> bool:
        if error["type"] == "missing":
            return place in misspelt
        inside = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        return error["type"] == "too_short" and inside

    return [error for error, place in zip(errors, places, strict=True) if not follows(error, place)]


def _located(errors: Sequence[Any], kind: type[ApiObject], renames: Renames) -> list[Problem]:
    found = []
    for error in errors:
        problem = describe(error, kind)
        if STAND_IN not in f"{problem.message}{problem.fix}":
            location = written(tuple(error["loc"]), renames)
            found.append(replace(problem, path=render_location(location)))
    return found


def _merged(first: Sequence[Problem], second: Sequence[Problem], renames: Renames) -> tuple[Problem, ...]:
    """All problems once, under the paths that somebody wrote."""
    names = {render_location(place): render_location((*place[:-1], name)) for place, name in renames.items()}
    result = list(first)
    for problem in second:
        path = problem.path
        for place, name in names.items():
            if path == place or path.startswith((f"{place}.", f"{place}[", f"{place}:")):
                path = name + path[len(place) :]
        found = replace(problem, path=path)
        if found not in result:
            result.append(found)
    return tuple(result)
