"""One pass over one run: gather, decide, act, write once. The same for the operator and for the local driver."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from penstock.api.v1alpha1.codec import origin, run_state, run_status
from penstock.api.v1alpha1.connection import no_connection, resolved
from penstock.api.v1alpha1.run import ErrorStatus, WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.application import item_lists
from penstock.application.check_context import with_defaults
from penstock.application.earlier_outputs import find_cached
from penstock.application.filling import fill
from penstock.application.happenings import happenings
from penstock.application.item_lists import ItemLists
from penstock.application.kept_outputs import with_values
from penstock.application.neighbours import Neighbours
from penstock.application.plans import PlanBook
from penstock.application.retry_run import earlier_state
from penstock.engine.commands import (
    AskGate,
    AskTurn,
    CancelRun,
    CheckOutput,
    Command,
    Evaluate,
    Fill,
    FindCached,
    FindConnection,
    FindRevision,
    LoadOutput,
    Question,
    SettleGate,
    StartAttempt,
    StopAttempt,
    StoreOutput,
)
from penstock.engine.decide import Change, Decided, change, decide
from penstock.engine.facts import AttemptFact, AttemptPhase, Facts, Stored, Value
from penstock.engine.failures import FailureCode
from penstock.engine.model import AttemptId, Failure, Plan, RunPhase, RunState
from penstock.errors import BugError, InvalidInput, NotFound, OutputLost, Unavailable, UserError
from penstock.ports.access import Key
from penstock.ports.engine import (
    Checker,
    Clock,
    Connections,
    Evaluator,
    EventSink,
    Gates,
    Ledger,
    Outputs,
    Revisions,
    StepRunner,
)

SOFT_WRITE_EVERY = timedelta(seconds=5)
"""How long a sign of life or a progress message may wait for a write of its own: short steps cost none."""
MAX_ROUNDS = 1024
"""Rounds of answering questions in one pass; each settles at least one. Steps that follow each other and are all
settled at once, because they are skipped or Cached, ask one after the other, so a few rounds each are no bug.
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """The ports that a reconcile loop works with."""

    ledger: Ledger
    revisions: Revisions
    gates: Gates
    runner: StepRunner
    outputs: Outputs
    connections: Connections
    evaluator: Evaluator
    checker: Checker
    clock: Clock
    events: EventSink


@dataclass(frozen=True, slots=True)
class _Pass:
    """What one pass works on."""

    run: WorkflowRun
    plan: Plan
    before: RunState
    facts: Facts


class _RunGone(Exception):
    """The run was deleted during its pass."""


