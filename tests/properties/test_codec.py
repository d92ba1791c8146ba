"""A state that is written into a status comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from penstock.api.v1alpha1.codec import run_state, run_status
from penstock.api.v1alpha1.run import WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Revision
from penstock.engine.model import (
    CachedFrom,
    Failure,
    Gate,
    GateState,
    OutputRef,
    Plan,
    RunPhase,
    RunState,
    StepKind,
    StepPhase,
    StepPlan,
    StepState,
)

NAMES = ("charge", "release", "ship", "audit")
PLAN = Plan(
    digest="sha256:00",
    steps={name: StepPlan(name, StepKind.APPROVAL, gate=Gate(users=("a@x",), quorum=2)) for name in NAMES},
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
moments = st.integers(0, 2**52).map(lambda micros: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))
outputs = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
failures = st.builds(Failure, texts, texts, st.none() | st.sampled_from(NAMES))
gates = st.builds(
    GateState,
    name=st.sampled_from(["order-release-0123456789"]),
    round=st.integers(1, 9),
    digest=texts,
    expires_at=moments,
    outcome=st.none() | st.sampled_from(["Approved", "Rejected", "Expired", "Bypassed"]),
    decided_by=st.lists(texts, max_size=3).map(tuple),
)
refs = st.builds(OutputRef, name=st.just("order-0123456789abcdef"), digest=texts, size=st.integers(1, 2**23))
steps = st.builds(
    StepState,
    phase=st.sampled_from(StepPhase),
    attempt=st.integers(0, 100),
    digest=st.none() | texts,
    uid=st.none() | texts,
    started_at=st.none() | moments,
    finished_at=st.none() | moments,
    retry_at=st.none() | moments,
    output=outputs,
    stored=st.none() | refs,
    failure=st.none() | failures,
    gate=st.none() | gates,
    message=st.none() | texts,
    cache_digest=st.none() | texts,
    cached=st.none() | st.builds(CachedFrom, st.sampled_from(["order-0"]), moments),
)
states = st.builds(
    RunState,
    phase=st.sampled_from(RunPhase),
    steps=st.dictionaries(st.sampled_from(NAMES), steps),
    started_at=st.none() | moments,
    finished_at=st.none() | moments,
    output=outputs,
    stored=st.none() | refs,
    failure=st.none() | failures,
    stopping=st.none() | st.sampled_from([RunPhase.FAILED, RunPhase.CANCELLED, RunPhase.TIMED_OUT]),
    concurrency_key=st.none() | texts,
) | st.builds(RunState, concurrency_key=st.none() | texts, queued=st.none() | texts)


def as_written(state: RunState) -> RunState:
    """The state as its status says it: all steps once it has begun, no outputs that are kept elsewhere."""
    names = NAMES if state.steps else ()
    steps = {name: replace(state.step(name), output=_inline(state.step(name))) for name in names}
    return replace(state, output=_inline(state), steps=steps)


def _inline(state: RunState | StepState) -> object:
    return state.output if state.stored is None else None


@given(states)
def test_a_state_survives_the_way_through_the_api_server(state):
    status = run_status(state, PLAN, Revision(name="order-1", digest="sha256:00"))

    stored = WorkflowRunStatus.model_validate_json(status.model_dump_json(by_alias=True))

    assert run_state(stored) == as_written(state)


@given(states)
def test_what_is_written_without_defaults_is_read_back_all_the_same(state):
    status = run_status(state, PLAN, None)

    assert run_state(WorkflowRunStatus.model_validate(status.to_wire())) == as_written(state)


@given(states)
def test_a_status_that_is_written_again_stays_the_same(state):
    status = run_status(state, PLAN, None)

    assert run_status(run_state(status), PLAN, None) == status


@given(states)
def test_progress_never_counts_beyond_the_plan(state):
    finished, _, total = run_status(state, PLAN, None).progress.partition("/")

    assert 0 <= int(finished) <= int(total) == len(NAMES)
