"""A template becomes a Workflow of its own: copied, configured, checked before anything is written."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.api.v1alpha1.labels import TEMPLATE_LABEL, is_template
from penstock.api.v1alpha1.parse import parse_workflow
from penstock.api.v1alpha1.suggestions import closest
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.check_context import check_context
from penstock.errors import AlreadyExists, InvalidInput, NotFound, NotPossible, Problem
from penstock.ports.access import Access, Key


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the copy has that the template has not; what is None stays as it is."""

    description: str | None = None
    title: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values of inputs: callers need not give these any more, and still may."""


async def clone_template(access: Access, template: Key, target: Key, configuration: Configuration) -> Workflow:
    """Create a Workflow from a template. Raises InvalidInput with every problem, AlreadyExists, NotFound, Forbidden."""
    source = await access.workflows.get(template)
    if not is_template(source):
        raise NotPossible(
            f"Workflow {template} is no template", hint=f'Templates carry the label {TEMPLATE_LABEL}: "true".'
        )
    problems = list(_wrong_defaults(source, configuration.defaults))
    if not problems:
        parsed = parse_workflow(_document(source, target, configuration))
        problems += parsed.problems
        if parsed.workflow is not None and not problems:
            await _require_free(access, target)
            return await access.workflows.apply(parsed.workflow)
    raise InvalidInput("the copy would not be valid", problems=tuple(problems))


def _wrong_defaults(source: Workflow, defaults: Mapping[str, Any]) -> Sequence[Problem]:
    inputs: Mapping[str, Any] = source.spec.inputs or {}
    known: Mapping[str, Any] = inputs.get("properties") or {}
    unknown = [
        Problem(f"defaults.{name}", f"the template has no input `{name}`", _suggestion(name, known))
        for name in defaults
        if name not in known
    ]
    if unknown:
        return unknown
    # What is required and not given here is the business of whoever runs the copy.
    open_inputs = {key: value for key, value in inputs.items() if key != "required"}
    return check_context(open_inputs, defaults) if defaults else ()


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    near = closest(name, known)
    return f"Write `{near}`." if near else f"Its inputs are {', '.join(known) or 'none'}."


def _document(source: Workflow, target: Key, configuration: Configuration) -> dict[str, Any]:
    spec: dict[str, Any] = copy.deepcopy(source.spec.to_wire())
    if configuration.description is not None:
        spec["description"] = configuration.description
    if configuration.title is not None:
        spec.setdefault("tool", {})["title"] = configuration.title
    if configuration.defaults:
        inputs = spec["inputs"]
        for name, value in configuration.defaults.items():
            inputs["properties"][name] = {**inputs["properties"][name], "default": value}
        required = [name for name in inputs.get("required", ()) if name not in configuration.defaults]
        inputs.pop("required", None)
        if required:
            inputs["required"] = required
    labels = {name: value for name, value in source.metadata.labels.items() if name != TEMPLATE_LABEL}
    metadata = {"name": target.name, "namespace": target.namespace, "labels": labels}
    return {"apiVersion": source.api_version, "kind": source.kind, "metadata": metadata, "spec": spec}


async def _require_free(access: Access, target: Key) -> None:
    try:
        await access.workflows.get(target)
    except NotFound:
        return
    raise AlreadyExists(f"there is a Workflow {target} already", hint="Choose another name.")
