"""The status of a run says its state, how far it is and whom it waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from penstock.api.v1alpha1.codec import origin, run_state, run_status
from penstock.api.v1alpha1.cutting import cut
from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import RequestedBy, WorkflowReference, WorkflowRun, WorkflowRunSpec, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Revision
from penstock.engine.model import (
    Failure,
    Gate,
    GateState,
    Plan,
    RunPhase,
    RunState,
    StepKind,
    StepPhase,
    StepPlan,
    StepState,
)

NOW = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
GATE = Gate(users=("lead@example.com",), groups=("order-leads",))
PLAN = Plan(
    digest="sha256:00",
    steps={
        "charge": StepPlan("charge", StepKind.SCRIPT),
        "release": StepPlan("release", StepKind.APPROVAL, needs=("charge",), gate=GATE),
        "ship": StepPlan("ship", StepKind.SCRIPT, needs=("release",)),
    },
)
ASKED = GateState("order-release-abc", 1, "sha256:11", NOW)
WAITING = RunState(
    phase=RunPhase.WAITING,
    steps={
        "charge": StepState(StepPhase.SUCCEEDED, 1, output={"order_id": "A", "none": None}),
        "release": StepState(StepPhase.WAITING, gate=ASKED),
    },
    started_at=NOW,
)


def test_progress_counts_the_finished_of_all_steps():
    assert run_status(WAITING, PLAN, None).progress == "1/3"


def test_every_step_of_the_plan_is_there_in_its_order():
    assert list(run_status(WAITING, PLAN, None).steps) == ["charge", "release", "ship"]


def test_a_waiting_run_says_for_which_approval_by_whom():
    status = run_status(WAITING, PLAN, None)

    assert status.waiting_for == "release: approval order-release-abc by lead@example.com or group order-leads"


def test_a_quorum_is_named():
    release = replace(PLAN.steps["release"], gate=replace(GATE, quorum=2))
    plan = replace(PLAN, steps={**PLAN.steps, "release": release})

    assert "by 2 of lead@example.com or group order-leads" in str(run_status(WAITING, plan, None).waiting_for)


def test_an_answered_gate_holds_nothing_up():
    answered = StepState(StepPhase.SUCCEEDED, gate=replace(ASKED, outcome="Approved"))
    state = replace(WAITING, steps={**WAITING.steps, "release": answered})

    assert run_status(state, PLAN, None).waiting_for is None


def test_several_gates_are_all_named():
    steps = {name: StepPlan(name, StepKind.APPROVAL, gate=GATE) for name in ("a", "b")}
    state = RunState(steps={name: StepState(StepPhase.WAITING, gate=ASKED) for name in steps})

    status = run_status(state, Plan("d", steps), None)

    assert [part.partition(":")[0] for part in str(status.waiting_for).split("; ")] == ["a", "b"]


def test_what_the_api_server_keeps_is_read_back_as_it_was():
    status = run_status(WAITING, PLAN, Revision(name="order-1", digest="sha256:00"))

    stored = WorkflowRunStatus.model_validate_json(status.model_dump_json(by_alias=True))

    assert run_state(stored) == replace(WAITING, steps={**WAITING.steps, "ship": StepState()})


def test_texts_that_are_too_long_are_cut_for_the_write_must_not_be_refused():
    failure = Failure("X" * 500, "y" * 9000, "z" * 99)
    state = RunState(
        phase=RunPhase.FAILED,
        steps={"charge": StepState(StepPhase.FAILED, failure=failure, message="m\ud800" * 9000)},
        failure=failure,
    )

    status = run_status(state, PLAN, None)

    assert WorkflowRunStatus.model_validate_json(status.model_dump_json(by_alias=True)) == status
    assert status.error is not None
    assert (len(status.error.code), len(status.error.reason), status.error.reason[-1]) == (128, 4096, "…")


def test_a_text_that_fits_is_not_cut():
    assert cut("x" * 5, 5) == "x" * 5


def test_a_phase_that_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="Sleeping"):
        run_state(WorkflowRunStatus(phase="Sleeping"))


def test_the_origin_is_what_never_changes():
    run = WorkflowRun(
        metadata=ObjectMeta(name="one", namespace="sales", uid="u-1"),
        spec=WorkflowRunSpec(
            workflow=WorkflowReference(name="order"),
            context={"a": [1, None]},
            requested_by=RequestedBy(user="ann", client="agent", groups=("g",)),
        ),
    )

    found = origin(run)

    assert (found.namespace, found.name, found.uid) == ("sales", "one", "u-1")
    assert (found.user, found.client, found.groups) == ("ann", "agent", ("g",))
    assert found.context == {"a": [1, None]}


def test_a_run_without_a_stamp_has_nobody():
    run = WorkflowRun(metadata=ObjectMeta(name="one"), spec=WorkflowRunSpec(workflow=WorkflowReference(name="order")))

    assert (origin(run).user, origin(run).client) == ("", "")


def test_a_run_that_waits_for_its_turn_has_no_steps_yet():
    status = run_status(RunState(concurrency_key="eu", queued="its turn: it is next"), PLAN, None)

    assert (status.phase, status.progress, status.steps) == ("Pending", "0/3", {})
    assert (status.concurrency_key, status.waiting_for) == ("eu", "its turn: it is next")
