"""Objects that were stored and that no reader of ours takes: written by hand, or by a newer Penstock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from penstock.api.v1alpha1.run import ErrorStatus, WorkflowRunStatus
from penstock.engine.failures import FailureCode
from penstock.engine.model import RunPhase
from penstock.errors import InvalidInput, Problem

_REASON_LIMIT = 4096


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """What pydantic found, as problems with dotted paths."""
    return tuple(Problem(_path(each["loc"]), f"{each['msg']}.") for each in error.errors(include_url=False))


def unreadable_run(problems: Sequence[Problem], now: datetime) -> WorkflowRunStatus:
    """The status of a run that ends because nobody can read it, with what is wrong with it."""
    reason = str(InvalidInput("the run is not valid", problems=tuple(problems)))
    error = ErrorStatus(code=FailureCode.INVALID_INPUT, reason=reason[:_REASON_LIMIT])
    return WorkflowRunStatus(phase=str(RunPhase.FAILED), error=error, started_at=now, finished_at=now)


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
