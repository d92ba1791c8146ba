"""What goes wrong, and when: a schedule made of a seed, which can be written down and played again."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What happens to the request that a fault meets."""

    REFUSED_409 = "409"
    REFUSED_429 = "429"
    REFUSED_500 = "500"
    REFUSED_503 = "503"
    DROPPED = "dropped"
    """The connection breaks, and nothing was done."""
    LOST_ANSWER = "lost-answer"
    """It is carried out, and the connection breaks."""
    FAILED_AFTER = "500-after-commit"
    """It is carried out, and the answer is an error."""
    DELAYED = "delayed"
    """It is carried out late."""
    LATE_ANSWER = "late-answer"
    """It is carried out, and the answer comes late."""
    TWICE = "twice"
    """It arrives twice."""
    CUT = "cut-streams"
    """All watches and followed logs break off, in the middle of whatever they say."""
    FORGOTTEN = "410"
    """All watches end, and the server no longer knows where they were."""
    KILLED_BEFORE = "killed-before"
    """Whoever sent it dies, and it never arrives."""
    KILLED_AFTER = "killed-after"
    """It is carried out, and whoever sent it dies before the answer."""
    STOPPED = "stopped"
    """It is carried out, and whoever sent it is stopped (SIGSTOP) and wakes much later."""


WEIGHTS: dict[Kind, int] = {
    Kind.REFUSED_409: 4,
    Kind.REFUSED_429: 4,
    Kind.REFUSED_500: 4,
    Kind.REFUSED_503: 4,
    Kind.DROPPED: 6,
    Kind.LOST_ANSWER: 10,
    Kind.FAILED_AFTER: 8,
    Kind.DELAYED: 6,
    Kind.LATE_ANSWER: 6,
    Kind.TWICE: 6,
    Kind.CUT: 5,
    Kind.FORGOTTEN: 4,
    Kind.KILLED_BEFORE: 4,
    Kind.KILLED_AFTER: 6,
    Kind.STOPPED: 4,
}
"""How often each comes, beside the others."""
_SPANS = {Kind.DELAYED: 20.0, Kind.LATE_ANSWER: 40.0, Kind.STOPPED: 90.0}
"""Seconds at most."""
_TAKEN_OVER = 13.0
"""Seconds after which another replica leads."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that goes wrong."""

    at: int
    """Number of the request of an operator, from 1; kept-warm connections and Events are not counted."""
    kind: Kind
    seconds: float = 0.0
    """How long, where that says something."""

    def __str__(self) -> str:
        return f"{self.at}:{self.kind}" + (f":{self.seconds:g}" if self.seconds else "")


def draw(roll: random.Random) -> tuple[Fault, ...]:
    """A schedule."""
    faults = {}
    for _ in range(roll.choice((0, 1, 2, 3, 5, 8, 13, 21, 34))):
        kind = _kind(roll)
        at = roll.randint(1, roll.choice((30, 80, 200)))
        faults[at] = Fault(at, kind, _seconds(roll, kind))
    return tuple(sorted(faults.values()))


def stops(roll: random.Random, *, deaf: bool) -> tuple[Fault, ...]:
    """A schedule of leaders that are stopped for so long that another takes over; those who are deaf often do not hear
    of what happened meanwhile when they wake.
    """
    faults = {}
    for _ in range(roll.choice((8, 16, 32))):
        at = roll.randint(1, 150)
        faults[at] = Fault(at, Kind.STOPPED, round(roll.uniform(_TAKEN_OVER, 60.0), 1))
        if deaf and roll.random() < 0.5:
            kind = roll.choice((Kind.CUT, Kind.FORGOTTEN, Kind.DELAYED))
            faults[at + 1] = Fault(at + 1, kind, _seconds(roll, kind))
    return tuple(sorted(faults.values()))


def one(roll: random.Random, at: int) -> Fault:
    """A fault that meets the request of this number."""
    kind = _kind(roll)
    return Fault(at, kind, _seconds(roll, kind))


def _kind(roll: random.Random) -> Kind:
    return roll.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]


def _seconds(roll: random.Random, kind: Kind) -> float:
    return round(roll.uniform(0.1, _SPANS[kind]), 1) if kind in _SPANS else 0.0


def write(faults: Iterable[Fault]) -> str:
    """As text."""
    return ",".join(map(str, faults))


def read(text: str) -> tuple[Fault, ...]:
    """From such a text."""
    found = []
    for part in filter(None, text.split(",")):
        at, kind, *span = part.split(":")
        found.append(Fault(int(at), Kind(kind), float(span[0]) if span else 0.0))
    return tuple(found)
