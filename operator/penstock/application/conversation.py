"""A conversation with an analyst, read from the runs that it is kept as. Pure.

Each answer of the model is one run of the analyst's Workflow, whose context holds the session, the turn (a question of
the person's) and the round (the model may ask for look-ups before it answers). Nothing else is kept anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.safe_text import one_line
from penstock.engine.digests import canonical
from penstock.engine.model import RunPhase
from penstock.ports.access import Actor

MAX_ROUNDS = 3
"""Answers of the model to one question: two of them may ask for look-ups."""
MAX_CALLS = 3
"""Look-ups that one answer may ask for."""
SAME_QUESTION = timedelta(minutes=10)
"""For so long an answer stands when the same question comes again; later it is found anew."""
MAX_EXCHANGES = 10
MAX_SAID = 4000
"""Characters of an earlier question or answer that the model sees again."""
MAX_PAST = 20
"""Past runs that the model sees."""


@dataclass(frozen=True, slots=True)
class Call:
    """A look-up that the model asks for."""

    tool: str
    context: Mapping[str, Any]

    @property
    def same(self) -> bytes:
        """Equal for equal calls."""
        return canonical([self.tool, dict(self.context)])


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of the model."""

    text: str
    runs: tuple[str, ...]
    """Runs that it says the answer rests on."""
    calls: tuple[Call, ...]
    recorded: bool


@dataclass(frozen=True, slots=True)
class Round:
    """One run of the conversation."""

    turn: int
    number: int
    run: WorkflowRun


def rounds_of(runs: Sequence[WorkflowRun], workflow: str, session: str, caller: Actor) -> list[Round]:
    """The runs of a session of this caller, the oldest first; of nobody else's, whatever it is called."""
    found = [
        Round(_number(run, "turn"), _number(run, "round"), run)
        for run in runs
        if run.spec.workflow is not None
        and run.spec.workflow.name == workflow
        and run.spec.context.get("session") == session
        and _asked_by(run, caller)
    ]
    return sorted(found, key=lambda one: (one.turn, one.number))


def said_in(output: Any) -> Said:
    """The model's answer out of a run's output; what does not fit is left out, for it may hold anything."""
    whole = output if isinstance(output, dict) else {}
    answer = whole.get("answer") if isinstance(whole.get("answer"), dict) else whole
    assert isinstance(answer, dict)
    calls = [
        Call(one["tool"], one["context"] if isinstance(one.get("context"), dict) else {})
        for one in _listed(answer.get("calls"))
        if isinstance(one, dict) and isinstance(one.get("tool"), str)
    ]
    runs = [one for one in _listed(answer.get("runs")) if isinstance(one, str)]
    return Said(str(answer.get("text") or ""), tuple(runs), tuple(calls[:MAX_CALLS]), whole.get("recorded") is True)


def goes_on(rounds: Sequence[Round], question: str, now: datetime) -> bool:
    """Whether this question, asked now, is the one that the rounds of this turn are about.

    It is while its last run goes on, and for a while after that: whoever was told to ask again gets what came of it. A
    turn that failed is over.
    """
    last = rounds[-1].run
    if last.spec.context.get("question") != question:
        return False
    phase = RunPhase(last.status.phase)
    ended = last.status.finished_at or last.metadata.creation_timestamp
    recent = ended is None or now - ended < SAME_QUESTION
    return not phase.finished or (phase is RunPhase.SUCCEEDED and recent)


def earlier(question: str, said: Said) -> dict[str, Any]:
    """An exchange, as the model sees it again."""
    return {"question": question[:MAX_SAID], "answer": said.text[:MAX_SAID], "runs": list(said.runs)[:MAX_PAST]}


def past_run(run: WorkflowRun, name: str) -> dict[str, Any]:
    """A run of the application, as the model sees it: bounded, its values as text."""
    error = run.status.error
    line = {
        "run": name,
        "workflow": run.spec.workflow.name if run.spec.workflow else "",
        "phase": run.status.phase,
        "created": run.metadata.creation_timestamp.isoformat() if run.metadata.creation_timestamp else "",
        "context": as_text(run.spec.context, 512),
        "output": as_text(run.status.output, 1024),
        "error": one_line(error.reason, 256) if error else "",
    }
    return {key: value for key, value in line.items() if value}


def as_text(value: Any, limit: int) -> str:
    """A value as JSON of at most so many characters; empty for none."""
    if value in (None, {}, []):
        return ""
    text = canonical(value).decode("utf-8", "replace")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _number(run: WorkflowRun, name: str) -> int:
    value = run.spec.context.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _asked_by(run: WorkflowRun, caller: Actor) -> bool:
    asked = run.spec.requested_by
    return asked is not None and (asked.user, asked.client) == (caller.user, caller.client)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
