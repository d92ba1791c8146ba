"""What attempts printed: places in it, pieces of it, and how to get them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import AttemptId
from penstock.errors import InvalidInput

_CURSOR = re.compile(r"(?P<attempt>\d{1,9})(?:-(?P<batch>\d{1,9}))?:(?P<offset>\d{1,15})(?:@(?P<mark>[0-9a-f]{8}))?")


@dataclass(frozen=True, slots=True)
class LogCursor:
    """A place in what a step printed: after so many bytes of one of its attempts.

    It holds across reconnects, restarts of the operator, and the end of the pod: what is kept of a log then counts the
    same bytes.
    """

    attempt: int
    offset: int = 0
    """Bytes of the attempt's output, without the harness's records."""
    batch: int | None = None
    mark: str = ""
    """Which log file the bytes are counted in, where the node has more than one: see `LogPiece.missing`."""

    def __str__(self) -> str:
        """`ATTEMPT:OFFSET`, with `-BATCH` behind the attempt and `@MARK` at the end where there are any."""
        batch = f"-{self.batch}" if self.batch is not None else ""
        return f"{self.attempt}{batch}:{self.offset}{f'@{self.mark}' if self.mark else ''}"

    @classmethod
    def parse(cls, text: str) -> LogCursor:
        """The cursor that was written as this text. Raises InvalidInput."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            hint = "Give the cursor as the last answer gave it, or none to read from the beginning."
            raise InvalidInput(f"`{text[:80]}` is not a cursor", hint=hint)
        batch = found["batch"]
        return cls(int(found["attempt"]), int(found["offset"]), int(batch) if batch else None, found["mark"] or "")


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some of what an attempt printed, as it printed it."""

    data: bytes
    cursor: LogCursor
    """The place after it."""
    missing: int | None = 0
    """Bytes right before it that are gone: with their pod, where only the end of a log is kept. None where a node
    began a new log file and nobody knows how many bytes stood between the cursor and this one."""


class Logs(Protocol):
    """What steps printed."""

    def read(
        self, run: WorkflowRun, attempt: AttemptId, *, after: LogCursor | None = None, follow: bool = False
    ) -> AsyncIterator[LogPiece]:
        """What an attempt printed, or printed after a cursor, in pieces; without result and progress records.

        With `follow` it waits for the attempt's start and goes on until its end, through lost connections. Raises
        NotFound where there is no such attempt (without `follow`) or nothing of its log is left, Forbidden,
        Unavailable (without `follow`).
        """
