"""Items in a run's status: nothing is lost, and 50,000 of them have room."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from penstock.api.v1alpha1.codec import run_state, run_status
from penstock.api.v1alpha1.item_codec import items_line, items_status
from penstock.api.v1alpha1.run import WorkflowRunStatus
from penstock.engine.fan_out import MAX_FAILURES, BatchState, FanOut, ItemFailure, ItemsState
from penstock.engine.indices import Indices
from penstock.engine.keeping import LIST_LIMIT
from penstock.engine.model import Failure, OutputRef, Plan, RunPhase, RunState, StepKind, StepPhase, StepPlan, StepState
from penstock.engine.rules.batches import MOST_WAITING
from penstock.engine.rules.item_outputs import INLINE_ITEMS

NOW = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
SHA = "sha256:" + "f" * 64
PLAN = Plan("sha256:00", {"rows": StepPlan("rows", StepKind.SCRIPT, fan_out=FanOut("context.rows"))})


def a_state(items: ItemsState) -> RunState:
    return RunState(RunPhase.RUNNING, {"rows": StepState(StepPhase.RUNNING, items=items, message="…")}, started_at=NOW)


def through_the_api_server(state: RunState) -> RunState:
    status = run_status(state, PLAN, None)
    return run_state(WorkflowRunStatus.model_validate_json(status.model_dump_json(by_alias=True)))


def test_everything_about_items_is_read_back():
    items = ItemsState(
        total=10,
        digest=SHA,
        items_per_pod=3,
        carried=Indices.of([0, 1]),
        succeeded=Indices.of([0, 1, 2, 5]),
        failed=Indices.of([3]),
        next_batch=4,
        active={
            1: BatchState(StepPhase.RUNNING, 2, SHA, "uid", NOW, round=2, reached=4),
            2: BatchState(StepPhase.BACKOFF, 1, retry_at=NOW),
        },
        failures=(ItemFailure(3, Failure("NO_STOCK", "sold out", "rows")),),
        outputs={0: {"a": [1, None]}, 5: "five"},
        chunks=(OutputRef("order-1-out-0123456789", SHA, 17_000),),
    )
    assert through_the_api_server(a_state(items)) == a_state(items)


def test_people_see_numbers_and_ranges():
    status = items_status(ItemsState(50, SHA, succeeded=Indices.of([*range(42), 43]), failed=Indices.of([42])))
    assert (status.progress, status.succeeded, status.failed) == ("44/50", "0-41,43", "42")
    assert items_line(status) == "44/50 items, 1 failed: 42"


@pytest.mark.parametrize("pattern", [2, 3, 7], ids=lambda step: f"every {step}th failed")
def test_50_000_items_at_their_worst_leave_the_status_under_256_kib(pattern):
    busy = BatchState(StepPhase.RUNNING, 100, SHA, "0" * 36, NOW, round=100, reached=49_999)
    waiting = BatchState(StepPhase.BACKOFF, 100, retry_at=NOW, round=100, reached=49_999)
    active = {49_000 + number: busy if number < 256 else waiting for number in range(MOST_WAITING * 256)}
    reason = Failure("C" * 64, "é" * 4096, "rows")
    items = ItemsState(
        total=50_000,
        digest=SHA,
        carried=Indices.of(number for number in range(50_000) if number % pattern),
        succeeded=Indices.of(number for number in range(50_000) if number % pattern),
        failed=Indices.of(range(0, 50_000, pattern)),
        next_batch=50_000,
        active=active,
        failures=tuple(ItemFailure(49_000 + number, reason) for number in range(MAX_FAILURES)),
        outputs={49_999: "x" * (INLINE_ITEMS - 12)},
        chunks=tuple(OutputRef("n" * 63, SHA, INLINE_ITEMS) for _ in range(LIST_LIMIT // INLINE_ITEMS)),
    )
    wire = run_status(a_state(items), PLAN, None).to_wire()
    assert len(json.dumps(wire, ensure_ascii=False).encode()) < 256 * 1024
    assert through_the_api_server(a_state(items)).step("rows").items.failed == items.failed
