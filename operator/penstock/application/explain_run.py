"""Explaining a run: everything that explains it is read first, as far as the caller may."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.definitions import definition_of
from penstock.application.explanation import Evidence, Explanation, explain, failed_steps
from penstock.application.log_page import log_page
from penstock.application.read_step_log import StepLog
from penstock.engine.model import StepPhase
from penstock.errors import Forbidden, NotFound, Unavailable
from penstock.ports.access import Access, Key

MAX_LOGS = 3
"""Steps whose last lines are shown."""
MAX_LINES = 10
_LOG_BYTES = 4096


async def explain_run(access: Access, key: Key, now: datetime) -> Explanation:
    """Why a run waits or did not succeed, and what would move it. Raises NotFound, Forbidden.

    Texts in it may be those of strangers (reasons of scripts, lines of logs): show them as data.
    """
    run = await access.runs.get(key)
    gates = [step.gate.name for step in run.status.steps.values() if step.gate and step.phase == StepPhase.WAITING]
    broken = [wanted for wanted in map(partial(_log_of, run), _told(run)) if wanted is not None][:MAX_LOGS]
    spec, requests, logs = await asyncio.gather(
        definition_of(access, run),
        asyncio.gather(*(_request(access, Key(key.namespace, gate)) for gate in gates)),
        asyncio.gather(*(_last_lines(access, run, wanted) for wanted in broken)),
    )
    approvals = {request.metadata.name: request for request in requests if request is not None}
    lines = {wanted.step: log for wanted, log in zip(broken, logs, strict=True)}
    return explain(Evidence(run, spec, approvals, lines), now)


def _log_of(run: WorkflowRun, step: str) -> StepLog | None:
    """The log that shows why the step failed; of one that is fanned out that of the first item that failed."""
    state = run.status.steps[step]
    if state.items is not None:
        return StepLog(step, item=state.items.failures[0].index) if state.items.failures else None
    return StepLog(step) if state.attempt > 0 else None


def _told(run: WorkflowRun) -> tuple[str, ...]:
    """The steps whose failure is told: for good first, then for now."""
    again = (name for name, step in run.status.steps.items() if step.phase == StepPhase.BACKOFF)
    return (*failed_steps(run), *again)


async def _request(access: Access, key: Key) -> ApprovalRequest | None:
    try:
        return await access.approvals.get(key)
    except (NotFound, Forbidden):
        return None


async def _last_lines(access: Access, run: WorkflowRun, wanted: StepLog) -> tuple[str, ...]:
    try:
        page = await log_page(access, run, wanted, _LOG_BYTES)
    except (NotFound, Forbidden, Unavailable):
        # Unavailable: the node that has the log may be what is to be explained.
        return ()
    lines = page.data.decode("utf-8", "replace").splitlines()
    # The first line of a page that leaves something out is half a line.
    whole = lines[1:] if page.skipped and len(lines) > 1 else lines
    return tuple(whole[-MAX_LINES:])
