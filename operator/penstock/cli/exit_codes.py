"""What the exit code of `penstock` says. Scripts rely on these numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from penstock.errors import BugError, InvalidInput, PenstockError, TransientError

SUCCEEDED: Final = 0
FAILED: Final = 1
INVALID: Final = 2
CANCELLED: Final = 3
TIMED_OUT: Final = 4
REJECTED: Final = 5
BUG: Final = 70
"""EX_SOFTWARE of sysexits.h."""
TRY_AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits.h."""
INTERRUPTED: Final = 130
"""128 + SIGINT."""

MEANINGS: Final[Mapping[int, str]] = {
    SUCCEEDED: "Done; a run that was followed succeeded.",
    FAILED: "The run failed; also any error that has no number of its own.",
    INVALID: "Usage or input is wrong; nothing was created.",
    CANCELLED: "The run was cancelled.",
    TIMED_OUT: "The run did not end within its timeout.",
    REJECTED: "A gate of the run was rejected, or nobody opened it in time.",
    BUG: "Penstock itself is wrong; please report it.",
    TRY_AGAIN: "The other side does not answer; the same command may work later.",
    INTERRUPTED: "Ctrl-C. A run that was followed goes on.",
}
"""What is documented of each."""

_BY_PHASE = {"Succeeded": SUCCEEDED, "Cancelled": CANCELLED, "TimedOut": TIMED_OUT}


def of_run(phase: str, error_code: str | None) -> int:
    """The code for a finished run."""
    from penstock.engine.failures import FailureCode

    if phase == "Failed" and error_code in (FailureCode.REJECTED, FailureCode.APPROVAL_EXPIRED):
        return REJECTED
    return _BY_PHASE.get(phase, FAILED)


def of_error(error: PenstockError) -> int:
    """The code for a command that could not do what was asked."""
    if isinstance(error, InvalidInput):
        return INVALID
    if isinstance(error, TransientError):
        return TRY_AGAIN
    return BUG if isinstance(error, BugError) else FAILED
