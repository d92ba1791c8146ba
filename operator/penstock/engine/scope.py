"""What expressions and programs may see: context, the steps before them, the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.engine.graph import ancestors
from penstock.engine.model import Origin, Plan, RunState, StepPhase, StepPlan


def visible_steps(plan: Plan, step: StepPlan | None) -> tuple[str, ...]:
    """Names of the steps whose outcome is fixed when `step` starts; all of them for `finally` and for the run."""
    if step is None or step.final:
        return tuple(name for name in plan.steps if step is None or name != step.name)
    before = ancestors({name: other.needs for name, other in plan.steps.items()}, step.name)
    return tuple(name for name in plan.steps if name in before)


def step_outputs(plan: Plan, state: RunState, step: StepPlan | None) -> dict[str, Any]:
    """`{name: {"output": ..., "phase": ...}}` of the steps that `step` may see."""
    seen: dict[str, Any] = {}
    for name in visible_steps(plan, step):
        other = state.step(name)
        entry: dict[str, Any] = {"phase": str(other.phase)}
        if other.output is not None:
            entry["output"] = other.output
        seen[name] = entry
    return seen


def run_view(state: RunState, run: Origin, step: StepPlan | None) -> dict[str, Any]:
    """The run as its programs see it. `phase` and `failedSteps` only for `finally`, where they are fixed."""
    view: dict[str, Any] = {"name": run.name, "namespace": run.namespace}
    if step is not None and step.final:
        view["phase"] = str(verdict_so_far(state))
        view["failedSteps"] = [name for name, other in state.steps.items() if other.phase is StepPhase.FAILED]
    return view


def verdict_so_far(state: RunState) -> str:
    """The phase that the run will end in if `finally` changes nothing."""
    if state.stopping is not None:
        return str(state.stopping)
    return "Failed" if state.failure is not None else "Succeeded"


def expression_scope(plan: Plan, state: RunState, run: Origin, step: StepPlan | None) -> Mapping[str, Any]:
    """The names that CEL sees: `context`, `steps`, `run`."""
    return {
        "context": dict(run.context),
        "steps": step_outputs(plan, state, step),
        "run": run_view(state, run, step),
    }
