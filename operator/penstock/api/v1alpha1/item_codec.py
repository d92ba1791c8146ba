"""ItemsState <-> what a run's status says of a fanned-out step's items, and one line of it for people."""

from __future__ import annotations

from types import MappingProxyType

from penstock.api.v1alpha1.cutting import cut
from penstock.api.v1alpha1.items import MAX_ITEM_REASON, BatchStatus, ItemFailureStatus, ItemsStatus
from penstock.api.v1alpha1.output_reference import OutputReference
from penstock.engine.fan_out import BatchState, ItemFailure, ItemsState
from penstock.engine.indices import Indices
from penstock.engine.model import Failure, OutputRef, StepPhase

MAX_CODE = 128
MAX_SHOWN = 60
"""Characters of the numbers of those that failed, in a line for people."""


def items_state(status: ItemsStatus, step: str) -> ItemsState:
    """The state that a status says. Raises ValueError for what this version does not know."""
    return ItemsState(
        total=status.total,
        digest=status.digest,
        items_per_pod=status.items_per_pod,
        carried=Indices.parse(status.carried),
        succeeded=Indices.parse(status.succeeded),
        failed=Indices.parse(status.failed),
        next_batch=status.next_batch,
        active=MappingProxyType({int(number): _batch_state(batch) for number, batch in status.active.items()}),
        failures=tuple(ItemFailure(each.index, Failure(each.code, each.reason, step)) for each in status.failures),
        outputs=MappingProxyType({int(index): output for index, output in status.outputs.items()}),
        chunks=tuple(OutputRef(ref.name, ref.digest, ref.size) for ref in status.chunks),
    )


def items_status(state: ItemsState) -> ItemsStatus:
    """The status that says a state."""
    return ItemsStatus(
        total=state.total,
        progress=f"{len(state.ended)}/{state.total}",
        digest=state.digest,
        items_per_pod=state.items_per_pod,
        carried=state.carried.text(),
        succeeded=state.succeeded.text(),
        failed=state.failed.text(),
        next_batch=state.next_batch,
        active={str(number): _batch_status(batch) for number, batch in state.active.items()},
        failures=tuple(_failure(each) for each in state.failures),
        outputs={str(index): output for index, output in state.outputs.items()},
        chunks=tuple(OutputReference(name=ref.name, digest=ref.digest, size=ref.size) for ref in state.chunks),
    )


def items_line(status: ItemsStatus) -> str:
    """How the items came out: `995/1000 items, 2 failed: 17,250`."""
    failed = len(Indices.parse(status.failed))
    which = f": {cut(status.failed, MAX_SHOWN)}" if not status.failed.startswith("bits") else ""
    carried = len(Indices.parse(status.carried))
    return (
        f"{status.progress} items"
        + (f", {carried} taken over" if carried else "")
        + (f", {failed} failed{which}" if failed else "")
    )


def _batch_state(status: BatchStatus) -> BatchState:
    return BatchState(
        phase=StepPhase(status.phase),
        attempt=status.attempt,
        digest=status.digest,
        uid=status.uid,
        started_at=status.started_at,
        retry_at=status.retry_at,
        round=status.round,
        reached=status.reached,
    )


def _batch_status(batch: BatchState) -> BatchStatus:
    return BatchStatus(
        phase=batch.phase,
        attempt=batch.attempt,
        digest=batch.digest,
        uid=batch.uid,
        started_at=batch.started_at,
        retry_at=batch.retry_at,
        round=batch.round,
        reached=batch.reached,
    )


def _failure(each: ItemFailure) -> ItemFailureStatus:
    code, reason = cut(each.failure.code, MAX_CODE), cut(each.failure.reason, MAX_ITEM_REASON)
    return ItemFailureStatus(index=each.index, code=code, reason=reason)
