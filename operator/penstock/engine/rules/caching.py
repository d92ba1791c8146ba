"""A step with `cache` takes the output that an equal step gave in another run, in place of being started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.engine.commands import FindCached
from penstock.engine.draft import Draft
from penstock.engine.facts import CachedOutput
from penstock.engine.failures import FailureCode
from penstock.engine.keeping import keep_output
from penstock.engine.model import Failure, StepPhase, StepPlan
from penstock.engine.rules.retries import fail_step
from penstock.engine.subjects import cache_digest

FIELD = "cache.key"


class Looked(NamedTuple):
    """What looking for an earlier output came to."""

    draft: Draft
    settled: bool
    """The step is not to be started now: it has its output, it failed, or something is asked for first."""


def take_cached(draft: Draft, step: StepPlan, program: Mapping[str, Any]) -> Looked:
    """The step with an earlier output, or with the cacheDigest that later runs will know its own output by.

    An inline run has no Workflow whose runs could be looked through: it neither takes nor gives. What stands behind a
    gate of its own runs each time that people allowed it. Only before its first attempt does a step take anything, and
    nothing where the run asks for everything to run; what it gives counts all the same.
    """
    if step.cache is None or step.gate is not None or not draft.facts.run.workflow:
        return Looked(draft, False)
    key = None
    if step.cache.key is not None:
        value = draft.value(step.name, FIELD)
        if value is None:
            return Looked(draft.ask(step, FIELD, step.cache.key), True)
        if value.error is not None:
            failure = Failure(FailureCode.EXPRESSION_ERROR, f"{FIELD}: {value.error}", step.name)
            return Looked(fail_step(draft, step, failure), True)
        key = value.value
    digest = cache_digest(draft, step, program, key)
    noted = draft.with_step(step.name, cache_digest=digest)
    if draft.facts.no_cache or draft.step(step.name).attempt > 0:
        return Looked(noted, False)
    if digest not in draft.facts.cached:
        return Looked(draft.emit(FindCached(step.name, digest, draft.now - step.cache.ttl)), True)
    found = draft.facts.cached[digest]
    return Looked(noted, False) if found is None else _take(noted, step, found)


def _take(draft: Draft, step: StepPlan, found: CachedOutput) -> Looked:
    # Kept with this run, as if it had been made here: the other one may be removed while this one still needs it.
    place = keep_output(draft, found.output)
    if place.failure is not None:
        # There is no room for it now. That is no reason to fail: the step can still run.
        return Looked(draft, False)
    taken = place.draft.with_step(
        step.name,
        phase=StepPhase.SUCCEEDED,
        output=found.output,
        stored=place.ref,
        cached=found.source,
        finished_at=draft.now,
        message=None,
    )
    return Looked(taken, True)
