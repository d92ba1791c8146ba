"""Steps that are runs of their own. For the engine a child is an attempt like any other: started, watched, stopped.

The child's name is that of the attempt, so it can never be made twice; what it says of its parent cannot be changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from penstock.api.v1alpha1.awaited import awaited
from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.meta import ObjectMeta, OwnerReference
from penstock.api.v1alpha1.run import MAX_DEPTH, ParentReference, WorkflowReference, WorkflowRun, WorkflowRunSpec
from penstock.application.families import Families
from penstock.application.reconcile_run import Engine
from penstock.application.trace_context import ANNOTATION, handed_on
from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode
from penstock.engine.model import AttemptId, Failure, RunPhase
from penstock.errors import Conflict, Forbidden, InvalidInput, OutputLost
from penstock.ports.access import Key, OutputReader
from penstock.ports.engine import Authority, Ledger, StepRunner

KIND = "workflow"
"""Of a program that is a run of its own."""


@dataclass(frozen=True, slots=True)
class ChildRuns:
    """StepRunner of ports.engine for steps that are runs of their own."""

    families: Families
    ledger: Ledger
    outputs: OutputReader
    authority: Authority
    trace_share: float | None = None
    """As in trace_context.handed_on."""

    async def observe(self, run: WorkflowRun) -> Mapping[AttemptId, AttemptFact]:
        """How the children of the run stand, from memory; of items that nobody waits for only those that live."""
        waits = awaited(run.status)
        children = [child for child in self.families.of(run.metadata.uid) if _counts(child, waits)]
        facts = await asyncio.gather(*(self._fact(child) for child in children))
        return {_attempt(child): fact for child, fact in zip(children, facts, strict=True)}

    async def start(self, run: WorkflowRun, command: StartAttempt) -> None:
        """Make sure that the child exists.

        Raises Forbidden where whoever asked for the run may not run this, InvalidInput where it would lead in a circle,
        too deep, or cannot be read; Conflict where something else has its name.
        """
        child = _child(run, command, self.trace_share)
        await self._check_right(run, child)
        if await self.ledger.create(child):
            return
        there = await self.ledger.load(Key(child.metadata.namespace, child.metadata.name))
        if there is not None and there.spec.parent != child.spec.parent:
            raise InvalidInput(f"there is a run {child.metadata.name} already that is no attempt of this step")
        if there is None:
            raise Conflict(f"run {child.metadata.name} comes and goes")
        self.families.notice(there)

    async def stop(self, run: WorkflowRun, command: StopAttempt) -> None:
        """Ask the child to stop; what runs of it is stopped and its `finally` runs."""
        for child in self.families.of(run.metadata.uid):
            if child.metadata.name == command.name:
                await self.ledger.request_cancel(Key(child.metadata.namespace, child.metadata.name))

    async def _check_right(self, run: WorkflowRun, child: WorkflowRun) -> None:
        who, reference = run.spec.requested_by, child.spec.workflow
        if who is None:
            raise Forbidden("nobody knows who asked for the run, so nobody can say what it may run")
        wanted = Key(run.metadata.namespace, reference.name) if reference else child.spec.inline
        assert wanted is not None
        refusal = await self.authority.refusal(who, run.metadata.namespace, wanted)
        if refusal:
            raise Forbidden(refusal)

    async def _fact(self, child: WorkflowRun) -> AttemptFact:
        parent, status = child.spec.parent, child.status
        assert parent is not None
        phase, uid = RunPhase(status.phase), child.metadata.uid
        if phase is RunPhase.SUCCEEDED:
            try:
                output = await self._output(child)
            except OutputLost as error:
                failure = Failure(FailureCode.OUTPUT_LOST, str(error))
                return AttemptFact(AttemptPhase.FAILED, parent.digest, uid, failure=failure)
            return AttemptFact(AttemptPhase.SUCCEEDED, parent.digest, uid, output=output)
        if phase.finished:
            return AttemptFact(AttemptPhase.FAILED, parent.digest, uid, failure=_failure(child))
        seen = AttemptPhase.CREATED if phase is RunPhase.PENDING else AttemptPhase.RUNNING
        message = f"run {child.metadata.name} {status.waiting_for or status.progress}".rstrip()
        return AttemptFact(seen, parent.digest, uid, message=message, held=phase is RunPhase.WAITING)

    async def _output(self, child: WorkflowRun) -> Any:
        ref = output_ref(child.status.output_ref)
        return child.status.output if ref is None else await self.outputs.load(child, ref)


@dataclass(frozen=True, slots=True)
class StepRunners:
    """Both ways of running a step behind one StepRunner: programs, and runs of their own."""

    programs: StepRunner
    children: ChildRuns

    async def observe(self, run: WorkflowRun) -> Mapping[AttemptId, AttemptFact]:
        """All attempts of the run."""
        children = await self.children.observe(run)
        if not children:
            return await self.programs.observe(run)
        # Whoever runs programs asks the server for an attempt that he does not know; these are none of his.
        theirs = {at.step for at in children}
        steps = {name: step for name, step in run.status.steps.items() if name not in theirs}
        others = run.model_copy(update={"status": run.status.model_copy(update={"steps": steps})})
        return {**await self.programs.observe(others), **children}

    async def start(self, run: WorkflowRun, command: StartAttempt) -> None:
        """Make sure that the attempt exists."""
        runner: StepRunner = self.children if command.program.get("kind") == KIND else self.programs
        await runner.start(run, command)

    async def stop(self, run: WorkflowRun, command: StopAttempt) -> None:
        """Make sure that the attempt has no process any more."""
        await self.children.stop(run, command)
        await self.programs.stop(run, command)


def with_children(engine: Engine, families: Families, authority: Authority, trace_share: float | None = None) -> Engine:
    """The ports with steps that are runs of their own among what the runner can do."""
    children = ChildRuns(families, engine.ledger, engine.outputs, authority, trace_share)
    return replace(engine, runner=StepRunners(engine.runner, children))


def _child(run: WorkflowRun, command: StartAttempt, trace_share: float | None) -> WorkflowRun:
    program, spec = command.program, run.spec
    name = program.get("name")
    above = (*(spec.parent.lineage if spec.parent else ()), spec.workflow.name if spec.workflow else "")
    _check_lineage(above, name)
    parent = ParentReference(
        run=run.metadata.name,
        uid=run.metadata.uid,
        step=command.id.step,
        attempt=command.id.attempt,
        batch=command.id.batch,
        digest=command.digest,
        lineage=above,
    )
    content = {
        "context": program["context"],
        "requestedBy": spec.requested_by,
        "parent": parent,
        "noCache": spec.no_cache,
    }
    if name is not None:
        content["workflow"] = WorkflowReference(name=name, revision=program.get("revision"))
    else:
        content["inline"] = program.get("inline")
    try:
        wanted = WorkflowRunSpec.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(f"what the step is to run is not valid: {_first(error)}") from error
    owner = OwnerReference(
        api_version=run.api_version, kind=run.kind, name=run.metadata.name, uid=run.metadata.uid, controller=True
    )
    trace = handed_on(run, command.id, trace_share)
    metadata = ObjectMeta(
        name=command.name,
        namespace=run.metadata.namespace,
        annotations={ANNOTATION: trace} if trace else {},
        owner_references=(owner,),
    )
    return WorkflowRun(metadata=metadata, spec=wanted)


def _check_lineage(above: tuple[str, ...], name: str | None) -> None:
    if name is not None and name in above:
        way = " → ".join((*(each or "(inline)" for each in above), name))
        raise InvalidInput(f"Workflow {name} would run itself: {way}")
    if len(above) > MAX_DEPTH:
        raise InvalidInput(f"there are {len(above)} runs above this one already; {MAX_DEPTH} is the limit")


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place}: {found['msg']}{more}"


def _failure(child: WorkflowRun) -> Failure:
    error, name = child.status.error, child.metadata.name
    if RunPhase(child.status.phase) is RunPhase.CANCELLED:
        return Failure(FailureCode.CHILD_CANCELLED, f"run {name} was cancelled")
    if error is None:
        return Failure(FailureCode.LOST, f"run {name} ended {child.status.phase} and says not why")
    where = f" in step {error.step}" if error.step else ""
    return Failure(error.code, f"run {name} failed{where}: {error.reason}")


def _counts(child: WorkflowRun, waits: Container[AttemptId]) -> bool:
    at = _attempt(child)
    return at.batch is None or at in waits or not RunPhase(child.status.phase).finished


def _attempt(child: WorkflowRun) -> AttemptId:
    parent = child.spec.parent
    assert parent is not None
    return AttemptId(parent.step, parent.attempt, parent.batch)
