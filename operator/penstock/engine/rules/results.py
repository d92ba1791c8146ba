"""What attempts came to. An attempt's word counts once, for the digest that was started, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

from penstock.engine.draft import Draft
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode
from penstock.engine.keeping import keep_output
from penstock.engine.model import AttemptId, Failure, StepPhase, StepPlan, StepState
from penstock.engine.rules.retries import attempt_failed


def take_results(draft: Draft) -> Draft:
    """Steps whose attempt ended get its output or its failure; those seen alive are Running."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if state.phase.alive and step.fan_out is None:
            draft = _take(draft, step, state, draft.facts.attempts.get(AttemptId(step.name, state.attempt)))
    return draft


def _take(draft: Draft, step: StepPlan, state: StepState, fact: AttemptFact | None) -> Draft:
    if fact is None:
        if state.uid is None:
            return draft
        gone = Failure(FailureCode.LOST, f"attempt {state.attempt} existed and is gone without a result", step.name)
        return attempt_failed(draft, step, gone)
    if fact.digest != state.digest:
        reason = f"what runs as attempt {state.attempt} is not what was started"
        return attempt_failed(draft, step, Failure(FailureCode.JOB_NAME_CONFLICT, reason, step.name))
    draft = draft.with_step(step.name, uid=fact.uid or state.uid, message=_message(state, fact))
    if fact.phase is AttemptPhase.SUCCEEDED:
        return _succeed(draft, step, fact)
    if fact.ended:
        failure = as_it_was(draft, fact.failure or Failure(FailureCode.LOST, "the attempt ended without a result"))
        return attempt_failed(draft, step, replace(failure, step=step.name))
    if fact.phase is AttemptPhase.RUNNING:
        return draft.with_step(step.name, phase=StepPhase.RUNNING)
    return draft


def _message(state: StepState, fact: AttemptFact) -> str | None:
    """The newest word: the program's own, or what keeps it from starting; that is forgotten once it has started."""
    if fact.phase is AttemptPhase.CREATED:
        return fact.failure.reason if fact.failure else fact.message
    started = state.phase is StepPhase.STARTING and fact.phase is AttemptPhase.RUNNING
    return fact.message or (None if started else state.message)


def _succeed(draft: Draft, step: StepPlan, fact: AttemptFact) -> Draft:
    kept = keep_output(draft, fact.output)
    if kept.failure is not None:
        return attempt_failed(draft, step, replace(kept.failure, step=step.name))
    return kept.draft.with_step(
        step.name,
        phase=StepPhase.SUCCEEDED,
        output=fact.output,
        stored=kept.ref,
        finished_at=draft.now,
        message=None,
        failure=None,
    )


def as_it_was(draft: Draft, failure: Failure) -> Failure:
    """What a harness reports; a stop that is not ours is called one from outside."""
    if failure.code == FailureCode.CANCELLED and not draft.facts.cancel and draft.state.stopping is None:
        # The harness was told to stop, and not by us: a node that drains, an eviction, somebody's kill.
        return Failure(FailureCode.STOPPED, "the attempt was stopped from outside before it had ended")
    return failure
