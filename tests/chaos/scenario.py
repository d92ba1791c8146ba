"""What is played: Workflows, runs of them, and what people do meanwhile. Made of a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from penstock.api.v1alpha1.run import RequestedBy
from penstock.api.v1alpha1.workflow import (
    ApprovalStep,
    Approvers,
    Backoff,
    RequiresApproval,
    Retry,
    Step,
    Workflow,
    WorkflowStep,
)
from penstock.testing.builders import a_run, a_step, a_workflow

PEOPLE = ("alice", "dan")
REQUESTER = "bob"
_ROWS = ["red", "green", "blue", "white", "black"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that somebody asks for, and what he does with it later."""

    at: float
    """Seconds since the beginning, as all others here."""
    name: str
    body: dict[str, Any]
    cancel_at: float | None = None
    hold: tuple[float, float] | None = None
    """From when to when it is suspended."""
    delete_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's vote on a request."""

    after: float
    """Seconds after the question."""
    by: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """All of it."""

    workflows: tuple[dict[str, Any], ...]
    runs: tuple[Asked, ...]
    replicas: int


def draw(roll: random.Random) -> Scenario:
    """A scenario."""
    inner = a_workflow(*_steps(roll, "i", roll.randint(1, 2), plain=True), name="inner")
    workflows = [_workflow(roll, name) for name in ("orders", "reports")]
    runs = tuple(_asked(roll, f"run-{number}") for number in range(roll.randint(1, 4)))
    wires = tuple(each.to_wire() for each in (inner, *workflows))
    return Scenario(wires, runs, replicas=roll.choice((1, 1, 2)))


def impatient(roll: random.Random, scenario: Scenario, *, deletes: bool) -> Scenario:
    """The same by two replicas, with most of its runs cancelled, or with most of them deleted."""
    runs = tuple(_called_off(roll, each, deletes=deletes) for each in scenario.runs)
    return replace(scenario, runs=runs, replicas=2)


def _called_off(roll: random.Random, asked: Asked, *, deletes: bool) -> Asked:
    if roll.random() > 0.7:
        return asked
    when = asked.at + roll.uniform(0.0, 120.0)
    return replace(asked, delete_at=when) if deletes else replace(asked, cancel_at=when)


def inner(roll: random.Random) -> dict[str, Any]:
    """The Workflow that steps of others name."""
    made: dict[str, Any] = a_workflow(*_steps(roll, "i", 1, plain=True), name="inner").to_wire()
    return made


def small(roll: random.Random, name: str) -> dict[str, Any]:
    """A Workflow of one to three steps, for plays with many runs."""
    made: dict[str, Any] = a_workflow(*_steps(roll, f"{name}s", roll.choice((1, 2, 2, 3))), name=name).to_wire()
    return made


def asked(roll: random.Random, name: str, workflow: str, at: float) -> Asked:
    """A run of this Workflow at this time, and what is done with it."""
    body = a_run(
        workflow,
        name=name,
        context={"rows": _ROWS[: roll.randint(0, len(_ROWS))]},
        requested_by=RequestedBy(user=REQUESTER),
    ).to_wire()
    held_from = at + roll.uniform(0.0, 30.0)
    return Asked(
        at,
        name,
        body,
        cancel_at=at + roll.uniform(0.0, 60.0) if roll.random() < 0.2 else None,
        hold=(held_from, held_from + roll.uniform(1.0, 60.0)) if roll.random() < 0.15 else None,
        delete_at=at + roll.uniform(0.0, 90.0) if roll.random() < 0.1 else None,
    )


def ballots(seed: str, step: str, asked: int) -> tuple[Ballot, ...]:
    """What people say to the request of a step that was asked as the n-th one."""
    roll = random.Random(f"{seed}/votes/{step}/{asked}")
    return tuple(
        Ballot(roll.choice((0.2, 3.0, 30.0, 118.0, 125.0)), by, "reject" if roll.random() < 0.12 else "approve")
        for by in PEOPLE
        if roll.random() < 0.85
    )


def _workflow(roll: random.Random, name: str) -> Workflow:
    steps = _steps(roll, name[0], roll.randint(2, 6))
    fields: dict[str, Any] = {}
    if roll.random() < 0.3:
        fields["finally_"] = (a_step(f"{name[0]}_last"),)
    return a_workflow(*steps, name=name, **fields)


def _steps(roll: random.Random, letter: str, count: int, *, plain: bool = False) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number in range(count):
        needs = tuple(each.name for each in steps if roll.random() < 0.5)
        steps.append(_step(roll, f"{letter}{number}", needs, plain=plain))
    return tuple(steps)


def _step(roll: random.Random, name: str, needs: tuple[str, ...], *, plain: bool) -> Step:
    kind = "script" if plain else roll.choices(("script", "gate", "child", "items"), weights=(60, 14, 10, 16))[0]
    limit, wait = roll.choice((0, 1, 2, 3)), Backoff(initial=roll.choice(("1s", "10s")))
    retry = {"retry": Retry(limit=limit, backoff=wait)} if limit else {}
    if kind == "gate":
        gate = ApprovalStep(approvers=Approvers(users=PEOPLE), quorum=roll.choice((1, 2)), expires_after="120s")
        return Step(name=name, approval=gate, needs=needs)
    if kind == "child":
        return Step(name=name, workflow=WorkflowStep(name="inner", context={}), needs=needs, **retry)
    fields: dict[str, Any] = {"needs": needs, **retry}
    if roll.random() < 0.3:
        each = kind == "script" and roll.random() < 0.4
        fields["requires_approval"] = RequiresApproval(
            approvers=Approvers(users=PEOPLE), quorum=roll.choice((1, 2)), expires_after="120s", each_attempt=each
        )
    if kind == "items":
        fields |= {"for_each": "context.rows", "items_per_pod": roll.choice((1, 2, 3))}
    if roll.random() < 0.2:
        fields["timeout"] = "5m"
    return a_step(name, **fields)


def _asked(roll: random.Random, name: str) -> Asked:
    at = roll.uniform(0.0, 20.0)
    return asked(roll, name, roll.choice(("orders", "reports")), at)
