"""How a run must end, worked out from its plan and its fate alone. Shares no code with the engine, only its plans.

The words are those of DESIGN: a step starts when all its needs Succeeded or were Skipped by their own `when`; a failed
need skips its dependents unless it may fail; a retry comes after a wait, while the limit allows and it may help; a gate
opens by `quorum` distinct people of its list, closes by one rejection, or by its time; a cancelled run, or one whose
time is up, ends its steps and runs `finally`; `finally` comes when nothing else of the run lives. A step with `cache`
and no gate of its own that finds an earlier output is over when it would start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from penstock.engine.model import OnFailure, Plan, StepKind, StepPlan
from tests.support.fates import CODES, PULL_TAKES, STOP_TAKES, Attempt, Ending, Fates, Vote

NEVER = math.inf
TO_START = 300
"""Seconds that an attempt has, beyond its timeout, to come to its program."""


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step ends."""

    phase: str
    at: float
    code: str | None = None
    attempts: int = 0
    output: Any = None
    requests: tuple[str, ...] = ()
    """How each of its ApprovalRequests ends."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ends."""

    phase: str
    at: float
    code: str | None
    failed_step: str | None
    output: Any
    steps: dict[str, StepEnd]


@dataclass
class _Traces:
    """What a step leaves behind on its way."""

    attempts: int = 0
    requests: list[str] = field(default_factory=list)
    gone_at: float = 0
    """When the last process of it is gone."""


class _Stopped(Exception):
    """The run is stopped before the step gets there."""


def foresee(plan: Plan, fates: Fates) -> RunEnd:
    """How the run ends."""
    end = _Oracle(plan, fates, NEVER).run("Failed", None)
    timeout = plan.timeout.total_seconds() if plan.timeout is not None else NEVER
    cancel = fates.cancel_at if fates.cancel_at is not None else NEVER
    stop = min(timeout, cancel)
    if stop > end.at:
        return end
    phase, code = ("Cancelled", "CANCELLED") if cancel < timeout else ("TimedOut", "RUN_TIMED_OUT")
    return _Oracle(plan, fates, stop).run(phase, code)


