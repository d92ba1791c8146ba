"""Workflow -> engine Plan, with every problem that keeps it from running. The only way from the one to the other.

Pure but for what is passed in: the table of runtimes, the CEL check, the binding of placeholders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from penstock.api.v1alpha1.checks_cache import check_cache
from penstock.api.v1alpha1.checks_calls import check_calls
from penstock.api.v1alpha1.checks_containers import check_containers
from penstock.api.v1alpha1.checks_expressions import check_expressions
from penstock.api.v1alpha1.checks_inputs import check_inputs
from penstock.api.v1alpha1.checks_items import check_items, list_sources
from penstock.api.v1alpha1.checks_retention import check_retention
from penstock.api.v1alpha1.checks_schedules import check_schedules
from penstock.api.v1alpha1.checks_scripts import bind_scripts, check_scripts
from penstock.api.v1alpha1.checks_secrets import check_secrets
from penstock.api.v1alpha1.checks_steps import check_steps
from penstock.api.v1alpha1.meta import MAX_STEPS, parse_duration
from penstock.api.v1alpha1.over_items import ItemFailures
from penstock.api.v1alpha1.programs import item_templates_of, program_of, templates_of
from penstock.api.v1alpha1.subject import (
    STAND_IN,
    Bind,
    Binding,
    CheckContext,
    CheckExpression,
    Placed,
    Subject,
    Tools,
    subject_of,
)
from penstock.api.v1alpha1.workflow import (
    ApprovalStep,
    RequiresApproval,
    Step,
    WaitStep,
    WorkflowSpec,
)
from penstock.engine.digests import REVISION_SCHEME, canonical, digest
from penstock.engine.fan_out import FanOut
from penstock.engine.model import (
    Cache,
    Concurrency,
    Gate,
    OnExpiry,
    OnFailure,
    OnLimit,
    Plan,
    Retry,
    StepKind,
    StepPlan,
    Wait,
)
from penstock.errors import Problem

MAX_WORKFLOW = 524_288
"""Bytes of a Workflow's spec as JSON."""
MAX_PROBLEMS = 100
"""More are not listed, so that nothing but mistakes cannot keep the operator busy with explaining them."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of compiling a Workflow."""

    plan: Plan | None
    """None exactly when there are problems."""
    problems: tuple[Problem, ...]


def compile_workflow(
    spec: WorkflowSpec,
    *,
    images: Mapping[str, str],
    check_expression: CheckExpression,
    bind: Bind | None = None,
    check_context: CheckContext | None = None,
) -> Compiled:
    """The plan of a Workflow, or everything that is wrong with it.

    `images` maps the name of each runtime to its image (empty in local mode); `check_expression` says what is wrong
    with a piece of CEL; `bind` makes references of placeholders (default: penstock.engine.placeholders);
    `check_context` compares a schedule's context with the inputs.
    """
    subject = subject_of(spec, Tools(images, check_expression, bind, check_context))
    bindings = bind_scripts(subject)
    problems = tuple(_problems(subject, bindings))
    return Compiled(None if problems else _plan(subject, bindings), problems)


def check_spec(spec: WorkflowSpec, tools: Tools, root: str = "spec") -> tuple[Problem, ...]:
    """Everything that is wrong with a Workflow, as far as `tools` can tell; `root` is the path of the spec."""
    subject = subject_of(spec, tools, root)
    return tuple(_problems(subject, bind_scripts(subject)))


def _problems(subject: Subject, bindings: Mapping[str, Binding]) -> Iterator[Problem]:
    """Every problem once, less those that only a stand-in has; a flood is cut short."""
    seen: set[Problem] = set()
    for problem in _all_problems(subject, bindings):
        if problem not in seen and STAND_IN not in f"{problem.path}{problem.message}{problem.fix}":
            if len(seen) == MAX_PROBLEMS:
                message = f"There are more problems than these {MAX_PROBLEMS}."
                yield Problem(subject.root, message, "Correct these first.")
                return
            seen.add(problem)
            yield problem


def _all_problems(subject: Subject, bindings: Mapping[str, Binding]) -> Iterator[Problem]:
    yield from _limits(subject)
    yield from check_inputs(subject)
    yield from check_steps(subject)
    yield from check_secrets(subject)
    yield from check_items(subject, bindings)
    yield from check_scripts(subject, bindings)
    yield from check_containers(subject)
    yield from check_calls(subject)
    yield from check_cache(subject)
    yield from check_expressions(subject)
    yield from check_schedules(subject)
    yield from check_retention(subject)


