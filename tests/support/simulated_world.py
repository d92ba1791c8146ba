"""A world for the engine to run in: a clock that jumps, programs and people that do what was fixed beforehand.

It wakes the engine when something happened, or when the engine asked for it, and at no other time.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from penstock.engine.commands import AskGate, Command, Evaluate, FindCached, SettleGate, StartAttempt, StopAttempt
from penstock.engine.facts import AttemptPhase, CachedOutput, Value, Verdict
from penstock.engine.model import AttemptId, CachedFrom, Failure, Plan, StepKind
from tests.support.fates import CODES, PULL_TAKES, STOP_TAKES, Ending, Fates, Vote
from tests.support.plans import NOON, RUN, Story

MOST_MOMENTS = 5_000
"""More means that the engine keeps asking to be woken for nothing."""


class SimulatedWorld:
    """One run from its creation until nothing more can happen."""

    def __init__(self, plan: Plan, fates: Fates) -> None:
        self.story = Story(plan, run=replace(RUN, workflow="orders"))
        self._settled: dict[str, str] = {}
        self._requests: dict[str, list[str]] = {}
        self._fates = fates
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._stopping: set[AttemptId] = set()

    def run(self) -> None:
        """Let everything happen."""
        if self._fates.cancel_at is not None:
            self._plan(self._fates.cancel_at, self._cancel)
        if self._fates.hold is not None:
            for moment, held in zip(self._fates.hold, (True, False), strict=True):
                self._plan(moment, partial(self._hold, held))
        self._plan(0, lambda: None)
        for _ in range(MOST_MOMENTS):
            if not self._agenda:
                return
            now = self._agenda[0][0]
            self.story.now = NOON + timedelta(seconds=now)
            while self._agenda and self._agenda[0][0] == now:
                heapq.heappop(self._agenda)[2]()
            self._decide(now)
        raise AssertionError("the run does not come to rest")

    def outcomes(self, step: str) -> tuple[str, ...]:
        """How each ApprovalRequest of a step ended, in the order in which they were asked."""
        return tuple(self._settled.get(name, "open") for name in self._requests.get(step, ()))

    def seconds(self, moment: datetime | None) -> float | None:
        """A moment as seconds since the run began."""
        return None if moment is None else (moment - NOON).total_seconds()

    def _plan(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), what))

    def _decide(self, now: float) -> None:
        """Passes until one changes nothing, as each write brings about another one."""
        while True:
            before = (self.story.state, self.story.attempts.copy(), self.story.gates.copy())
            while asked := [each for each in self.story.look().questions if isinstance(each, Evaluate | FindCached)]:
                for question in asked:
                    self._answer(question)
            for command in self.story.last.commands:
                self._carry_out(command, now)
            if before == (self.story.state, self.story.attempts, self.story.gates):
                break
        wake = self.seconds(self.story.last.wake_at)
        if wake is not None:
            assert wake > now, "it asks to be woken at once, again and again"
            self._plan(wake, lambda: None)

    def _answer(self, question: Evaluate | FindCached) -> None:
        if isinstance(question, Evaluate):
            self.story.values[question.step, question.field] = self._value(question)
            return
        earlier = CachedOutput(CachedFrom("order-0", NOON), [question.step, 0])
        self.story.cached[question.digest] = earlier if self._fates.steps[question.step].cached else None

    def _value(self, question: Evaluate) -> Value:
        fate = self._fates.steps[question.step]
        if question.field == "wait.until":
            return Value((NOON + timedelta(seconds=fate.until)).isoformat())
        assert question.field == "when"
        return Value(fate.when) if fate.when is not None else Value(error="there is no field `x`")

    def _carry_out(self, command: Command, now: float) -> None:
        match command:
            case StartAttempt(id=at):
                self._begin(at, now)
            case StopAttempt(id=at) if at not in self._stopping:
                self._stopping.add(at)
                self._plan(now + STOP_TAKES, partial(self._end, at, "CANCELLED"))
            case AskGate(step=step, name=name) if name not in (known := self._requests.setdefault(step, [])):
                known.append(name)
                for vote in self._fates.steps[step].votes[len(known) - 1]:
                    self._plan(now + vote.seconds, partial(self._vote, step, name, vote))
            case SettleGate():
                # One that was told again after its end was told the same.
                assert self._settled.setdefault(command.name, command.outcome) == command.outcome

    def _begin(self, at: AttemptId, now: float) -> None:
        step = self.story.plan.steps[at.step]
        attempt = self._fates.steps[at.step].attempts[at.attempt - 1]
        if step.kind is StepKind.CONTAINER:
            now += PULL_TAKES
            self._plan(now, partial(self._live, at, now))
            self._plan_end(at, now + attempt.seconds, attempt.ending)
        elif step.timeout is not None and attempt.ending is not Ending.SILENT:
            # A harness keeps the timeout of its step.
            limit = step.timeout.total_seconds()
            if attempt.seconds > limit:
                self._plan(now + limit, partial(self._end, at, "TIMED_OUT"))
            else:
                self._plan_end(at, now + attempt.seconds, attempt.ending)
        else:
            self._plan_end(at, now + attempt.seconds, attempt.ending)

    def _plan_end(self, at: AttemptId, when: float, ending: Ending) -> None:
        match ending:
            case Ending.SILENT:
                self._plan(when, partial(self._live, at, None))
            case Ending.GONE:
                self._plan(when, partial(self._vanish, at))
            case _:
                self._plan(when, partial(self._end, at, CODES.get(ending)))

    def _live(self, at: AttemptId, since: float | None) -> None:
        fact = self.story.attempts[at]
        if not fact.ended:
            moment = None if since is None else NOON + timedelta(seconds=since)
            self.story.attempts[at] = replace(
                fact, phase=AttemptPhase.RUNNING, running_since=fact.running_since or moment
            )

    def _vanish(self, at: AttemptId) -> None:
        if at not in self._stopping:
            del self.story.attempts[at]

    def _end(self, at: AttemptId, code: str | None) -> None:
        fact = self.story.attempts[at]
        if fact.ended or (at in self._stopping and code != "CANCELLED"):
            return
        phase = AttemptPhase.SUCCEEDED if code is None else AttemptPhase.FAILED
        if code == "LOST":
            phase = AttemptPhase.LOST
        self.story.attempts[at] = replace(
            fact,
            phase=phase,
            output=[at.step, at.attempt] if code is None else None,
            failure=Failure(code, "it ended so") if code is not None else None,
        )

    def _vote(self, step: str, request: str, vote: Vote) -> None:
        gate = self.story.state.step(step).gate
        if gate is not None and gate.name == request and request not in self._settled:
            self.story.add_vote(step, vote.by, Verdict(vote.verdict))

    def _cancel(self) -> None:
        self.story.cancelled = True

    def _hold(self, held: bool) -> None:
        self.story.suspended = held