class _Oracle:
    def __init__(self, plan: Plan, fates: Fates, stop: float) -> None:
        self._plan, self._fates, self._stop = plan, fates, stop
        self._ends: dict[str, StepEnd] = {}
        self._traces = {name: _Traces() for name in plan.steps}

    def run(self, stopped: str, code: str | None) -> RunEnd:
        """All steps, and what they come to together; `stopped` and `code` say how a run ends that is stopped."""
        ends = {name: self._end(step) for name, step in self._plan.steps.items()}
        fatal = [
            (end.at, place, name, end.code)
            for place, (name, end) in enumerate(ends.items())
            if end.phase == "Failed" and self._plan.steps[name].on_failure is OnFailure.FAIL
        ]
        at, _, failed, first = min(fatal, default=(NEVER, 0, None, None))
        if at >= self._stop:
            failed, first = None, code
        over = max(end.at for end in ends.values())
        if first is not None:
            return RunEnd(stopped, over, first, failed, None, ends)
        programs = [
            name
            for name, step in self._plan.steps.items()
            if not step.final and step.kind.value in ("script", "container")
        ]
        return RunEnd("Succeeded", over, None, None, ends[programs[-1]].output if programs else None, ends)

    def _end(self, step: StepPlan) -> StepEnd:
        if step.name not in self._ends:
            traces = self._traces[step.name]
            try:
                end = self._live(step, traces)
            except _Stopped:
                end = StepEnd("Cancelled", self._stop)
                traces.requests = ["Superseded" if each == "open" else each for each in traces.requests]
            self._ends[step.name] = replace(end, attempts=traces.attempts, requests=tuple(traces.requests))
        return self._ends[step.name]

    def _live(self, step: StepPlan, traces: _Traces) -> StepEnd:
        """The way of a step as long as nobody stops it."""
        fate = self._fates.steps[step.name]
        now = self._reach(step, self._held(self._ready(step)))
        if not all(self._lets_go_on(need) for need in step.needs):
            return StepEnd("Skipped", now, "NEED_FAILED")
        if step.when is not None and fate.when is not True:
            return StepEnd("Skipped", now) if fate.when is False else StepEnd("Failed", now, "EXPRESSION_ERROR")
        if step.kind is StepKind.WAIT:
            assert step.wait is not None
            span = step.wait.duration
            until = now + span.total_seconds() if span is not None else max(now, fate.until)
            return StepEnd("Succeeded", self._reach(step, until))
        if step.cache is not None and step.gate is None and fate.cached:
            return StepEnd("Succeeded", now, output=[step.name, 0])
        retries = iter(range(1, step.retry.limit + 1))
        while True:
            if step.gate is not None and (not traces.requests or step.gate.each_attempt):
                now, refusal = self._ask(step, now, traces)
                if refusal is not None:
                    return StepEnd("Failed", now, refusal)
                now = self._reach(step, self._held(now))
            if step.kind is StepKind.APPROVAL:
                return StepEnd("Succeeded", now)
            now, code = self._attempt(step, fate.attempts[traces.attempts], now, traces)
            if code is None:
                return StepEnd("Succeeded", now, output=[step.name, traces.attempts])
            retry = next(retries, None)
            if retry is None or code == CODES[Ending.HOPELESS]:
                return StepEnd("Failed", now, code)
            wait = step.retry.initial.total_seconds() * step.retry.factor ** (retry - 1)
            now = self._reach(step, self._held(now + min(wait, step.retry.maximum.total_seconds())))

    def _ready(self, step: StepPlan) -> float:
        """When all that comes before the step is over."""
        before = [self._end(self._plan.steps[need]).at for need in step.needs]
        if step.final:
            main = [other for other in self._plan.steps.values() if not other.final]
            before += [self._end(other).at for other in main]
            before += [self._traces[other.name].gone_at for other in main]
        return max(before, default=0)

    def _lets_go_on(self, need: str) -> bool:
        end = self._end(self._plan.steps[need])
        if end.phase == "Failed":
            return self._plan.steps[need].on_failure is OnFailure.CONTINUE
        return end.phase == "Succeeded" or (end.phase == "Skipped" and end.code is None)

    def _held(self, moment: float) -> float:
        """When something may start that would start at this moment: a run that is being stopped is not held."""
        begin, end = self._fates.hold or (NEVER, NEVER)
        return max(moment, min(end, self._stop)) if begin <= moment < end else moment

    def _reach(self, step: StepPlan, moment: float) -> float:
        """The moment, unless the run is stopped by then; `finally` is not."""
        if not step.final and moment >= self._stop:
            raise _Stopped
        return moment

    def _ask(self, step: StepPlan, now: float, traces: _Traces) -> tuple[float, str | None]:
        """When the gate is decided on, and the code of its refusal if it is one."""
        assert step.gate is not None
        votes = self._fates.steps[step.name].votes[len(traces.requests)]
        traces.requests.append("open")
        expiry = step.gate.expires_after.total_seconds()
        outcome, after = "Expired", expiry
        for moment in sorted({vote.seconds for vote in votes if vote.seconds < expiry}):
            said = self._said(step, [vote for vote in votes if vote.seconds <= moment])
            if said is not None:
                outcome, after = said, moment
                break
        now = self._reach(step, now + after)
        traces.requests[-1] = outcome
        return now, {"Rejected": "REJECTED", "Expired": "APPROVAL_EXPIRED"}.get(outcome)

    def _said(self, step: StepPlan, votes: list[Vote]) -> str | None:
        assert step.gate is not None
        counted = [vote for vote in votes if vote.by in step.gate.users]
        if any(vote.verdict == "reject" for vote in counted):
            return "Rejected"
        return "Approved" if len({vote.by for vote in counted}) >= step.gate.quorum else None

    def _attempt(self, step: StepPlan, attempt: Attempt, now: float, traces: _Traces) -> tuple[float, str | None]:
        """When an attempt is over for its step, and the code of its failure if it is one."""
        traces.attempts += 1
        limit = step.timeout.total_seconds() if step.timeout is not None else NEVER
        harness = step.kind is StepKind.SCRIPT
        begun = now if harness else now + PULL_TAKES
        silent = attempt.ending is Ending.SILENT
        ours = False
        if not silent and attempt.seconds <= limit:
            over, code = begun + attempt.seconds, CODES.get(attempt.ending)
        else:
            over, code = begun + limit + (TO_START if silent and harness else 0), "TIMED_OUT"
            ours = silent or not harness
        end = min(over, NEVER if step.final else self._stop)
        killed = ours or end < over
        traces.gone_at = max(traces.gone_at, end + STOP_TAKES if killed else end)
        return self._reach(step, over), code
