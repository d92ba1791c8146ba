"""The scenarios of the plays with programs that a container can run, at a pace at which real time goes by."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.chaos.faults import Fault
from tests.chaos.history import Program, Started
from tests.chaos.scenario import Asked, Ballot, Scenario, ballots

PACE = 0.3
"""Real seconds for each second of a play in memory."""
EXPIRES = 30
"""Seconds after which a request lapses; votes are cast well before or well after."""
_ATTEMPTS = 5
_FATES = {"good": 80, "bad": 8, "killed": 4, "gone": 4, "slow": 4}
_VOTES = {0.2: 0.2, 3.0: 1.0, 30.0: 8.0, 118.0: 20.0, 125.0: EXPIRES + 6.0}
"""Seconds after the question: of a play in memory, here."""
_HARDLY_ANY_TIME = (0.0, 0.2, 1.0, 4.0)


@dataclass(frozen=True, slots=True)
class Fate:
    """What the program of one attempt comes to."""

    kind: str
    lasts: float
    """Seconds."""


def fate(seed: str, step: str, attempt: int) -> Fate:
    """The same for the same attempt of the same step, whichever faults there are."""
    roll = random.Random(f"{seed}/fate/{step}/{attempt}")
    kind = roll.choices(list(_FATES), weights=list(_FATES.values()))[0]
    lasts = roll.choice(_HARDLY_ANY_TIME) + {"slow": 8.0, "gone": 6.0}.get(kind, 0.0)
    return Fate(kind, lasts)


def script(seed: str, step: str) -> str:
    """A bash program that comes to it."""
    lines = ['case "$PENSTOCK_ATTEMPT" in']
    for attempt in range(1, _ATTEMPTS + 1):
        found = fate(seed, step, attempt)
        said = json.dumps({"step": step, "attempt": attempt})
        end = {"bad": "fail OUT_OF_STOCK 'there is none left'", "killed": "kill -9 $$"}.get(
            found.kind, f"output '{said}'"
        )
        lines.append(f"{attempt}) sleep {found.lasts:g}; {end} ;;")
    return "\n".join([*lines, "esac"])


def program(seed: str, job: str, attempt: Started, phase: str) -> Program | None:
    """What a pod's program came to, where it ended by itself; None where it was ended, or where that cannot be told."""
    kind = fate(seed, attempt.step, attempt.attempt).kind
    if kind in ("bad", "killed"):
        return Program(job, recorded=True, code="OUT_OF_STOCK") if phase == "Failed" else None
    output = {"step": attempt.step, "attempt": attempt.attempt}
    return Program(job, recorded=True, output=output) if phase == "Succeeded" else None


def staged(scenario: Scenario, seed: str) -> Scenario:
    """A scenario of a play in memory with real programs, at a real pace."""
    workflows = tuple(workflow(each, seed) for each in scenario.workflows)
    return replace(scenario, workflows=workflows, runs=tuple(asked(each, each.at * PACE) for each in scenario.runs))


def votes(seed: str, step: str, asked: int) -> tuple[Ballot, ...]:
    """As in memory, at a real pace."""
    return tuple(replace(each, after=_VOTES[each.after]) for each in ballots(seed, step, asked))


def paced(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults that last as long in the eyes of whoever meets them."""
    return tuple(replace(each, seconds=round(each.seconds * PACE, 1)) for each in faults)


def workflow(found: dict[str, Any], seed: str) -> dict[str, Any]:
    """With programs that come to what they are fated to."""
    made = copy.deepcopy(found)
    made["metadata"].pop("namespace", None)
    for step in (*made["spec"]["steps"], *made["spec"].get("finally", ())):
        if "script" in step:
            step["script"]["source"] = script(seed, step["name"])
        if "retry" in step:
            step["retry"]["backoff"] = {"initial": "1s"}
        for gate in (step.get("approval"), step.get("requiresApproval")):
            if gate:
                gate["expiresAfter"] = f"{EXPIRES}s"
    return made


def asked(found: Asked, at: float) -> Asked:
    """Asked for at this time, and what follows at a real pace after it."""
    body = copy.deepcopy(found.body)
    body["metadata"].pop("namespace", None)
    body["spec"].pop("requestedBy", None)

    def then(moment: float) -> float:
        return at + (moment - found.at) * PACE

    return Asked(
        at=at,
        name=found.name,
        body=body,
        cancel_at=None if found.cancel_at is None else then(found.cancel_at),
        hold=None if found.hold is None else (then(found.hold[0]), then(found.hold[1])),
        delete_at=None if found.delete_at is None else then(found.delete_at),
    )
