"""Which steps may go on: needs are settled, `when` is true. What is ready goes to its gate or starts."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.engine.draft import Draft
from penstock.engine.facts import Value
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, OnFailure, StepPhase, StepPlan
from penstock.engine.rules.retries import fail_step
from penstock.engine.rules.starting import start_or_ask


def advance_ready_steps(draft: Draft) -> Draft:
    """Every pending step whose needs are settled is skipped, failed, asked about or started.

    Steps are looked at in the order of the plan, again whenever one was settled at once, so that a skipped step
    settles its dependents in the same pass. A held run looks at none.
    """
    settled = not draft.held
    while settled:
        settled = False
        for step in draft.plan.steps.values():
            if draft.step(step.name).phase is StepPhase.PENDING and _may_look(draft, step):
                draft = _advance(draft, step)
                settled = settled or draft.step(step.name).phase.finished
    return draft


def _may_look(draft: Draft, step: StepPlan) -> bool:
    if step.final and not main_settled(draft):
        return False
    return all(draft.step(need).phase.finished for need in effective_needs(draft, step))


def effective_needs(draft: Draft, step: StepPlan) -> Iterator[str]:
    """What the step needs, and behind each need that was taken over what that one needed.

    Elsewhere a need that is finished has finished needs. One that was taken over may stand behind a gate that is asked
    anew, and that gate holds for all that follows.
    """
    for need in step.needs:
        yield need
        if draft.step(need).carried:
            yield from effective_needs(draft, draft.plan.steps[need])


def main_settled(draft: Draft) -> bool:
    """All steps outside `finally` are finished and none of their attempts, earlier ones included, is alive any more."""
    main = {step.name for step in draft.plan.main}
    if not all(draft.step(name).phase.finished for name in main):
        return False
    return all(fact.ended for at, fact in draft.facts.attempts.items() if at.step in main)


def _advance(draft: Draft, step: StepPlan) -> Draft:
    blockers = [need for need in effective_needs(draft, step) if not _allows(draft, draft.plan.steps[need])]
    if blockers:
        reason = f"needs {', '.join(blockers)}, which did not succeed"
        return _skip(draft, step, Failure(FailureCode.NEED_FAILED, reason))
    if step.when is None:
        return start_or_ask(draft, step)
    value = draft.value(step.name, "when")
    if value is None:
        return draft.ask(step, "when", step.when)
    return _judged(draft, step, value)


def _judged(draft: Draft, step: StepPlan, value: Value) -> Draft:
    if value.error is not None:
        return fail_step(draft, step, Failure(FailureCode.EXPRESSION_ERROR, f"when: {value.error}", step.name))
    if not isinstance(value.value, bool):
        reason = f"when: `{step.when}` is {value.value!r}, not true or false"
        return fail_step(draft, step, Failure(FailureCode.EXPRESSION_ERROR, reason, step.name))
    return start_or_ask(draft, step) if value.value else _skip(draft, step, None)


def _allows(draft: Draft, need: StepPlan) -> bool:
    """A need lets its dependents go on if it Succeeded, was Skipped by its own `when`, or may fail."""
    state = draft.step(need.name)
    if state.phase is StepPhase.SKIPPED:
        return state.failure is None
    return state.phase is StepPhase.SUCCEEDED or (
        state.phase is StepPhase.FAILED and need.on_failure is OnFailure.CONTINUE
    )


def _skip(draft: Draft, step: StepPlan, failure: Failure | None) -> Draft:
    return draft.with_step(step.name, phase=StepPhase.SKIPPED, failure=failure, finished_at=draft.now)
