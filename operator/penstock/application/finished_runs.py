"""The finished runs of one Workflow, in the order of their end, and when each of them is to go. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import NamedTuple

from penstock.api.v1alpha1.checks_retention import SHORTEST
from penstock.application.retention import Policy
from penstock.ports.access import Key


class FinishedRun(NamedTuple):
    """One of them, in the order of its end."""

    finished: datetime
    uid: str
    key: Key
    succeeded: bool


class FinishedRuns:
    """Those of one Workflow. However many there are, the next one to go is found without looking at the others."""

    def __init__(self) -> None:
        self._succeeded: list[FinishedRun] = []
        self._others: list[FinishedRun] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._succeeded) + len(self._others)

    def add(self, run: FinishedRun) -> None:
        """Take in one that is not there yet."""
        insort(self._like(run), run)

    def remove(self, run: FinishedRun) -> None:
        """Forget one that is there."""
        like = self._like(run)
        del like[bisect_left(like, run)]

    def newest(self) -> FinishedRun:
        """The last one that ended, where there is any."""
        return max(like[-1] for like in (self._succeeded, self._others) if like)

    def due(self, policy: Policy) -> Iterator[tuple[datetime, FinishedRun]]:
        """When each is to go, the first to go first; what never goes is left out. One may come twice."""
        return merge(
            _after(self._succeeded, policy.succeeded),
            _after(self._others, policy.failed),
            _after(self._surplus(policy.keep), SHORTEST),
        )

    def _surplus(self, keep: int | None) -> Iterator[FinishedRun]:
        """The oldest, so many that no more than `keep` would be left."""
        return islice(merge(self._succeeded, self._others), 0 if keep is None else max(0, len(self) - keep))

    def _like(self, run: FinishedRun) -> list[FinishedRun]:
        return self._succeeded if run.succeeded else self._others


def _after(runs: Iterable[FinishedRun], span: timedelta | None) -> Iterator[tuple[datetime, FinishedRun]]:
    if span is not None:
        for run in runs:
            yield run.finished + span, run
