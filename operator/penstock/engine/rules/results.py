"""What attempts came to. An attempt's word counts once, for the digest that was started, and for nothing else."""

from __future__ import annotations

from penstock.engine.digests import canonical
from penstock.engine.draft import Draft
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.model import AttemptId, Failure, StepPhase, StepPlan, StepState
from penstock.engine.rules.retries import attempt_failed

MAX_OUTPUT = 65_536
"""Bytes of canonical JSON that one output may have in the run object."""
MAX_OUTPUTS = 196_608
"""Bytes of canonical JSON that all outputs of a run may have together: the status stays under 256 KiB."""


def take_results(draft: Draft) -> Draft:
    """Steps whose attempt ended get its output or its failure; those seen alive are Running."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if state.phase.alive:
            draft = _take(draft, step, state, draft.facts.attempts.get(AttemptId(step.name, state.attempt)))
    return draft


def _take(draft: Draft, step: StepPlan, state: StepState, fact: AttemptFact | None) -> Draft:
    if fact is None:
        if state.uid is None:
            return draft
        gone = Failure("LOST", f"attempt {state.attempt} existed and is gone without a result", step.name)
        return attempt_failed(draft, step, gone)
    if fact.digest != state.digest:
        reason = f"what runs as attempt {state.attempt} is not what was started"
        return attempt_failed(draft, step, Failure("JOB_NAME_CONFLICT", reason, step.name))
    draft = draft.with_step(step.name, uid=fact.uid or state.uid, message=fact.message or state.message)
    if fact.phase is AttemptPhase.SUCCEEDED:
        return _succeed(draft, step, fact)
    if fact.ended:
        return attempt_failed(draft, step, _failure(draft, step, fact))
    if fact.phase is AttemptPhase.RUNNING:
        return draft.with_step(step.name, phase=StepPhase.RUNNING)
    return draft


def _succeed(draft: Draft, step: StepPlan, fact: AttemptFact) -> Draft:
    problem = _output_problem(draft, fact.output)
    if problem is not None:
        return attempt_failed(draft, step, Failure(problem[0], problem[1], step.name))
    return draft.with_step(
        step.name, phase=StepPhase.SUCCEEDED, output=fact.output, finished_at=draft.now, message=None, failure=None
    )


def _output_problem(draft: Draft, output: object) -> tuple[str, str] | None:
    """Code and reason where the run object cannot hold this output."""
    if output is None:
        return None
    try:
        size = len(canonical(output))
    except ValueError:
        return "OUTPUT_INVALID", "the output is not JSON: it has NaN, infinity or a number beyond 1e308"
    total = size + sum(len(canonical(other.output)) for other in draft.state.steps.values() if other.output is not None)
    if size <= MAX_OUTPUT and total <= MAX_OUTPUTS:
        return None
    reason = (
        f"the output has {size} bytes (limit {MAX_OUTPUT}) and would bring the run to {total} (limit {MAX_OUTPUTS})"
    )
    return "OUTPUT_TOO_LARGE", f"{reason}. Write large data elsewhere and output where it is"


def _failure(draft: Draft, step: StepPlan, fact: AttemptFact) -> Failure:
    failure = fact.failure or Failure("LOST", "the attempt ended without a result")
    if failure.code == "CANCELLED" and not draft.facts.cancel and draft.state.stopping is None:
        # The harness was told to stop, and not by us: a node that drains, an eviction, somebody's kill.
        return Failure("STOPPED", "the attempt was stopped from outside before it had ended", step.name)
    return Failure(failure.code, failure.reason, step.name)
