"""A step that runs once for each item of a list: how it is planned, and where it stands.

Items run in **batches**: batch b covers `items_per_pod` neighbours, beginning with item b * items_per_pod. One Job an
attempt of a batch, which runs items one after the other. A batch goes through its items in **rounds**, each with those
that have not ended: every item has had its first try before any has its second. A pod that dies in the middle of a
round is followed by one that goes on behind the item that it died with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from penstock.engine.indices import Indices
from penstock.engine.model import Failure, OutputRef, StepPhase

MAX_ITEMS = 50_000
"""Items of one step."""
MAX_FAILURES = 20
"""Failures of items that a step remembers in words; of the others only the number is kept."""

Path = tuple[str | int, ...]
"""Where a value is: the names and places that lead to it."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """How a step is spread over a list."""

    over: str
    """CEL; gives the list."""
    sources: tuple[Path, ...] = ()
    """What `over` reads. The lists among it are left out of what a program is given: it gets its own item of them."""
    max_parallel: int = 20
    """Pods at the same time."""
    items_per_pod: int = 1
    tolerated: int = 0
    """Items that may fail for good; a percentage where `in_percent`."""
    in_percent: bool = False
    fail_fast: bool = True
    """Nothing more is started once more items have failed than are tolerated."""
    templates: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Fields of the program that depend on the item, as those of `StepPlan.templates`. Only where a pod runs one."""

    def allowed(self, total: int) -> int:
        """How many of `total` items may fail; percentages are rounded down."""
        return total * self.tolerated // 100 if self.in_percent else self.tolerated

    def batches(self, total: int) -> int:
        """How many batches `total` items make."""
        return -(-total // self.items_per_pod)

    def batch(self, number: int, total: int) -> tuple[int, int]:
        """The first item of a batch, and the one after its last."""
        first = number * self.items_per_pod
        return first, min(first + self.items_per_pod, total)


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch that has begun and not come to its end."""

    phase: StepPhase
    """Starting, Running or Backoff."""
    attempt: int
    """Number of its newest attempt."""
    digest: str | None = None
    """attemptDigest of the newest attempt; None while it backs off."""
    uid: str | None = None
    """What the runner calls the newest attempt. Joins the next write."""
    started_at: datetime | None = None
    retry_at: datetime | None = None
    round: int = 1
    """Which try of its items this is."""
    reached: int = 0
    """Items before this one have had their try in this round."""


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """An item that failed for good."""

    index: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class ItemsState:
    """Where the items of a step stand. What an attempt of a batch runs follows from what had ended when it began."""

    total: int
    digest: str
    """Of the whole list: what was begun with is what is gone on with."""
    items_per_pod: int = 1
    """As the step's; for readers, who know no plan."""
    carried: Indices = field(default_factory=Indices)
    """Of those that succeeded the ones that are taken over from the run that this one retries."""
    succeeded: Indices = field(default_factory=Indices)
    failed: Indices = field(default_factory=Indices)
    next_batch: int = 0
    active: Mapping[int, BatchState] = field(default_factory=lambda: MappingProxyType({}))
    """By number, those that have begun and not ended."""
    failures: tuple[ItemFailure, ...] = ()
    """The first that came to be known."""
    outputs: Mapping[int, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Of items that gave one, until the step has its own: those that are not kept beside the run object."""
    chunks: tuple[OutputRef, ...] = ()
    """Further ones, kept beside the run object: maps from item number, as text, to output."""

    @property
    def ended(self) -> Indices:
        """Items that nothing more will happen to."""
        return self.succeeded | self.failed

    def left(self, fan_out: FanOut, batch: int, reached: int = 0) -> Indices:
        """The items of a batch that have not ended, from `reached` on."""
        first, after = fan_out.batch(batch, self.total)
        first = max(first, reached)
        return Indices.span(first, after) - self.ended.within(first, after)

    def untouched(self, fan_out: FanOut, most: int) -> list[int]:
        """The next batches that have not begun and have something to do, so many at most."""
        numbers: list[int] = []
        left = Indices.span(self.next_batch * fan_out.items_per_pod, self.total) - self.ended
        while left and len(numbers) < most:
            numbers.append(left.first // fan_out.items_per_pod)
            left = left.within((numbers[-1] + 1) * fan_out.items_per_pod, self.total)
        return numbers

    def progress(self, live: int = 0) -> str:
        """How far it is, for people; `live` items have a result in attempts that have not ended."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{len(self.ended) + live}/{self.total} items{failed}"

    def given_up(self, fan_out: FanOut) -> bool:
        """So many items failed that no more are started."""
        return fan_out.fail_fast and len(self.failed) > fan_out.allowed(self.total)
