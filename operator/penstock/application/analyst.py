"""Questions about an application, answered by a model out of its past runs and what its read-only Workflows say.

Every answer and every look-up is a run of whoever asks, under their own rights. A question that was not answered in
time goes on where it stood when it is asked again: the names of its runs follow from session, turn and round.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from penstock.api.v1alpha1.labels import is_template, purpose_of
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.conversation import (
    MAX_EXCHANGES,
    MAX_PAST,
    MAX_ROUNDS,
    Call,
    Round,
    Said,
    as_text,
    earlier,
    goes_on,
    past_run,
    rounds_of,
    said_in,
)
from penstock.application.kept_outputs import with_output
from penstock.application.list_runs import MAX_LOOKED_AT
from penstock.application.outcomes import run_id
from penstock.application.submit_run import RunRequest, SubmitRun
from penstock.application.tool_lines import tool_lines
from penstock.application.wait_for_run import settled, wait_for_run
from penstock.engine.model import RunPhase
from penstock.errors import BugError, NotFound, UserError
from penstock.ports.access import Access, Key

MAX_QUESTION = 4000
"""Characters."""
MAX_RESULT = 4000
"""Characters of what one look-up gave back."""
MAX_TOOLS = 16_384
"""Bytes of what the model is told of the Workflows that it may look things up with."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks."""

    analyst: Workflow
    """The Workflow that answers."""
    text: str
    session: str
    """Of an earlier answer; empty for a new conversation."""
    offered: Sequence[Workflow]
    """The Workflows of the application that whoever asks may run."""
    now: datetime


@dataclass(slots=True)
class Talk:
    """The conversation so far, and where it goes on."""

    session: str
    deadline: float
    shown: list[dict[str, Any]]
    """Past runs, as the model sees them."""
    known: set[str]
    """Every run that the model was shown."""
    turn: int = 0
    begun: dict[int, WorkflowRun] = field(default_factory=dict)
    """By number: rounds of this turn that were begun before."""
    conversation: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    """What the look-ups of this turn gave back."""
    looked_up: list[str] = field(default_factory=list)
    """Their runs."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How far the answer has come."""

    talk: Talk
    run: WorkflowRun
    """The analyst's last run, or the run that is waited for."""
    said: Said | None = None
    """The answer; None while it is not there, or where the analyst's run failed."""

    @property
    def cited(self) -> list[str]:
        """The runs that the answer rests on; those that the model made up are left out."""
        return [name for name in dict.fromkeys(self.said.runs) if name in self.talk.known] if self.said else []


def may_look_up(workflow: Workflow) -> bool:
    """Its author says that it only reads."""
    plain = not purpose_of(workflow) and not is_template(workflow)
    return plain and workflow.spec.tool.enabled and workflow.spec.tool.annotations.read_only


