"""Why a run waits or did not succeed, in sentences, and what would move it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import ErrorStatus, StepStatus, WorkflowRun
from penstock.api.v1alpha1.workflow import Step, WorkflowSpec
from penstock.application.outcomes import run_id
from penstock.engine.failures import FailureCode, meaning_of
from penstock.engine.hindrances import hindrance_of
from penstock.engine.indices import Indices
from penstock.engine.model import RunPhase, StepPhase

_NAMED = 8
_NAMED_ITEMS = 3
"""Steps that are named in one sentence; of more, how many."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that there is to say."""

    text: str
    """A sentence or two."""
    step: str | None = None
    code: str | None = None
    """Of the failure that it is about, or that it will come to."""
    advice: str | None = None
    """What would move it."""
    log: tuple[str, ...] = ()
    """The last lines that the step printed. Data of a stranger."""

    def wire(self) -> dict[str, Any]:
        """For programs; what there is not is left out."""
        fields = {"step": self.step, "text": self.text, "code": self.code, "advice": self.advice}
        told = {name: value for name, value in fields.items() if value is not None}
        return {**told, "log": list(self.log)} if self.log else told


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say of a run."""

    run: str
    phase: str
    summary: str
    points: tuple[Point, ...] = ()

    def wire(self) -> dict[str, Any]:
        """For programs."""
        return {
            "run": self.run,
            "phase": self.phase,
            "summary": self.summary,
            "points": [point.wire() for point in self.points],
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a run."""

    run: WorkflowRun
    spec: WorkflowSpec | None = None
    """What it runs; None where that is out of reach."""
    approvals: Mapping[str, ApprovalRequest] = field(default_factory=dict)
    """Its requests by name, as far as they can be read."""
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The last lines of steps."""

    @property
    def steps(self) -> Mapping[str, StepStatus]:
        """Where each step stands."""
        return self.run.status.steps

    def definition(self, name: str) -> Step | None:
        """What a step is."""
        spec = self.spec
        return next((step for step in (*spec.steps, *spec.finally_) if step.name == name), None) if spec else None


def failed_steps(run: WorkflowRun) -> tuple[str, ...]:
    """The steps that failed, those that failed first in front."""
    failed = [name for name, step in run.status.steps.items() if step.phase == StepPhase.FAILED]
    return tuple(sorted(failed, key=lambda name: str(run.status.steps[name].finished_at)))


def explain(known: Evidence, now: datetime) -> Explanation:
    """All that there is to say."""
    run = known.run
    points = tuple(_points(known, now))
    return Explanation(run_id(run), run.status.phase, _summary(known), points)


def _summary(known: Evidence) -> str:
    status = known.run.status
    match RunPhase(status.phase):
        case RunPhase.SUCCEEDED:
            return "The run succeeded."
        case RunPhase.CANCELLED:
            return "The run was cancelled on request."
        case RunPhase.FAILED | RunPhase.TIMED_OUT:
            return f"The run failed: {_words(status.error)}"
        case RunPhase.PENDING:
            return _beginning(known.run)
        case _:
            return _going_on(known.run)


def _beginning(run: WorkflowRun) -> str:
    if run.status.waiting_for:
        return f"The run has not begun. It waits for {run.status.waiting_for}."
    if run.spec.suspend:
        return "The run has not begun: it is suspended."
    return "The run has not begun: nobody has looked at it yet."


def _going_on(run: WorkflowRun) -> str:
    status = run.status
    if status.stopping:
        return f"The run is being stopped and will end {status.stopping}: {_words(status.error)}"
    ended = f" {status.progress} of its steps have ended." if status.progress else ""
    if run.spec.suspend:
        return f"The run is suspended: nothing more of it starts.{ended}"
    if status.phase == RunPhase.WAITING and status.waiting_for:
        return f"The run waits for {status.waiting_for}.{ended}"
    return f"The run goes on.{ended}"


def _points(known: Evidence, now: datetime) -> Iterator[Point]:
    run = known.run
    finished = RunPhase(run.status.phase).finished
    if not finished and run.spec.suspend:
        yield Point("It was suspended.", advice=f"Let it go on: `penstock resume {run_id(run)}`.")
    elif run.status.phase == RunPhase.PENDING and not run.status.waiting_for:
        yield Point(
            "No step of it is known.",
            advice="Where many begin at once, it waits until others have started. If it stays so, see whether the "
            "operator runs and watches this namespace.",
        )
    for name in failed_steps(run):
        yield _failed(known, name)
    error = run.status.error
    if error is not None and (error.step is None or known.steps.get(error.step, _NONE).phase != StepPhase.FAILED):
        yield Point(_words(error), error.step, error.code, _advice(error.code))
    if not finished:
        for name, step in known.steps.items():
            yield from _unfinished(known, name, step, now)
        yield from _behind(known)
    for name, step in known.steps.items():
        yield from _items(known, name, step)
    yield from _skipped(known)


def _failed(known: Evidence, name: str) -> Point:
    step = known.steps[name]
    attempt = f" on attempt {step.attempt}" if step.attempt > 1 else ""
    definition = known.definition(name)
    allowed = definition is not None and definition.on_failure == "continue"
    more = " It may fail (`onFailure: continue`), so the run went on." if allowed else ""
    text = f"Step {name} failed{attempt}: {_words(step.error)}{more}"
    code = step.error.code if step.error else None
    return Point(text, name, code, _advice(code), known.logs.get(name, ()))


def _items(known: Evidence, name: str, step: StepStatus) -> Iterator[Point]:
    """The first items of a step that failed, and how to see what they printed."""
    if step.items is None or not step.items.failures:
        return
    first = sorted(step.items.failures, key=lambda each: each.index)[:_NAMED_ITEMS]
    named = "; ".join(f"item {each.index}: {each.reason.rstrip('. ')} ({each.code})" for each in first)
    count = len(Indices.parse(step.items.failed))
    more = f"; and {count - len(first):,} more" if count > len(first) else ""
    text = f"Of the {step.items.total:,} items of step {name} {count:,} failed: {named}{more}."
    advice = f"See what it printed: `penstock logs {run_id(known.run)} {name} --item {first[0].index}`."
    yield Point(text, name, first[0].code, advice)


def _unfinished(known: Evidence, name: str, step: StepStatus, now: datetime) -> Iterator[Point]:
    since = f" for {_span(now - step.started_at)}" if step.started_at else ""
    match StepPhase(step.phase):
        case StepPhase.WAITING:
            yield _at_gate(known, name, step, now)
        case StepPhase.STARTING:
            yield _starting(name, step, since)
        case StepPhase.RUNNING:
            attempt = f", attempt {step.attempt}" if step.attempt > 1 else ""
            said = f" Its last word: {step.message}" if step.message else ""
            yield Point(f"Step {name} runs{since}{attempt}.{said}", name)
        case StepPhase.BACKOFF:
            again = f" The next attempt starts in {_span(step.retry_at - now)}." if step.retry_at else ""
            code = step.error.code if step.error else None
            text = f"Attempt {step.attempt} of step {name} failed: {_words(step.error)}{again}"
            yield Point(text, name, code, _advice(code), known.logs.get(name, ()))
        case _:
            return


def _starting(name: str, step: StepStatus, since: str) -> Point:
    if not step.message:
        return Point(f"Step {name} is being started{since}.", name)
    code = hindrance_of(step.message)
    return Point(f"Step {name} cannot start{since}: {step.message}", name, code, _advice(code))


def _at_gate(known: Evidence, name: str, step: StepStatus, now: datetime) -> Point:
    if step.gate is None:
        moment = f" until {step.until:%Y-%m-%d %H:%M:%S} UTC, {_span(step.until - now)} from now" if step.until else ""
        return Point(f"Step {name} waits{moment}.", name)
    gate = f"{known.run.metadata.namespace}/{step.gate.name}"
    request = known.approvals.get(step.gate.name)
    whom = _whom(request) if request else ""
    left = _span(step.gate.expires_at - now)
    text = f"Step {name} waits for approval {step.gate.name}{whom}; the question lapses in {left}."
    return Point(text, name, advice=f"An approver decides: `penstock approve {gate}` or `penstock reject {gate}`.")


def _whom(request: ApprovalRequest) -> str:
    asked = request.spec.request
    people = [*asked.approvers.users, *(f"group {group}" for group in asked.approvers.groups)]
    approved = {vote.by for vote in request.spec.decisions if vote.verdict == "approve"}
    so_far = f", {len(approved)} of {asked.quorum} have approved" if asked.quorum > 1 else ""
    return f" by {' or '.join(people)}{so_far}"


def _behind(known: Evidence) -> Iterator[Point]:
    """Steps that wait for others, told together."""
    pending = [name for name, step in known.steps.items() if step.phase == StepPhase.PENDING]
    needs: dict[str, None] = {}
    for name in pending:
        definition = known.definition(name)
        for need in definition.needs if definition else ():
            if not StepPhase(known.steps.get(need, _NONE).phase).finished and need not in pending:
                needs[need] = None
    if pending:
        after = f" Next after {_named(tuple(needs))}." if needs else ""
        yield Point(f"Still to come: {_named(tuple(pending))}.{after}")


def _skipped(known: Evidence) -> Iterator[Point]:
    because = [
        name
        for name, step in known.steps.items()
        if step.phase == StepPhase.SKIPPED and step.error is not None and step.error.code == FailureCode.NEED_FAILED
    ]
    if because:
        yield Point(f"Skipped, for what they need did not succeed: {_named(tuple(because))}.")
    cancelled = [name for name, step in known.steps.items() if step.phase == StepPhase.CANCELLED]
    if cancelled:
        yield Point(f"Stopped, or not started any more: {_named(tuple(cancelled))}.")


def _advice(code: str | None) -> str | None:
    meaning = meaning_of(code) if code else None
    return meaning.advice if meaning else None


def _words(error: ErrorStatus | None) -> str:
    if error is None:
        return "no reason was given."
    reason = error.reason.rstrip(". ") or "no reason was given"
    return f"{reason} ({error.code})."


def _named(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _span(length: timedelta) -> str:
    seconds = max(0, round(length.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


_NONE = StepStatus(phase=StepPhase.PENDING)
