"""The legal moves of runs and steps, as data.

Laws:
1. A finished run and a finished step stay as they are.
2. A step starts only out of Pending, Waiting or Backoff, and always by way of Starting: the record that is written
   before anything exists. One that succeeds out of Pending took an output that was there, and starts nothing.
3. Everything that may change a phase is in these tables; a rule that wants another move is wrong.
"""

from __future__ import annotations

from penstock.engine.model import RunPhase, StepPhase
from penstock.errors import BugError

S, R = StepPhase, RunPhase

STEP_MOVES: dict[StepPhase, frozenset[StepPhase]] = {
    S.PENDING: frozenset({S.WAITING, S.STARTING, S.SUCCEEDED, S.SKIPPED, S.FAILED, S.CANCELLED}),
    S.WAITING: frozenset({S.STARTING, S.SUCCEEDED, S.FAILED, S.SKIPPED, S.CANCELLED}),
    S.STARTING: frozenset({S.RUNNING, S.SUCCEEDED, S.FAILED, S.BACKOFF, S.CANCELLED}),
    S.RUNNING: frozenset({S.SUCCEEDED, S.FAILED, S.BACKOFF, S.CANCELLED}),
    S.BACKOFF: frozenset({S.WAITING, S.STARTING, S.FAILED, S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.SKIPPED: frozenset(),
    S.CANCELLED: frozenset(),
}

RUN_MOVES: dict[RunPhase, frozenset[RunPhase]] = {
    R.PENDING: frozenset({R.RUNNING, R.FAILED, R.CANCELLED}),
    R.RUNNING: frozenset({R.WAITING, R.SUCCEEDED, R.FAILED, R.CANCELLED, R.TIMED_OUT}),
    R.WAITING: frozenset({R.RUNNING, R.SUCCEEDED, R.FAILED, R.CANCELLED, R.TIMED_OUT}),
    R.SUCCEEDED: frozenset(),
    R.FAILED: frozenset(),
    R.CANCELLED: frozenset(),
    R.TIMED_OUT: frozenset(),
}


class IllegalMove(BugError):
    """A rule tried a move that the tables do not allow."""

    code = "ILLEGAL_MOVE"


def check_step_move(step: str, before: StepPhase, after: StepPhase) -> None:
    """Raise IllegalMove unless a step may go from `before` to `after` (staying is always legal)."""
    if before is not after and after not in STEP_MOVES[before]:
        raise IllegalMove(f"step {step} may not go from {before} to {after}")


def check_run_move(before: RunPhase, after: RunPhase) -> None:
    """Raise IllegalMove unless a run may go from `before` to `after` (staying is always legal)."""
    if before is not after and after not in RUN_MOVES[before]:
        raise IllegalMove(f"a run may not go from {before} to {after}")
