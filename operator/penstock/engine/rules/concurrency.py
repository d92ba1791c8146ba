"""How many runs of a Workflow are under way at once: a run begins when it is its turn, in the order of creation."""

from __future__ import annotations

from typing import Any

from penstock.engine.commands import AskTurn, CancelRun
from penstock.engine.draft import Draft
from penstock.engine.facts import Turn
from penstock.engine.failures import FailureCode
from penstock.engine.model import Concurrency, Failure, OnLimit, RunPhase

NEAR = 10
"""The place in line is told exactly up to here: told of everybody, each end of a run would cost a write for each."""
SHOWN = 3
"""Names of runs in a sentence."""
MAX_KEY = 253
"""Characters."""
FIELD = "concurrency.key"


def wait_for_turn(draft: Draft) -> Draft:
    """A pending run of a Workflow with `concurrency` begins, waits, is refused or takes the place of older ones."""
    limits, run = draft.plan.concurrency, draft.facts.run
    if limits is None or draft.state.phase is not RunPhase.PENDING or not run.workflow:
        return draft
    if draft.facts.cancel:
        # Nothing of it has begun, so there is nothing that `finally` could tidy up.
        return _end(
            draft, RunPhase.CANCELLED, Failure(FailureCode.CANCELLED, "the run was cancelled before its turn came")
        )
    if draft.facts.suspend:
        # Whoever is held lets the others pass.
        return draft.with_run(queued="spec.suspend to be false: until then it takes no turn").halt()
    key = draft.state.concurrency_key
    if key is not None:
        return _in_line(draft, limits, key)
    if limits.key is None:
        return _in_line(draft, limits, run.workflow)
    value = draft.value("", FIELD)
    if value is None:
        return draft.ask(None, FIELD, limits.key).halt()
    text = None if value.error is not None else key_text(value.value)
    if text is None:
        problem = value.error or f"`{limits.key}` is no text, number, true or false of at most {MAX_KEY} characters"
        return _end(draft, RunPhase.FAILED, Failure(FailureCode.EXPRESSION_ERROR, f"{FIELD}: {problem}"))
    return _in_line(draft, limits, text)


def key_text(value: Any) -> str | None:
    """A key as text, so that 1 and "1" are one key; None for what can be none."""
    match value:
        case bool():
            text = "true" if value else "false"
        case float() if value.is_integer():
            text = str(int(value))
        case str() | int() | float():
            text = str(value)
        case _:
            return None
    return text if len(text) <= MAX_KEY else None


def _in_line(draft: Draft, limits: Concurrency, key: str) -> Draft:
    turn = draft.facts.turn
    if turn is None:
        return draft.emit(AskTurn(key, limits.limit, limits.on_limit is OnLimit.REPLACE)).halt()
    if turn.granted:
        return draft.with_run(concurrency_key=key, queued=None)
    if not turn.sure:
        return draft.halt()
    if limits.on_limit is OnLimit.REJECT:
        reason = f"{_held(turn)}, and concurrency.onLimit is reject{_limit(limits, key)}"
        return _end(draft, RunPhase.FAILED, Failure(FailureCode.CONCURRENCY_LIMIT, reason))
    draft = draft.with_run(concurrency_key=key, queued=f"its turn: {_place(turn)}{_limit(limits, key)}").halt()
    if limits.on_limit is OnLimit.REPLACE:
        because = f"run {draft.facts.run.name} takes its place (concurrency.onLimit: replace)"
        too_many = max(0, len(turn.older) + 1 - limits.limit)
        draft = draft.emit(*(CancelRun(name, because) for name in turn.older[:too_many]))
    return draft


def _place(turn: Turn) -> str:
    if turn.ahead == 0:
        place = "it is next"
    elif turn.ahead > NEAR:
        place = f"more than {NEAR} runs are ahead of it"
    else:
        place = "1 run is ahead of it" if turn.ahead == 1 else f"{turn.ahead} runs are ahead of it"
    return f"{place}, {_held(turn)}" if turn.holders else place


def _held(turn: Turn) -> str:
    names = ", ".join(turn.holders[:SHOWN])
    more = len(turn.holders) - SHOWN
    verb = "is" if len(turn.holders) == 1 else "are"
    return f"{names}{f' and {more} more' if more > 0 else ''} {verb} under way"


def _limit(limits: Concurrency, key: str) -> str:
    of = "" if limits.key is None else f" for key `{key}`"
    return f" (limit {limits.limit}{of})"


def _end(draft: Draft, phase: RunPhase, failure: Failure) -> Draft:
    return draft.with_run(phase=phase, finished_at=draft.now, queued=None, failure=failure).halt()
