"""What a pass made happen, told in sentences: the difference between two states of a run. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.engine.model import Failure, RunPhase, RunState, StepPhase, StepState

ROUTINE = frozenset({"StepStarted", "StepSucceeded"})
"""Reasons that are no news once more has happened: the sentence says enough, and may stand in front of the next."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that has happened."""

    reason: str
    """CamelCase, for machines."""
    message: str
    """A plain sentence that names the thing."""
    warning: bool = False


def happenings(before: RunState, after: RunState) -> tuple[Happening, ...]:
    """All that happened between two states of one run, in the order of its steps."""
    found: list[Happening] = []
    if after.queued is not None and before.queued is None:
        found.append(Happening("RunQueued", f"The run waits for {after.queued}."))
    for name, state in after.steps.items():
        happening = _step(name, before.step(name), state)
        if happening is not None:
            found.append(happening)
    if after.phase is not before.phase and after.phase.finished:
        found.append(_end(after))
    return tuple(found)


def _step(name: str, before: StepState, after: StepState) -> Happening | None:
    if after.phase is before.phase and after.attempt == before.attempt:
        return None
    match after.phase:
        case StepPhase.STARTING:
            what = f"with {after.items.total} items" if after.items else f"attempt {after.attempt}"
            return Happening("StepStarted", f"Step {name} started, {what}.")
        case StepPhase.WAITING:
            gate = after.gate.name if after.gate else ""
            return Happening("ApprovalNeeded", f"Step {name} waits for ApprovalRequest {gate}.")
        case StepPhase.SUCCEEDED:
            return _success(name, after)
        case StepPhase.FAILED:
            return Happening("StepFailed", f"Step {name} failed: {_why(after.failure)}", warning=True)
        case StepPhase.BACKOFF:
            text = f"Attempt {after.attempt} of step {name} failed and will be tried again: {_why(after.failure)}"
            return Happening("StepRetrying", text, warning=True)
        case StepPhase.SKIPPED:
            return Happening("StepSkipped", f"Step {name} was skipped.")
        case _:
            return None


def _success(name: str, state: StepState) -> Happening:
    if state.cached is not None:
        return Happening("StepCached", f"Step {name} took the output that it gave in run {state.cached.run}.")
    items = f" with {state.items.progress()}" if state.items else ""
    return Happening("StepSucceeded", f"Step {name} succeeded{items}.")


def _end(state: RunState) -> Happening:
    if state.phase is RunPhase.SUCCEEDED:
        return Happening("RunSucceeded", "The run succeeded.")
    return Happening(f"Run{state.phase}", f"The run ended {state.phase}: {_why(state.failure)}", warning=True)


def _why(failure: Failure | None) -> str:
    return f"{failure.reason} ({failure.code})" if failure else "no reason was given"
