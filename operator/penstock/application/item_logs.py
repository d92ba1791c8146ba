"""What was printed about one item of a fanned-out step: by the attempts of its batch, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.application.step_attempts import may_have_more
from penstock.engine.indices import Indices
from penstock.engine.model import AttemptId
from penstock.errors import NotFound
from penstock.ports.access import Access, Key
from penstock.ports.logs import LogCursor, LogPiece


def batch_of(run: WorkflowRun, step: str, item: int) -> int:
    """The batch that an item is in. Raises NotFound where the step has no such item, or none yet."""
    name = f"step {step} of run {run.metadata.name}"
    state = run.status.steps.get(step)
    items = state.items if state else None
    if items is None:
        raise NotFound(f"{name} has no items" + (" yet" if may_have_more(run, step) else ""))
    if item >= items.total:
        hint = f"They are counted from 0 to {items.total - 1}." if items.total else ""
        raise NotFound(f"{name} has no item {item}; it has {items.total:,}", hint=hint)
    if item in Indices.parse(items.carried):
        hint = f"Read it there: {run.spec.retry_of}." if run.spec.retry_of else ""
        raise NotFound(f"item {item} of {name} was taken over from the run that this one retries", hint=hint)
    return item // items.items_per_pod


def about_items(step: str, state: StepStatus) -> str:
    """What can be read of a step that has a log for each batch of its items; a plain sentence."""
    assert state.items is not None
    failed = (
        f"; failed: {state.items.failed}" if state.items.failed and not state.items.failed.startswith("bits") else ""
    )
    return f"step {step} has the logs of {state.items.total:,} items; name one, from 0 on{failed}"


async def items_known(access: Access, run: WorkflowRun, step: str) -> WorkflowRun:
    """The run once the list of the step is known, or never will be."""
    if _has_items(run, step) or not may_have_more(run, step):
        return run
    async for newer in access.runs.watch(Key(run.metadata.namespace, run.metadata.name)):
        if _has_items(newer, step) or not may_have_more(newer, step):
            return newer
    return run


async def read_batch_log(
    access: Access, run: WorkflowRun, first: AttemptId, after: LogCursor | None, *, follow: bool, alone: bool
) -> AsyncIterator[LogPiece]:
    """The log of a batch from its attempt `first` on, or of that one `alone`. Raises NotFound where there is none."""
    at = first
    while True:
        try:
            async for piece in access.logs.read(run, at, after=after, follow=follow):
                yield piece
        except NotFound:
            # How often a batch that has ended was tried is written down nowhere: one looks for a further attempt.
            if at == first:
                raise
            return
        if alone:
            return
        at, after = at._replace(attempt=at.attempt + 1), None


def _has_items(run: WorkflowRun, step: str) -> bool:
    state = run.status.steps.get(step)
    return state is not None and state.items is not None