class Analyst:
    """Answers the questions of one caller."""

    def __init__(self, access: Access, new_suffix: Callable[[], str], seconds: float) -> None:
        self._access = access
        self._submit = SubmitRun(access, new_suffix)
        self._new_suffix = new_suffix
        self._seconds = seconds

    async def answer(self, question: Question) -> Reply:
        """Go on with the answer for as long as there is time.

        Raises NotFound for a session that this caller does not have, InvalidInput, Forbidden, Unavailable.
        """
        deadline = asyncio.get_running_loop().time() + self._seconds
        talk = await self._talk(question, deadline)
        made: set[bytes] = set()
        for number in itertools.count():
            run = await self._waited(talk.begun.get(number) or await self._ask(question, talk, number), deadline)
            said = await self._said(run)
            if said is None:
                return Reply(talk, run)
            calls = [call for call in said.calls if call.same not in made]
            if not calls or number == MAX_ROUNDS - 1:
                return Reply(talk, run, said)
            made |= {call.same for call in calls}
            unfinished = await self._look_up(question, talk, number, calls)
            if unfinished is not None:
                return Reply(talk, unfinished)
        raise BugError("the last round answers")

    async def _talk(self, question: Question, deadline: float) -> Talk:
        runs = await self._access.runs.list(question.analyst.metadata.namespace, limit=MAX_LOOKED_AT)
        session = question.session or f"{self._new_suffix()}{self._new_suffix()}"
        caller = await self._access.caller.whoami()
        rounds = rounds_of(runs, question.analyst.metadata.name, session, caller)
        if question.session and not rounds:
            raise NotFound("you have no such conversation", hint="Leave session_id out to begin one.")
        turns: dict[int, list[Round]] = {}
        for one in rounds:
            turns.setdefault(one.turn, []).append(one)
        past = [run for run in runs if _of(run, question.offered)][:MAX_PAST]
        shown = [past_run((await with_output(self._access, run)).run, run_id(run)) for run in past]
        talk = Talk(session, deadline, shown, {run_id(run) for run in past})
        for number, turn in turns.items():
            if number == max(turns) and goes_on(turn, question.text, question.now):
                talk.turn, talk.begun = number, {one.number: one.run for one in turn}
            elif (said := await self._said(turn[-1].run)) is not None:
                talk.conversation.append(earlier(str(turn[-1].run.spec.context.get("question")), said))
                talk.known |= set(said.runs) & {run_id(run) for run in runs}
        talk.turn = talk.turn or max(turns, default=0) + 1
        return talk

    async def _said(self, run: WorkflowRun) -> Said | None:
        if run.status.phase != RunPhase.SUCCEEDED:
            return None
        return said_in((await with_output(self._access, run)).run.status.output)

    async def _ask(self, question: Question, talk: Talk, number: int) -> WorkflowRun:
        context = {
            "session": talk.session,
            "turn": talk.turn,
            "round": number,
            "question": question.text,
            "conversation": talk.conversation[-MAX_EXCHANGES:],
            "tools": tool_lines([each for each in question.offered if may_look_up(each)], MAX_TOOLS),
            "runs": talk.shown,
            "results": list(talk.results),
        }
        where = question.analyst.metadata
        key = f"{talk.session}/{talk.turn}/{number}"
        return await self._submit(RunRequest(where.namespace, where.name, context, idempotency_key=key))

    async def _look_up(self, question: Question, talk: Talk, number: int, calls: Sequence[Call]) -> WorkflowRun | None:
        """Carry the look-ups out; the run that has not ended, if time is over. What goes wrong is told the model."""
        tools = {each.metadata.name: each for each in question.offered if may_look_up(each)}
        for place, call in enumerate(calls):
            tool = tools.get(call.tool)
            if tool is None:
                talk.results.append({"tool": call.tool[:64], "error": "no read-only tool that the person may use"})
                continue
            key = f"{talk.session}/{talk.turn}/{number}/{place}"
            request = RunRequest(tool.metadata.namespace, call.tool, call.context, idempotency_key=key)
            try:
                run = await self._waited(await self._submit(request), talk.deadline)
            except UserError as refused:
                talk.results.append({"tool": call.tool, "error": str(refused)[:MAX_RESULT]})
                continue
            if not settled(run, at_gates=True):
                return run
            talk.looked_up.append(run_id(run))
            talk.known.add(run_id(run))
            talk.results.append(_result((await with_output(self._access, run)).run, run_id(run), call.tool))
        return None

    async def _waited(self, run: WorkflowRun, deadline: float) -> WorkflowRun:
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        return await wait_for_run(self._access, Key(run.metadata.namespace, run.metadata.name), seconds=left)


def _of(run: WorkflowRun, offered: Sequence[Workflow]) -> bool:
    names = {(each.metadata.namespace, each.metadata.name) for each in offered if not purpose_of(each)}
    workflow = run.spec.workflow
    return workflow is not None and (run.metadata.namespace, workflow.name) in names


def _result(run: WorkflowRun, name: str, tool: str) -> dict[str, Any]:
    error = run.status.error
    line = {
        "tool": tool,
        "run": name,
        "phase": run.status.phase,
        "output": as_text(run.status.output, MAX_RESULT),
        "error": error.reason[:MAX_RESULT] if error else "",
    }
    return {key: value for key, value in line.items() if value}
