"""The output that an equal step gave in an earlier run of the same Workflow."""

from __future__ import annotations

from typing import Any

from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.engine.commands import FindCached
from penstock.engine.facts import CachedOutput
from penstock.engine.model import CachedFrom, StepPhase
from penstock.errors import OutputLost
from penstock.ports.access import OutputReader
from penstock.ports.engine import Ledger


async def find_cached(
    ledger: Ledger, outputs: OutputReader, run: WorkflowRun, wanted: FindCached
) -> CachedOutput | None:
    """The newest one that is not too old and can still be read; None where there is none.

    Raises TransientError where an output cannot be read now.
    """
    for other in await ledger.with_cached(run, wanted.step, wanted.digest):
        source = made(other, wanted.step, wanted.digest)
        if source is None or source.finished_at < wanted.since:
            continue
        try:
            return CachedOutput(source, await _output(outputs, other, other.status.steps[wanted.step]))
        except OutputLost:
            continue
    return None


def made(run: WorkflowRun, step: str, digest: str) -> CachedFrom | None:
    """Where and when the output was made that a run has of this step; None where it has none of this cacheDigest.

    What was taken from another run is as old as it was there.
    """
    status = run.status.steps.get(step)
    if status is None or status.cache_digest != digest or StepPhase(status.phase) is not StepPhase.SUCCEEDED:
        return None
    if status.cached is not None:
        return CachedFrom(status.cached.run, status.cached.finished_at)
    return CachedFrom(run.metadata.name, status.finished_at) if status.finished_at is not None else None


async def _output(outputs: OutputReader, run: WorkflowRun, status: StepStatus) -> Any:
    ref = output_ref(status.output_ref)
    return status.output if ref is None else await outputs.load(run, ref)
