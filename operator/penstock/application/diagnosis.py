"""What a look at an installation finds: one sentence for each thing, and what to do where it is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"
    """It works, and something of what is promised is missing or was not looked at."""
    FAIL = "fail"
    """Runs do not work, or what guards them is not in force."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    """Two or three words."""
    level: Level
    message: str
    """How it is, as a sentence."""
    advice: str = ""
    """What to do; empty exactly where it is ok."""


def ok(what: str, message: str) -> Finding:
    """As it should be."""
    return Finding(what, Level.OK, message)


def warn(what: str, message: str, advice: str) -> Finding:
    """Not as it could be."""
    return Finding(what, Level.WARN, message, advice)


def fail(what: str, message: str, advice: str) -> Finding:
    """Not as it must be."""
    return Finding(what, Level.FAIL, message, advice)


def in_need(findings: Iterable[Finding]) -> bool:
    """Whether something has to be done."""
    return any(finding.level is Level.FAIL for finding in findings)
