"""Where the items of a fanned-out step stand, as a run's status says it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from penstock.api.v1alpha1.meta import ApiModel, FreeForm, Timestamp
from penstock.api.v1alpha1.output_reference import OutputReference
from penstock.engine.fan_out import MAX_ITEMS
from penstock.engine.indices import Indices
from penstock.engine.model import StepPhase

MAX_ITEM_REASON = 512
"""Characters of the reason why an item failed."""
MAX_ACTIVE = 512
"""Batches that have begun and not ended: twice the largest maxParallel."""


def known(phases: type[StrEnum]) -> Callable[[str], str]:
    """A status with a phase that does not exist was not written by us, and nobody can go on from there."""
    there = frozenset(phases)

    def check(phase: str) -> str:
        if phase not in there:
            raise ValueError(f"there is no phase {phase}")
        return phase

    return check


def _readable(numbers: str) -> str:
    Indices.parse(numbers)
    return numbers


Numbers = Annotated[str, Field(max_length=8400), AfterValidator(_readable)]
"""Item numbers, counted from 0: `0-41,43`, or `bits:` and base64 (bit n for item n) where they are too scattered."""


class BatchStatus(ApiModel):
    """A batch of items that has begun and not ended."""

    phase: Annotated[str, Field(max_length=32), AfterValidator(known(StepPhase))]
    """Starting, Running or Backoff."""
    attempt: Annotated[int, Field(ge=1)]
    """Number of its newest attempt."""
    digest: Annotated[str, Field(max_length=80)] | None = None
    """SHA-256 over all that the newest attempt runs."""
    uid: Annotated[str, Field(max_length=64)] | None = None
    """UID of the newest attempt's Job."""
    started_at: Timestamp | None = None
    """When the newest attempt started."""
    retry_at: Timestamp | None = None
    """When the next attempt may start."""
    round: int = 1
    """Which try of its items this is."""
    reached: int = 0
    """Items before this one have had their try in this round."""


class ItemFailureStatus(ApiModel):
    """An item that failed for good."""

    index: int
    """Its number, from 0."""
    code: Annotated[str, Field(max_length=128)]
    """Stable, for programs to match on."""
    reason: Annotated[str, Field(max_length=MAX_ITEM_REASON)] = ""
    """What happened, as a sentence."""


class ItemsStatus(ApiModel):
    """The items of a fanned-out step."""

    total: Annotated[int, Field(ge=0, le=MAX_ITEMS)]
    """How many there are."""
    progress: Annotated[str, Field(max_length=32)] = ""
    """How many of all have ended, as `43/50`."""
    digest: Annotated[str, Field(max_length=80)]
    """SHA-256 over the list that the step began with."""
    items_per_pod: Annotated[int, Field(ge=1)] = 1
    """How many items a batch has; as the step says."""
    carried: Numbers = ""
    """Of the items that succeeded those that were taken over from the run that this one retries."""
    succeeded: Numbers = ""
    """The items that succeeded."""
    failed: Numbers = ""
    """The items that failed for good."""
    next_batch: Annotated[int, Field(ge=0, le=MAX_ITEMS)] = 0
    """Number of the first batch that has not begun."""
    active: Annotated[dict[Annotated[str, Field(max_length=8)], BatchStatus], Field(max_length=MAX_ACTIVE)] = Field(
        default_factory=dict
    )
    """The batches that have begun and not ended, by number. Batch n begins with item n * itemsPerPod."""
    failures: Annotated[tuple[ItemFailureStatus, ...], Field(max_length=20)] = ()
    """Why items failed: the first 20 that did."""
    outputs: FreeForm = Field(default_factory=dict)
    """Outputs of items, by number, until the step has its own: those that are not in chunks."""
    chunks: Annotated[tuple[OutputReference, ...], Field(max_length=1024)] = ()
    """Where further outputs are kept, as maps from item number to output."""

    @model_validator(mode="after")
    def _by_number(self) -> Self:
        strange = [key for key in (*self.active, *self.outputs) if not (key.isascii() and key.isdecimal())]
        if strange:
            raise ValueError(f"there is no item or batch {strange[0]!r}; they have numbers")
        return self
