"""What the exit code of `penstock` says. Scripts rely on these numbers."""

from __future__ import annotations

from typing import Final

from penstock.errors import BugError, InvalidInput, PenstockError, TransientError

SUCCEEDED: Final = 0
FAILED: Final = 1
"""The run failed; also any error that has no number of its own."""
INVALID: Final = 2
"""Usage or input is wrong; nothing was created."""
CANCELLED: Final = 3
TIMED_OUT: Final = 4
REJECTED: Final = 5
"""A gate was rejected, or nobody opened it in time."""
BUG: Final = 70
"""Penstock itself is wrong (EX_SOFTWARE of sysexits.h)."""
TRY_AGAIN: Final = 75
"""The other side does not answer; the same command may work later (EX_TEMPFAIL)."""
INTERRUPTED: Final = 130
"""Ctrl-C: 128 + SIGINT."""

_BY_PHASE = {"Succeeded": SUCCEEDED, "Cancelled": CANCELLED, "TimedOut": TIMED_OUT}
_GATE_CODES = frozenset({"REJECTED", "APPROVAL_EXPIRED"})


def of_run(phase: str, error_code: str | None) -> int:
    """The code for a finished run."""
    if phase == "Failed" and error_code in _GATE_CODES:
        return REJECTED
    return _BY_PHASE.get(phase, FAILED)


def of_error(error: PenstockError) -> int:
    """The code for a command that could not do what was asked."""
    if isinstance(error, InvalidInput):
        return INVALID
    if isinstance(error, TransientError):
        return TRY_AGAIN
    return BUG if isinstance(error, BugError) else FAILED
