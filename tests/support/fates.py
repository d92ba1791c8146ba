"""What the world will do to a run, fixed before it begins: the input of both the simulated world and the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

STOP_TAKES = 3
"""Seconds from the request to stop an attempt until its process is gone."""
PULL_TAKES = 1
"""Seconds from the start of an attempt of a `container` step until its program begins."""


class Ending(StrEnum):
    """How an attempt goes if it is left alone."""

    GOOD = "good"
    BAD = "bad"
    """The program fails, and another attempt may help."""
    HOPELESS = "hopeless"
    """It may not run at all, and no other attempt can help."""
    LOST = "lost"
    """Its runner says that nobody knows what became of it."""
    GONE = "gone"
    """Its runner does not know it any more."""
    SILENT = "silent"
    """It lives and never comes to a result."""


CODES: Mapping[Ending, str] = {
    Ending.BAD: "OUT_OF_STOCK",
    Ending.HOPELESS: "REFUSED",
    Ending.LOST: "LOST",
    Ending.GONE: "LOST",
}
"""The failure code of each ending that is one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt goes."""

    seconds: int
    ending: Ending


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person says to one request."""

    seconds: int
    """After the request."""
    by: str
    verdict: str
    """approve or reject."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one step."""

    attempts: tuple[Attempt, ...] = ()
    """The first, and every retry that the step is allowed."""
    when: bool | None = True
    """What its `when` comes to, where it has one; None is an error."""
    until: int = 0
    """What its `wait.until` comes to: seconds since the run began."""
    votes: tuple[tuple[Vote, ...], ...] = ()
    """For each request of its gate."""
    cached: bool = False
    """An equal step of an earlier run has left its output."""


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of a run. All times are seconds since it began."""

    steps: Mapping[str, Fate] = field(default_factory=dict)
    cancel_at: float | None = None
    hold: tuple[float, float] | None = None
    """From when to when somebody holds the run."""
