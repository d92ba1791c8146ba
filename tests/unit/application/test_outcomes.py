"""The shapes that agents and scripts rely on."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.run import ErrorStatus, WorkflowRunStatus
from penstock.application.outcomes import outcome, timed_out
from penstock.testing.builders import a_run


def in_phase(phase, **fields):
    return a_run().model_copy(update={"status": WorkflowRunStatus(phase=phase, **fields)})


@pytest.mark.parametrize(
    ("run", "want"),
    [
        pytest.param(
            in_phase("Succeeded", output={"id": 1}),
            {"status": "success", "output": {"id": 1}, "run": "default/order-1"},
            id="success",
        ),
        pytest.param(
            in_phase("Failed", error=ErrorStatus(code="BROKEN", reason="it broke", step="charge")),
            {
                "status": "failed",
                "error": "Step charge failed: it broke",
                "error_code": "BROKEN",
                "details": {"failed_step": "charge", "reason": "it broke"},
                "run": "default/order-1",
            },
            id="failed",
        ),
        pytest.param(
            in_phase("TimedOut", error=ErrorStatus(code="RUN_TIMED_OUT", reason="too slow")),
            {
                "status": "failed",
                "error": "too slow",
                "error_code": "RUN_TIMED_OUT",
                "details": {"failed_step": None, "reason": "too slow"},
                "run": "default/order-1",
            },
            id="a run that timed out has failed",
        ),
        pytest.param(in_phase("Cancelled"), {"status": "cancelled", "run": "default/order-1"}, id="cancelled"),
        pytest.param(
            in_phase("Running", progress="1/3"),
            {"status": "running", "run": "default/order-1", "progress": "1/3"},
            id="running",
        ),
        pytest.param(
            in_phase("Pending", progress="0/3", waiting_for="its turn: it is next"),
            {
                "status": "running",
                "run": "default/order-1",
                "progress": "0/3",
                "message": "The run waits for its turn: it is next.",
            },
            id="in line",
        ),
    ],
)
def test_outcome(run, want):
    assert outcome(run) == want


def test_the_callers_own_time_ran_out_and_the_run_goes_on():
    answer = timed_out(in_phase("Running"), 300)
    assert (answer["status"], answer["error"]) == ("timeout", "Workflow did not complete within 300 seconds")
    assert "goes on" in answer["message"]
