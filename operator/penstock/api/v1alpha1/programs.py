"""A step's program as plain JSON: all that a runner needs, and what gates and digests are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.api.v1alpha1.calls import HttpStep, LlmStep, SqlStep, call_runtime
from penstock.api.v1alpha1.container import Container
from penstock.api.v1alpha1.expressions import split_template
from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.pods import PodDefaults
from penstock.api.v1alpha1.secrets import EnvVar
from penstock.api.v1alpha1.subject import Binding, Placed, Subject
from penstock.api.v1alpha1.templates import holds_template, names_item
from penstock.api.v1alpha1.workflow import Step, WorkflowStep


def program_of(subject: Subject, placed: Placed, bindings: Mapping[str, Binding]) -> Mapping[str, Any]:
    """The program of a step, empty for one without. Fields that say nothing are left out."""
    step = placed.step
    if step.workflow is not None:
        return _child(step.workflow)
    if step.container is not None:
        return {**_container(step.container), **_around(subject, step)}
    if step.connection is not None:
        return {**_call(subject, step), **_around(subject, step)}
    if step.script is None:
        return {}
    program: dict[str, Any] = {
        "kind": "script",
        "runtime": step.script.runtime,
        "source": bindings[placed.path].source,
        "dependencies": list(step.script.dependencies),
    }
    if image := (subject.tools.images or {}).get(step.script.runtime):
        program["image"] = image
    return {**program, **_around(subject, step)}


def templates_of(step: Step) -> Mapping[str, Any]:
    """The fields of a step's program that depend on the run, and on no item."""
    return {field: data for field, data in _templates(step).items() if not names_item(data)}


def item_templates_of(step: Step) -> Mapping[str, Any]:
    """The fields of a fanned-out step's program that depend on the item."""
    return {field: data for field, data in _templates(step).items() if names_item(data)}


def _templates(step: Step) -> Mapping[str, Any]:
    if step.workflow is not None:
        return _child_templates(step.workflow)
    if (call := call_of(step)) is not None:
        return {"call": call} if holds_template(call) else {}
    texts = {"args": list(step.container.args) if step.container else [], "env": _variables(step)}
    return {field: data for field, data in texts.items() if holds_template(data)}


def _call(subject: Subject, step: Step) -> dict[str, Any]:
    """The program of a step that calls a Connection, which is looked up when the step is to start."""
    call = call_of(step)
    assert call is not None  # a step with a Connection calls it
    runtime = call_runtime(call["kind"])
    program = {"kind": "script", "runtime": runtime, "call": call, "connection": step.connection}
    image = (subject.tools.images or {}).get(runtime)
    return {**program, "image": image} if image else program


def call_of(step: Step) -> dict[str, Any] | None:
    """What a step calls, as JSON in which texts hold templates; None where it calls nothing."""
    if step.http is not None:
        call = {"kind": "http", "method": step.http.method, "path": _pieces(step.http.path), **_fields(step.http)}
        # Null is a body too.
        return {**call, "body": step.http.body} if "body" in step.http.model_fields_set else call
    if step.sql is not None:
        seconds = parse_duration(step.sql.statement_timeout).total_seconds()
        return {"kind": "sql", "write": step.sql.write, **_fields(step.sql), "statementTimeout": seconds}
    if step.discover is not None:
        return {"kind": "discover"}
    if step.llm is not None:
        return {"kind": "llm", **_fields(step.llm)}
    return None


def _fields(call: HttpStep | SqlStep | LlmStep) -> dict[str, Any]:
    apart = {"connection", "path", "body", "method", "write", "statement_timeout"}
    return call.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=apart)


def _pieces(path: str) -> list[str]:
    """A path as what is written and what is filled in, in turns, so that a value can never be more than a part."""
    try:
        split = split_template(path)
    except ValueError:
        return [path]  # the check of expressions says what is wrong with it
    pieces = [""]
    for piece in split:
        if piece.is_expression:
            pieces += [f"{{{{ {piece.text} }}}}", ""]
        else:
            pieces[-1] += piece.text
    return pieces


def _child(child: WorkflowStep) -> Mapping[str, Any]:
    """The program of a step that is a run of its own, less what its templates fill in."""
    program: dict[str, Any] = {"kind": "workflow", "context": dict(child.context)}
    return {**program, "name": child.name} if child.name is not None else program


def _child_templates(child: WorkflowStep) -> Mapping[str, Any]:
    templates: dict[str, Any] = {"context": dict(child.context)} if holds_template(child.context) else {}
    if child.spec_from is not None:
        templates["inline"] = f"{{{{ {child.spec_from} }}}}"
    return templates


def _container(container: Container) -> dict[str, Any]:
    program: dict[str, Any] = {
        "kind": "container",
        "image": container.image,
        "args": list(container.args),
        "outputFrom": container.output_from,
    }
    if container.command:
        program["command"] = list(container.command)
    if container.working_dir is not None:
        program["workingDir"] = container.working_dir
    if container.run_as_user is not None:
        program["runAsUser"] = container.run_as_user
    return program


def _around(subject: Subject, step: Step) -> dict[str, Any]:
    """What programs of all kinds have: what the step says, and what the Workflow says for all of them."""
    around: dict[str, Any] = {"env": _variables(step)}
    defaults = subject.spec.pod_defaults or PodDefaults()
    resources = step.resources or defaults.resources
    if resources is not None:
        around["resources"] = resources.to_wire()
    if pod := defaults.model_copy(update={"resources": None}).to_wire():
        around["pod"] = pod
    if step.env_from:
        around["envFrom"] = [source.to_wire() for source in step.env_from]
    if step.secrets:
        around["secrets"] = list(step.secrets)
    if step.timeout is not None:
        seconds = parse_duration(step.timeout).total_seconds()
        around["timeoutSeconds"] = int(seconds) if seconds.is_integer() else seconds
    return around


def _variables(step: Step) -> list[dict[str, Any]]:
    return [_variable(variable) for variable in step.env]


def _variable(variable: EnvVar) -> dict[str, Any]:
    if variable.value_from is not None:
        return {"name": variable.name, "valueFrom": variable.value_from.to_wire()}
    return {"name": variable.name, "value": variable.value}
