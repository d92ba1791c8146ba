"""What a step printed, attempt after attempt, from a place on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.item_logs import about_items, batch_of, items_known, read_batch_log
from penstock.application.step_attempts import may_have_more, newest_attempt
from penstock.engine.model import AttemptId
from penstock.errors import NotFound
from penstock.ports.access import Access, Key
from penstock.ports.logs import LogCursor, LogPiece


@dataclass(frozen=True, slots=True)
class StepLog:
    """Which log is meant. Without `attempt` and `after` it is that of the newest attempt."""

    step: str
    attempt: int | None = None
    """This attempt alone."""
    after: LogCursor | None = None
    """What was printed since, in this attempt and in those that followed it."""
    item: int | None = None
    """Of a step with `forEach`: the batch of this item, all of its attempts."""


async def read_step_log(
    access: Access, run: WorkflowRun, wanted: StepLog, *, follow: bool = False
) -> AsyncIterator[LogPiece]:
    """The log in pieces; with `follow` until the step can print no more, further attempts included.

    Raises NotFound where the step has no such attempt (with `follow`: nor will have one), or nothing of it is left.
    """
    run = await access.runs.get(Key(run.metadata.namespace, run.metadata.name))
    check_step(run, wanted.step)
    of_batch = wanted.item is not None or (wanted.after is not None and wanted.after.batch is not None)
    async for piece in (_of_batch if of_batch else _of_step)(access, run, wanted, follow=follow):
        yield piece


async def _of_step(access: Access, run: WorkflowRun, wanted: StepLog, *, follow: bool) -> AsyncIterator[LogPiece]:
    key = Key(run.metadata.namespace, run.metadata.name)
    after, number = wanted.after, wanted.attempt or (wanted.after.attempt if wanted.after else 0)
    if follow:
        run = await _begun(access, run, wanted.step, number or 1)
    number = number or newest_attempt(run, wanted.step)
    if not 0 < number <= newest_attempt(run, wanted.step):
        raise _no_attempt(run, wanted)
    while True:
        at = AttemptId(wanted.step, number)
        try:
            async for piece in access.logs.read(run, at, after=after, follow=follow):
                yield piece
        except NotFound:
            if newest_attempt(run, wanted.step) == number:
                raise
            yield LogPiece(b"", LogCursor(number + 1), missing=None)
        if wanted.attempt is not None or (wanted.after is None and not follow):
            return
        run = await access.runs.get(key)
        if follow:
            run = await _begun(access, run, wanted.step, number + 1)
        if newest_attempt(run, wanted.step) <= number:
            return
        after, number = None, number + 1


async def _of_batch(access: Access, run: WorkflowRun, wanted: StepLog, *, follow: bool) -> AsyncIterator[LogPiece]:
    run = await items_known(access, run, wanted.step) if follow else run
    number = wanted.attempt or (wanted.after.attempt if wanted.after else 1)
    batch = wanted.after.batch if wanted.after else None
    if wanted.item is not None:
        batch = batch_of(run, wanted.step, wanted.item)
    first, alone = AttemptId(wanted.step, number, batch), wanted.attempt is not None
    async for piece in read_batch_log(access, run, first, wanted.after, follow=follow, alone=alone):
        yield piece


def check_step(run: WorkflowRun, step: str) -> None:
    """Raise NotFound where the run has no such step; before its first pass a run has none at all."""
    if step not in run.status.steps and run.status.steps:
        names = ", ".join(run.status.steps)
        raise NotFound(f"run {run.metadata.name} has no step `{step}`", hint=f"It has: {names}.")


async def _begun(access: Access, run: WorkflowRun, step: str, attempt: int) -> WorkflowRun:
    """The run once the step has come to this attempt, or never will."""
    if newest_attempt(run, step) >= attempt or not may_have_more(run, step):
        return run
    async for newer in access.runs.watch(Key(run.metadata.namespace, run.metadata.name)):
        if newest_attempt(newer, step) >= attempt or not may_have_more(newer, step):
            return newer
    return run


def _no_attempt(run: WorkflowRun, wanted: StepLog) -> NotFound:
    state = run.status.steps.get(wanted.step)
    if state is not None and state.items is not None:
        return NotFound(about_items(wanted.step, state), hint="Add --item N; an agent gives `item`.")
    if state is not None and state.cached is not None:
        source = state.cached.run
        return NotFound(f"step {wanted.step} is Cached: it did not run, its output is that of run {source}")
    step, newest = f"step {wanted.step} of run {run.metadata.name}", newest_attempt(run, wanted.step)
    number = wanted.attempt or (wanted.after.attempt if wanted.after else 0)
    return NotFound(f"{step} has no attempt {number}; its newest is {newest}" if newest else f"{step} has no attempt")
