"""The value that is handed from rule to rule: a state in the making and the commands so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from penstock.engine.commands import Command, Evaluate, Fill, WakeAt
from penstock.engine.facts import Facts, Value
from penstock.engine.model import UNTOUCHED, Failure, Plan, RunPhase, RunState, StepPlan, StepState
from penstock.engine.scope import expression_scope
from penstock.engine.transitions import check_run_move, check_step_move

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known, what was decided so far. Rules return a new one."""

    plan: Plan
    state: RunState
    facts: Facts
    now: datetime
    commands: tuple[Command, ...] = ()
    halted: bool = False
    """The rules that are left have no say in this pass."""

    def step(self, name: str) -> StepState:
        """The state of a step as decided so far."""
        # Not through the state's own method: a decision asks this thousands of times.
        return self.state.steps.get(name, UNTOUCHED)

    def with_step(self, name: str, **changes: Any) -> Draft:
        """The draft with fields of one step changed; an illegal move raises IllegalMove."""
        before = self.step(name)
        after = replace(before, **changes)
        check_step_move(name, before.phase, after.phase)
        # Not `{**steps, ...}`: from a mapping proxy that takes fifty times as long, for each change of a step.
        steps = MappingProxyType(self.state.steps | {name: after})
        return replace(self, state=replace(self.state, steps=steps))

    def with_run(self, **changes: Any) -> Draft:
        """The draft with fields of the run changed; an illegal move raises IllegalMove."""
        state = replace(self.state, **changes)
        check_run_move(self.state.phase, state.phase)
        return replace(self, state=state)

    @property
    def held(self) -> bool:
        """Nothing more may start for now."""
        return self.state.suspended

    def stopping(self, phase: RunPhase, failure: Failure | None) -> Draft:
        """The draft in which the run will end in `phase`; an earlier reason stays."""
        if self.state.stopping is not None:
            return self
        return self.with_run(stopping=phase, failure=self.state.failure or failure)

    def emit(self, *commands: Command) -> Draft:
        """The draft with further commands."""
        return replace(self, commands=(*self.commands, *commands))

    def halt(self) -> Draft:
        """The draft that no further rule looks at."""
        return replace(self, halted=True)

    def wake(self, when: datetime) -> Draft:
        """The draft that will be decided on again at `when`."""
        return self.emit(WakeAt(when))

    def value(self, step: str, field: str) -> Value | None:
        """What an expression came to; None while nobody has evaluated it."""
        return self.facts.values.get((step, field))

    def ask(self, step: StepPlan | None, field: str, expression: str, *, template: bool = False) -> Draft:
        """The draft that wants an expression evaluated."""
        name = step.name if step else ""
        scope = expression_scope(self.plan, self.state, self.facts.run, step)
        return self.emit(Evaluate(step=name, field=field, expression=expression, scope=scope, template=template))

    def fill(self, step: StepPlan, field: str, data: Any, more: Mapping[str, Any] = _NOTHING) -> Draft:
        """The draft that wants templates in JSON filled; they see `more` beside what all of the step's see."""
        scope = expression_scope(self.plan, self.state, self.facts.run, step)
        return self.emit(Fill(step.name, field, data, {**scope, **more}))


Rule = Callable[[Draft], Draft]
"""One named decision: looks at the draft, returns the draft with its say."""
