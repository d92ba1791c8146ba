"""What came of a play, and what is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.faults import Fault, Kind
from tests.chaos.history import History


@dataclass(frozen=True, slots=True)
class Score:
    """What a play came to, in figures."""

    seed: int
    faults: tuple[Fault, ...]
    injected: Counter[Kind]
    violations: list[tuple[str, str]]
    requests: int
    """Of operators."""


@dataclass(frozen=True, slots=True)
class Outcome(Score):
    """The same, with everything that happened."""

    history: History
    logs: str = ""
    """What the operators printed last, where they are processes of their own."""


@dataclass(frozen=True, slots=True)
class Played(Score):
    """What is left of a play: of a thousand, everything that happened would be too much."""

    changes: int
    story: str = ""

    @classmethod
    def of(cls, found: Outcome, story: str = "") -> Played:
        """Of this one."""
        changes = len(found.history.changes)
        return cls(found.seed, found.faults, found.injected, found.violations, found.requests, changes, story)


def sum_up(played: Sequence[Played], seconds: float) -> bool:
    """Print how much was played, what was injected, and how many violations there were; whether there were any."""
    injected: Counter[Kind] = Counter()
    for each in played:
        injected += each.injected
    requests, changes = sum(each.requests for each in played), sum(each.changes for each in played)
    print(f"{len(played)} schedules in {seconds:.0f} s: {requests} requests of operators, {changes} changes")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(injected.items()))
    print(f"{injected.total()} faults: {kinds or 'none'}")
    violations, bad = sum(len(each.violations) for each in played), sum(bool(each.violations) for each in played)
    print(f"violations: {violations}" + (f" in {bad} schedules" if bad else ""))
    return bool(bad)


def tell(history: History) -> str:
    """Every change, one a line."""
    lines = []
    for change in history.changes:
        status = change.object.get("status", {})
        steps = {name: f"{step['phase']} {step.get('attempt', 0)}" for name, step in status.get("steps", {}).items()}
        phase = status.get("phase") or [each["type"] for each in status.get("conditions", ())]
        name = change.object["metadata"]["name"]
        lines.append(
            f"{change.at:8.2f} {change.who:14} {change.kind:8} {change.plural:19} {name} {phase} {steps or ''}\n"
        )
    return "".join(lines)
