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
        failed = [other for other in plan.main if state.step(other.name).phase is StepPhase.FAILED]
        fatal = any(other.on_failure is OnFailure.FAIL for other in failed)
        view["phase"] = str(state.stopping or (RunPhase.FAILED if fatal else RunPhase.SUCCEEDED))
        view["failedSteps"] = [other.name for other in failed]
    return view


def expression_scope(plan: Plan, state: RunState, run: Origin, step: StepPlan | None) -> Mapping[str, Any]:
    """The names that CEL sees: `context`, `steps`, `run`."""
    return {
        "context": dict(run.context),
        "steps": step_outputs(plan, state, step),
        "run": run_view(plan, state, run, step),
    }