class Reconciler:
    """Brings runs forward, one pass at a time; any number of passes over one state come to the same."""

    def __init__(
        self,
        engine: Engine,
        plans: PlanBook,
        *,
        neighbours: Neighbours | None = None,
        self_approval: bool = False,
    ) -> None:
        self._engine = engine
        self._plans = plans
        self._neighbours = neighbours or Neighbours()
        self._self_approval = self_approval
        self._written: dict[str, datetime] = {}
        self._lists = ItemLists(engine.evaluator)

    async def reconcile(self, key: Key) -> datetime | None:
        """One pass. Returns when to look again even if nothing happens. Raises TransientError to be called again."""
        run = await self._engine.ledger.load(key)
        if run is None:
            return None
        self._neighbours.notice(run)
        try:
            return await self._bring_forward(run)
        except _RunGone:
            # Whoever deleted it wanted that; what belongs to it goes with it.
            return None

    async def _bring_forward(self, run: WorkflowRun) -> datetime | None:
        try:
            plan, context, revised = await self._prepare(run)
            earlier = await earlier_state(self._engine.ledger, self._engine.outputs, revised)
        except UserError as error:
            await self._fail_at_once(run, error)
            return None
        facts = await self._gather(revised, context, earlier)
        state = run_state(revised.status)
        if not state.phase.finished:
            state, lost = await with_values(self._engine.outputs, revised, state)
            facts = replace(facts, lost=lost)
        return await self._settle(_Pass(revised, plan, state, facts))

    async def _prepare(self, run: WorkflowRun) -> tuple[Plan, Mapping[str, object], WorkflowRun]:
        """The run's plan, its context with defaults, and the run with its revision; UserError where it may not run."""
        content = await self._engine.revisions.content(run)
        # An inline spec never changes while its run lives, so the run's uid stands for it.
        compiled = self._plans.lookup(content.revision.digest if content.revision else run.metadata.uid, content.spec)
        if compiled.plan is None:
            raise InvalidInput("the Workflow is not valid", problems=compiled.problems)
        if not RunPhase(run.status.phase).finished and not run.status.steps:
            await self._check(content.spec, run)
        context = with_defaults(content.spec.inputs, run.spec.context)
        status = run.status.model_copy(update={"revision": content.revision})
        return compiled.plan, context, run.model_copy(update={"status": status})

    async def _check(self, spec: WorkflowSpec, run: WorkflowRun) -> None:
        problems = await self._engine.checker.context(spec.inputs, run.spec.context)
        if problems:
            raise InvalidInput("the context does not fit the Workflow's inputs", problems=problems)

    async def _fail_at_once(self, run: WorkflowRun, error: UserError) -> None:
        """A run that cannot start fails before anything of it exists; one that has started is left as it is."""
        if RunPhase(run.status.phase).finished:
            return
        if run.status.steps:
            # It ran already, so its content is good: this installation lacks something, such as a runtime's image.
            raise Unavailable(f"run {run.metadata.name} cannot go on for now: {error}") from error
        code = _code_of(error)
        now = self._engine.clock.now()
        status = WorkflowRunStatus(
            phase=str(RunPhase.FAILED),
            error=ErrorStatus(code=code, reason=str(error)[:4096]),
            started_at=now,
            finished_at=now,
        )
        await self._save(run, status)
        self._engine.events.emit(run, "RunFailed", f"The run cannot start: {error}", warning=True)

    async def _gather(self, run: WorkflowRun, context: Mapping[str, object], earlier: RunState | None) -> Facts:
        return Facts(
            run=replace(origin(run), context=MappingProxyType(dict(context))),
            cancel=run.spec.cancel,
            suspend=run.spec.suspend,
            earlier=earlier,
            no_cache=run.spec.no_cache,
            attempts=await self._engine.runner.observe(run),
            gates=await self._engine.gates.observe(run),
            self_approval=self._self_approval,
            twin=self._neighbours.keys.first(run),
        )

    async def _settle(self, work: _Pass) -> datetime | None:
        """Decide, write, act; once more where a runner refused to start something."""
        while True:
            decided = await self._decide(work)
            run, due = await self._write(work, decided)
            if run is work.run and any(isinstance(command, StartAttempt) for command in decided.commands):
                await self._confirm(run)
            refused = await self._act(run, decided.commands)
            if not refused:
                lives = any(not fact.ended for fact in work.facts.attempts.values())
                turn = self._neighbours.let_go(run, lives=lives, now=self._engine.clock.now())
                return min((when for when in (decided.wake_at, due, turn) if when is not None), default=None)
            facts = replace(work.facts, attempts=MappingProxyType({**work.facts.attempts, **refused}))
            work = _Pass(run, work.plan, decided.state, facts)

    async def _decide(self, work: _Pass) -> Decided:
        facts = work.facts
        for _ in range(MAX_ROUNDS):
            decided = decide(work.plan, work.before, facts, self._engine.clock.now())
            if not decided.questions:
                return decided
            for question in decided.questions:
                facts = await self._answered(work.run, facts, question)
        raise BugError(f"the questions about run {work.run.metadata.name} do not settle")

    async def _answered(self, run: WorkflowRun, facts: Facts, question: Question) -> Facts:
        """The facts with the answer to one question among them."""
        match question:
            case Evaluate(step, field, expression, scope, template):
                if field == item_lists.FIELD:
                    value = await self._lists.answer(run.metadata.uid, question)
                else:
                    value = await self._engine.evaluator.evaluate(expression, scope, template=template)
                return replace(facts, values=MappingProxyType({**facts.values, (step, field): value}))
            case Fill(step, field, data, scope):
                value = await fill(self._engine.evaluator, data, scope)
                return replace(facts, values=MappingProxyType({**facts.values, (step, field): value}))
            case FindRevision(step, field, workflow):
                value = await self._current_revision(run, workflow)
                return replace(facts, values=MappingProxyType({**facts.values, (step, field): value}))
            case FindConnection(step, field, name):
                value = await self._connection(run, name)
                return replace(facts, values=MappingProxyType({**facts.values, (step, field): value}))
            case FindCached(digest=digest):
                found = await find_cached(self._engine.ledger, self._engine.outputs, run, question)
                return replace(facts, cached=MappingProxyType({**facts.cached, digest: found}))
            case AskTurn(key, limit, name_older):
                return replace(facts, turn=self._neighbours.turns.ask(run, key, limit, name_older=name_older))
            case CheckOutput(schema, output):
                problems = await self._engine.checker.output(schema, output)
                return replace(facts, misfits=tuple(map(str, problems)))
            case StoreOutput() | LoadOutput():
                return await self._about_kept(run, facts, question)

    async def _about_kept(self, run: WorkflowRun, facts: Facts, question: StoreOutput | LoadOutput) -> Facts:
        """The facts with what came of keeping an output beside the run, or of reading one."""
        ref = question.ref
        if isinstance(question, StoreOutput):
            try:
                await self._engine.outputs.store(run, question)
                answer = Stored()
            except UserError as error:
                answer = Stored(str(error))
            return replace(facts, stored=MappingProxyType({**facts.stored, ref.name: answer}))
        try:
            loaded = Value(await self._engine.outputs.load(run, ref))
        except OutputLost as error:
            loaded = Value(error=str(error))
        return replace(facts, loaded=MappingProxyType({**facts.loaded, ref.name: loaded}))

    async def _current_revision(self, run: WorkflowRun, workflow: str) -> Value:
        try:
            content = await self._engine.revisions.current(Key(run.metadata.namespace, workflow))
        except UserError as error:
            return Value(error=str(error))
        return Value(content.revision.name if content.revision else None)

    async def _connection(self, run: WorkflowRun, name: str) -> Value:
        try:
            connection = await self._engine.connections.find(Key(run.metadata.namespace, name))
        except UserError as error:
            return Value(error=str(error))
        return Value(resolved(connection)) if connection is not None else Value(error=no_connection(name))

    async def _write(self, work: _Pass, decided: Decided) -> tuple[WorkflowRun, datetime | None]:
        """Write the status if it is worth it; the run as it stands then, and when a soft change is due."""
        kind = change(work.before, decided.state)
        if kind is Change.NONE:
            return work.run, None
        if kind is Change.SOFT:
            due = self._soft_due(work.run, decided.state)
            if due > self._engine.clock.now():
                return work.run, due
        status = run_status(decided.state, work.plan, work.run.status.revision)
        run = await self._save(work.run, status)
        self._note_write(run, decided.state)
        for happening in happenings(work.before, decided.state):
            self._engine.events.emit(run, happening.reason, happening.message, warning=happening.warning)
        return run, None

    async def _confirm(self, run: WorkflowRun) -> None:
        """What starts was written down in an earlier pass, maybe by another process, and the copy may be old.

        One of a run that was deleted meanwhile, and its Job with it, would have the Job made a second time.
        """
        try:
            await self._engine.ledger.confirm(run)
        except NotFound as error:
            raise _RunGone from error

    async def _save(self, run: WorkflowRun, status: WorkflowRunStatus) -> WorkflowRun:
        try:
            saved = await self._engine.ledger.save_status(run, status)
        except NotFound as error:
            raise _RunGone from error
        self._neighbours.notice(saved)
        return saved

    def _soft_due(self, run: WorkflowRun, state: RunState) -> datetime:
        moments = [step.started_at for step in state.steps.values() if step.phase.alive and step.started_at]
        written = self._written.get(run.metadata.uid)
        if written is not None:
            moments.append(written)
        return max(moments, default=run.metadata.creation_timestamp or self._engine.clock.now()) + SOFT_WRITE_EVERY

    def _note_write(self, run: WorkflowRun, state: RunState) -> None:
        if state.phase.finished:
            self._written.pop(run.metadata.uid, None)
            self._lists.forget(run.metadata.uid)
        else:
            self._written[run.metadata.uid] = self._engine.clock.now()

    async def _act(self, run: WorkflowRun, commands: tuple[Command, ...]) -> dict[AttemptId, AttemptFact]:
        """Carry the commands out side by side; what a runner refused comes back as failed attempts."""
        answers = await asyncio.gather(*(self._perform(run, command) for command in commands))
        return {at: fact for answer in answers if answer for at, fact in (answer,)}

    async def _perform(self, run: WorkflowRun, command: Command) -> tuple[AttemptId, AttemptFact] | None:
        match command:
            case StartAttempt():
                try:
                    await self._engine.runner.start(run, command)
                except UserError as error:
                    failure = Failure(FailureCode.REFUSED, f"the step may not run: {error}", command.id.step)
                    fact = AttemptFact(AttemptPhase.FAILED, command.digest, failure=failure)
                    return command.id, fact
            case StopAttempt():
                await self._engine.runner.stop(run, command)
            case CancelRun():
                await self._cancel(Key(run.metadata.namespace, command.name), command.reason)
            case AskGate():
                await self._engine.gates.ask(run, command)
            case SettleGate():
                await self._engine.gates.settle(run, command)
            case _:
                pass  # questions were answered before, WakeAt is the return value
        return None

    async def _cancel(self, key: Key, reason: str) -> None:
        cancelled = await self._engine.ledger.request_cancel(key)
        if cancelled is not None:
            self._engine.events.emit(cancelled, "CancelRequested", f"The run is cancelled: {reason}", warning=True)


def _code_of(error: UserError) -> FailureCode:
    """Why a run could not start."""
    if isinstance(error, NotFound):
        return FailureCode.WORKFLOW_NOT_FOUND
    return FailureCode.INVALID_INPUT if isinstance(error, InvalidInput) else FailureCode.REFUSED
