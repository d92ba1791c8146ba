"""Objects for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import WorkflowReference, WorkflowRun, WorkflowRunSpec
from penstock.api.v1alpha1.workflow import ApprovalStep, Approvers, Script, Step, Workflow, WorkflowSpec


def a_step(name: str = "work", source: str = "true", *, runtime: str = "bash", **fields: Any) -> Step:
    """A step that runs a script."""
    return Step(name=name, script=Script(runtime=runtime, source=source), **fields)


def a_gate(name: str = "release", *users: str, **fields: Any) -> Step:
    """A step that waits for one of these people (alice, if nobody is named)."""
    return Step(name=name, approval=ApprovalStep(approvers=Approvers(users=users or ("alice",))), **fields)


def a_spec(*steps: Step, **fields: Any) -> WorkflowSpec:
    """The content of a Workflow; one step that does nothing where none is given."""
    return WorkflowSpec(steps=steps or (a_step(),), **fields)


def a_workflow(*steps: Step, name: str = "order", namespace: str = "default", **fields: Any) -> Workflow:
    """A Workflow; `fields` belong to its spec."""
    return Workflow(metadata=ObjectMeta(name=name, namespace=namespace), spec=a_spec(*steps, **fields))


def a_run(
    of: Workflow | WorkflowSpec | str = "order",
    *,
    name: str = "order-1",
    namespace: str = "default",
    context: Mapping[str, Any] | None = None,
    **fields: Any,
) -> WorkflowRun:
    """A run of a Workflow (or of one of that name), or of an inline spec; `fields` belong to its spec."""
    what: dict[str, Any] = {"inline": of} if isinstance(of, WorkflowSpec) else {"workflow": _reference(of)}
    spec = WorkflowRunSpec(context=dict(context or {}), **what, **fields)
    return WorkflowRun(metadata=ObjectMeta(name=name, namespace=namespace), spec=spec)


def _reference(of: Workflow | str) -> WorkflowReference:
    return WorkflowReference(name=of if isinstance(of, str) else of.metadata.name)
