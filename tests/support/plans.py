"""Short words for plans, facts and runs of the engine's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from penstock.engine.commands import AskGate, LoadOutput, Question, SettleGate, StartAttempt, StoreOutput
from penstock.engine.decide import Decided, decide
from penstock.engine.digests import digest
from penstock.engine.facts import (
    AttemptFact,
    AttemptPhase,
    CachedOutput,
    Decision,
    Facts,
    GateFact,
    ItemResult,
    Stored,
    Turn,
    Value,
    Verdict,
)
from penstock.engine.model import AttemptId, Failure, Gate, Origin, Plan, RunState, StepKind, StepPlan, Wait

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
RUN = Origin("shop", "order-1", "uid-1", "bob", "agent-7", MappingProxyType({"total": 700}))
GATE = Gate(users=("alice", "dan"), message="Release?")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def a_step(name: str, *needs: str, **fields: Any) -> StepPlan:
    fields.setdefault("program", MappingProxyType({"kind": "script", "runtime": "bash", "source": f"echo {name}"}))
    return StepPlan(name, StepKind.SCRIPT, needs=needs, **fields)


def a_gate(name: str, *needs: str, gate: Gate = GATE, **fields: Any) -> StepPlan:
    return StepPlan(name, StepKind.APPROVAL, needs=needs, gate=gate, **fields)


def a_child(name: str, *needs: str, **fields: Any) -> StepPlan:
    program = MappingProxyType({"kind": "workflow", "name": "inner", "context": {}})
    return StepPlan(name, StepKind.WORKFLOW, needs=needs, program=program, **fields)


def a_wait(name: str, *needs: str, final: bool = False, **fields: Any) -> StepPlan:
    """`duration` or `until`."""
    return StepPlan(name, StepKind.WAIT, needs=needs, final=final, wait=Wait(**fields))


def a_plan(*steps: StepPlan, **fields: Any) -> Plan:
    return Plan("sha256:plan", MappingProxyType({step.name: step for step in steps}), **fields)


class Story:
    """A run told event by event: every method adds a fact and lets the engine decide."""

    def __init__(self, plan: Plan, *, run: Origin = RUN, self_approval: bool = False) -> None:
        self.plan = plan
        self.run = run
        self.self_approval = self_approval
        self.state = RunState()
        self.now = NOON
        self.cancelled = False
        self.suspended = False
        self.earlier: RunState | None = None
        self.attempts: dict[AttemptId, AttemptFact] = {}
        self.gates: dict[str, GateFact] = {}
        self.values: dict[tuple[str, str], Value] = {}
        self.stored: dict[str, Stored] = {}
        self.misfits: tuple[str, ...] | None = None
        self.kept: dict[str, Any] = {}
        self.loaded: dict[str, Value] = {}
        self.lost: dict[str, str] = {}
        self.turn: Turn | None = None
        self.twin: str | None = None
        self.no_cache = False
        self.cached: dict[str, CachedOutput | None] = {}
        self.started: list[AttemptId] = []
        self.last = Decided(self.state, ())

    @property
    def facts(self) -> Facts:
        return Facts(
            run=self.run,
            cancel=self.cancelled,
            suspend=self.suspended,
            earlier=self.earlier,
            attempts=MappingProxyType(dict(self.attempts)),
            gates=MappingProxyType(dict(self.gates)),
            values=MappingProxyType(dict(self.values)),
            stored=MappingProxyType(dict(self.stored)),
            misfits=self.misfits,
            loaded=MappingProxyType(dict(self.loaded)),
            lost=MappingProxyType(dict(self.lost)),
            self_approval=self.self_approval,
            turn=self.turn,
            twin=self.twin,
            no_cache=self.no_cache,
            cached=MappingProxyType(dict(self.cached)),
        )

    def look(self) -> Decided:
        """One pass; outputs are kept, the runner creates what it is asked to, gates are asked and settled."""
        self.last = decide(self.plan, self.state, self.facts, self.now)
        while self._kept_or_read(self.last.questions):
            self.last = decide(self.plan, self.state, self.facts, self.now)
        if self.last.questions:
            return self.last
        self.state = self.last.state
        for command in self.last.commands:
            if isinstance(command, StartAttempt):
                self.started.append(command.id)
                uid = "-".join(str(part) for part in ("uid", *command.id) if part is not None)
                self.attempts[command.id] = AttemptFact(AttemptPhase.CREATED, command.digest, uid)
            if isinstance(command, AskGate):
                self.gates.setdefault(command.name, GateFact(command.name, command.digest))
            if isinstance(command, SettleGate) and command.name in self.gates:
                self.gates[command.name] = replace(self.gates[command.name], open=False)
        return self.last

    def _kept_or_read(self, questions: tuple[Question, ...]) -> bool:
        """Answer the questions about outputs, if there are any."""
        for question in questions:
            if isinstance(question, StoreOutput):
                self.stored[question.ref.name] = Stored()
                self.kept[question.ref.name] = question.value
            elif isinstance(question, LoadOutput):
                self.loaded[question.ref.name] = Value(self.kept[question.ref.name])
        return any(isinstance(question, StoreOutput | LoadOutput) for question in questions)

    def end(self, step: str, output: Any = None, *, code: str | None = None) -> Decided:
        """The newest attempt of a step ends with an output or with a failure."""
        state = self.state.step(step)
        failure = Failure(code, "it broke") if code else None
        phase = AttemptPhase.FAILED if code else AttemptPhase.SUCCEEDED
        fact = AttemptFact(phase, state.digest or "", f"uid-{step}-{state.attempt}", output=output, failure=failure)
        self.attempts[AttemptId(step, state.attempt)] = fact
        return self.look()

    def end_batch(
        self, step: str, batch: int, *results: ItemResult, code: str | None = None, begun: int | None = None
    ) -> Decided:
        """The newest attempt of a batch ends; with a code it failed as a whole."""
        items = self.state.step(step).items
        assert items is not None
        state = items.active[batch]
        at = AttemptId(step, state.attempt, batch)
        phase = AttemptPhase.FAILED if code else AttemptPhase.SUCCEEDED
        failure = Failure(code, "it broke") if code else None
        self.attempts[at] = AttemptFact(
            phase, state.digest or "", self.attempts[at].uid, failure=failure, items=results, items_begun=begun
        )
        return self.look()

    def fan_out(self, step: str, items: list[Any]) -> Decided:
        """The list of a fanned-out step is known."""
        self.values[step, "forEach"] = Value(items, digest=digest("items", items))
        return self.look()

    def vote(self, step: str, by: str, verdict: Verdict = Verdict.APPROVE, **fields: Any) -> Decided:
        """Somebody decides on the gate of a step."""
        self.add_vote(step, by, verdict, **fields)
        return self.look()

    def add_vote(self, step: str, by: str, verdict: Verdict, **fields: Any) -> None:
        """Somebody has decided on the gate of a step, and nobody has looked since."""
        gate = self.state.step(step).gate
        assert gate is not None
        known = self.gates.get(gate.name, GateFact(gate.name, gate.digest))
        vote = Decision(by, verdict, fields.pop("digest", gate.digest), **fields)
        self.gates[gate.name] = GateFact(gate.name, gate.digest, (*known.decisions, vote), open=known.open)

    def later(self, span: timedelta) -> Decided:
        self.now += span
        return self.look()

    def cancel(self) -> Decided:
        self.cancelled = True
        return self.look()

    def suspend(self, suspend: bool = True) -> Decided:
        self.suspended = suspend
        return self.look()

    def evaluate(self, step: str, field: str, value: Any = None, error: str | None = None) -> Decided:
        self.values[step, field] = Value(value, error)
        return self.look()

    def phases(self) -> dict[str, str]:
        return {name: str(state.phase) for name, state in self.state.steps.items()}
