"""Every error Penstock raises on purpose, split by who must act. Imports nothing, knows no framework.

PenstockError
├── UserError            the person who wrote or sent something must change it
│   ├── InvalidInput     a field is wrong; `problems` lists all of them
│   ├── NotFound         no such object
│   ├── AlreadyExists    an object of that name is there
│   ├── Forbidden        this identity may not do that
│   │   └── QuotaExceeded    not now: a quota is used up
│   ├── NotPossible      the object's state does not allow it (cancel a finished run)
│   └── OutputLost       an output is not there any more, or not as it was
├── TransientError       nobody must act; the same call may succeed later
│   ├── Conflict         somebody wrote first; read again
│   └── Unavailable      the other side does not answer
└── BugError             we must act
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what somebody wrote."""

    path: str
    """Where: a dotted path such as `spec.steps[2].needs[0]`."""
    message: str
    """What is wrong, as a plain sentence."""
    fix: str = ""
    """What to write instead."""
    line: int | None = None
    """1-based line in the file, where it is known."""

    def __str__(self) -> str:
        """One line: where, what, and the fix."""
        where = f"line {self.line}: {self.path}" if self.line else self.path
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} Fix: {self.fix}" if self.fix else text


class PenstockError(Exception):
    """Something went wrong in Penstock."""

    code = "ERROR"
    """Stable code that agents and scripts can match on."""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.hint = hint
        """What to do next, as a sentence; empty where nothing is known."""


class UserError(PenstockError):
    """What was asked for cannot be done as written."""

    code = "USER_ERROR"


class InvalidInput(UserError):
    """The input is not valid."""

    code = "INVALID_INPUT"

    def __init__(self, message: str = "", *, problems: tuple[Problem, ...] = (), hint: str = "") -> None:
        lines = "\n".join(f"- {problem}" for problem in problems)
        super().__init__(f"{message}\n{lines}" if lines else message, hint=hint)
        self.problems = problems


class NotFound(UserError):
    """There is no such object."""

    code = "NOT_FOUND"


class AlreadyExists(UserError):
    """An object of that name exists already."""

    code = "ALREADY_EXISTS"


class Forbidden(UserError):
    """You are not allowed to do that."""

    code = "FORBIDDEN"


class QuotaExceeded(Forbidden):
    """A quota of the namespace is used up; there is room again when something else ends."""

    code = "QUOTA_EXCEEDED"


class NotPossible(UserError):
    """The object's state does not allow that."""

    code = "NOT_POSSIBLE"


class OutputLost(UserError):
    """An output that a run refers to is not there any more, or not as it was."""

    code = "OUTPUT_LOST"


class TransientError(PenstockError):
    """A passing failure; the same call may succeed later."""

    code = "TRANSIENT"

    def __init__(self, message: str = "", *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        """Seconds to wait before the next try, where the other side said so."""


class Conflict(TransientError):
    """Somebody else wrote first; read again and decide anew."""

    code = "CONFLICT"


class Unavailable(TransientError):
    """The other side does not answer."""

    code = "UNAVAILABLE"


class BugError(PenstockError):
    """Penstock itself is wrong; please report it."""

    code = "BUG"
