"""What expressions and programs may see: context, the steps before them, the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.engine.model import OnFailure, Origin, Plan, RunPhase, RunState, StepPhase, StepPlan


def visible_steps(plan: Plan, step: StepPlan | None) -> tuple[str, ...]:
    """Names of the steps whose outcome is fixed when `step` starts; all of them for the run itself.

    Only what is fixed may be seen, or the digest of an attempt would change while it runs.
    """
    return tuple(plan.steps) if step is None else plan.before[step.name]


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


def run_view(plan: Plan, state: RunState, run: Origin, step: StepPlan | None) -> dict[str, Any]:
    """The run as its programs see it. `phase` and `failedSteps` only for `finally`, where they are fixed."""
    view: dict[str, Any] = {"name": run.name, "namespace": run.namespace}
    if step is not None and step.final:
        view["phase"] = str(_phase_before_finally(plan, state))
        view["failedSteps"] = [other.name for other in plan.main if state.step(other.name).phase is StepPhase.FAILED]
    return view


def _phase_before_finally(plan: Plan, state: RunState) -> RunPhase:
    """How the run stood when all its other steps had ended; what stops it while `finally` runs comes too late."""
    states = [state.step(step.name).phase for step in plan.main]
    # A stop for want of an output leaves no step Cancelled where all had ended.
    if state.stopping is not None and (StepPhase.CANCELLED in states or state.stopping is RunPhase.FAILED):
        return state.stopping
    failed = zip(plan.main, states, strict=True)
    fatal = any(phase is StepPhase.FAILED and step.on_failure is OnFailure.FAIL for step, phase in failed)
    return RunPhase.FAILED if fatal else RunPhase.SUCCEEDED


def expression_scope(plan: Plan, state: RunState, run: Origin, step: StepPlan | None) -> Mapping[str, Any]:
    """The names that CEL sees: `context`, `steps`, `run`."""
    return {
        "context": dict(run.context),
        "steps": step_outputs(plan, state, step),
        "run": run_view(plan, state, run, step),
    }