def _limits(subject: Subject) -> Iterator[Problem]:
    if len(subject.steps) > MAX_STEPS:
        message = f"The Workflow has {len(subject.steps)} steps with those of `finally`; {MAX_STEPS} is the limit."
        yield Problem(f"{subject.root}.steps", message, "Join steps, or split the Workflow.")
    timeout = subject.spec.timeout
    if timeout is not None and not parse_duration(timeout):
        message = "A run cannot end in no time."
        yield Problem(f"{subject.root}.timeout", message, "Write a time span such as `1h`, or remove `timeout`.")
    try:
        size = len(canonical(subject.spec.to_wire()))
    except ValueError:
        message = "The Workflow holds what JSON cannot say: an infinite number, or text that is not valid Unicode."
        yield Problem(subject.root, message, "Remove it.")
        return
    if size > MAX_WORKFLOW:
        message = f"The Workflow has {size:,} bytes; {MAX_WORKFLOW:,} (512 KiB) is the limit."
        yield Problem(subject.root, message, "Move long scripts into a package or an image, or split the Workflow.")


def _plan(subject: Subject, bindings: Mapping[str, Binding]) -> Plan:
    spec = subject.spec
    steps = {placed.step.name: _step_plan(subject, placed, bindings) for placed in subject.steps}
    return Plan(
        digest=digest(REVISION_SCHEME, spec.to_wire()),
        steps=MappingProxyType(steps),
        timeout=parse_duration(spec.timeout) if spec.timeout else None,
        output_from=spec.outputs.from_,
        concurrency=_concurrency(spec),
        output_schema=spec.outputs.schema_,
    )


def _concurrency(spec: WorkflowSpec) -> Concurrency | None:
    of = spec.concurrency
    return Concurrency(of.key, of.limit, OnLimit(of.on_limit)) if of else None


def _step_plan(subject: Subject, placed: Placed, bindings: Mapping[str, Binding]) -> StepPlan:
    step = placed.step
    gate = step.approval or step.requires_approval
    return StepPlan(
        name=step.name,
        kind=_kind(step),
        needs=step.needs,
        when=step.when,
        gate=_gate(gate) if gate else None,
        wait=_wait(step.wait) if step.wait else None,
        retry=_retry(step),
        timeout=parse_duration(step.timeout) if step.timeout else None,
        on_failure=OnFailure(step.on_failure),
        final=placed.final,
        program=program_of(subject, placed, bindings),
        templates=templates_of(step),
        fan_out=_fan_out(step),
        cache=Cache(parse_duration(step.cache.ttl), step.cache.key) if step.cache else None,
    )


def _fan_out(step: Step) -> FanOut | None:
    if step.for_each is None:
        return None
    failures = step.item_failures or ItemFailures()
    tolerated = str(failures.tolerated)
    return FanOut(
        over=step.for_each,
        sources=list_sources(step.for_each),
        max_parallel=step.max_parallel,
        items_per_pod=step.items_per_pod,
        tolerated=int(tolerated.removesuffix("%")),
        in_percent=tolerated.endswith("%"),
        fail_fast=failures.fail_fast,
        templates=item_templates_of(step),
    )


def _kind(step: Step) -> StepKind:
    if step.approval is not None:
        return StepKind.APPROVAL
    if step.wait is not None:
        return StepKind.WAIT
    if step.workflow is not None:
        return StepKind.WORKFLOW
    return StepKind.SCRIPT if step.container is None else StepKind.CONTAINER


def _wait(wait: WaitStep) -> Wait:
    return Wait(duration=parse_duration(wait.duration) if wait.duration else None, until=wait.until)


def _gate(gate: ApprovalStep) -> Gate:
    return Gate(
        users=gate.approvers.users,
        groups=gate.approvers.groups,
        quorum=gate.quorum,
        message=gate.message,
        expires_after=parse_duration(gate.expires_after),
        on_expiry=OnExpiry(gate.on_expiry),
        each_attempt=isinstance(gate, RequiresApproval) and gate.each_attempt,
    )


def _retry(step: Step) -> Retry:
    if step.retry is None:
        return Retry()
    backoff = step.retry.backoff
    return Retry(
        limit=step.retry.limit,
        initial=parse_duration(backoff.initial),
        factor=backoff.factor,
        maximum=parse_duration(backoff.max),
    )
