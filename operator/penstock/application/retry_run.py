"""Retrying a finished run: a new one of the same content and context that takes over what succeeded, items too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from penstock.api.v1alpha1.codec import run_state
from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import WorkflowReference, WorkflowRun, WorkflowRunSpec
from penstock.application.kept_outputs import with_values
from penstock.application.submit_run import MAX_PREFIX
from penstock.engine.model import RunPhase, RunState, StepState
from penstock.errors import InvalidInput, NotPossible, OutputLost
from penstock.ports.access import Access, Key, OutputReader
from penstock.ports.engine import Ledger


async def retry_run(access: Access, key: Key, new_suffix: Callable[[], str]) -> WorkflowRun:
    """Ask for a run that does what `key` did not get done.

    Whoever retries is the one who asks for the new run. Raises NotFound, Forbidden, and NotPossible while the run is
    not finished or where nothing of it is left to do.
    """
    earlier = await access.runs.get(key)
    phase = RunPhase(earlier.status.phase)
    if not phase.finished:
        raise NotPossible(f"run {key} is {phase}", hint="Wait for its end, or cancel it first.")
    if phase is RunPhase.SUCCEEDED:
        raise NotPossible(f"run {key} Succeeded, so there is nothing to retry", hint="Start a new run instead.")
    return await access.runs.create(_retry_of(earlier, new_suffix()))


def _retry_of(earlier: WorkflowRun, suffix: str) -> WorkflowRun:
    spec = earlier.spec
    reference = spec.workflow
    if reference is not None and earlier.status.revision is not None:
        reference = WorkflowReference(name=reference.name, revision=earlier.status.revision.name)
    prefix = (reference.name if reference else earlier.metadata.name)[:MAX_PREFIX].rstrip("-")
    metadata = ObjectMeta(name=f"{prefix}-{suffix}", namespace=earlier.metadata.namespace)
    wanted = WorkflowRunSpec(
        workflow=reference,
        inline=spec.inline,
        context=spec.context,
        retry_of=earlier.metadata.name,
        no_cache=spec.no_cache,
    )
    return WorkflowRun(metadata=metadata, spec=wanted)


async def earlier_state(ledger: Ledger, outputs: OutputReader, run: WorkflowRun) -> RunState | None:
    """The state of the run that `run` retries, as long as `run` has not begun; None where it retries none.

    `run.status.revision` is the content that it is going to execute. Raises InvalidInput where the two do not belong
    together: what succeeded there would not be what is asked for here.
    """
    name = run.spec.retry_of
    if name is None or RunPhase(run.status.phase) is not RunPhase.PENDING:
        return None
    earlier = await ledger.load(Key(run.metadata.namespace, name))
    problem = "it is not there" if earlier is None else _mismatch(run, earlier)
    if earlier is None or problem is not None:
        raise InvalidInput(
            f"run {name} cannot be retried: {problem}",
            hint="`penstock retry` asks for a run that fits; or leave spec.retryOf out and start from the beginning.",
        )
    state, lost = await with_values(outputs, earlier, run_state(earlier.status))
    # A step whose output is lost is one that has still to be done.
    steps = {
        name: await _with_item_outputs(outputs, earlier, step)
        for name, step in state.steps.items()
        if step.stored is None or step.stored.name not in lost
    }
    return replace(state, steps=MappingProxyType(steps))


async def _with_item_outputs(outputs: OutputReader, run: WorkflowRun, step: StepState) -> StepState:
    """The step with the outputs of its items, wherever they are kept; without items where some of them are lost."""
    if step.items is None or not step.items.chunks:
        return step
    found = dict(step.items.outputs)
    for ref in step.items.chunks:
        try:
            chunk = await outputs.load(run, ref)
        except OutputLost:
            return replace(step, items=None)
        found.update({int(index): output for index, output in chunk.items()})
    return replace(step, items=replace(step.items, outputs=MappingProxyType(found), chunks=()))


def _mismatch(run: WorkflowRun, earlier: WorkflowRun) -> str | None:
    phase = RunPhase(earlier.status.phase)
    if not phase.finished:
        return f"it is {phase}"
    if phase is RunPhase.SUCCEEDED:
        return "it Succeeded"
    if run.spec.inline != earlier.spec.inline or run.status.revision != earlier.status.revision:
        at = f"; set spec.workflow.revision to {earlier.status.revision.name}" if earlier.status.revision else ""
        return f"it ran another content{at}"
    return None if run.spec.context == earlier.spec.context else "it had another context"
