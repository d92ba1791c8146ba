"""A Workflow in lines."""

from __future__ import annotations

from penstock.api.v1alpha1.workflow import Workflow
from penstock.cli.views.workflows import workflow_lines
from tests.unit.cli.samples import NOON, a_workflow, at


def test_inputs_say_their_type_whether_they_are_required_and_what_they_mean():
    inputs = {
        "type": "object",
        "required": ["customer"],
        "properties": {"customer": {"type": "string", "description": "Who pays"}, "rush": {"default": False}},
    }
    lines = list(workflow_lines(a_workflow(inputs=inputs), NOON))
    assert "  customer (string, required): Who pays" in lines
    assert "  rush (any, optional, default false)" in lines


def test_steps_say_what_they_are_and_what_they_wait_for():
    steps = [
        {"name": "a", "script": {"runtime": "bash", "source": "true"}, "retry": {"limit": 3}},
        {"name": "b", "needs": ["a"], "when": "context.x", "approval": {"approvers": {"users": ["alice"]}}},
    ]
    lines = list(workflow_lines(a_workflow(steps=steps), NOON))
    assert "  a: script in bash; retries 3" in lines
    assert "  b: approval; after a; when context.x" in lines


def test_a_workflow_that_cannot_run_says_all_that_is_wrong():
    condition = {"type": "Ready", "status": "False", "reason": "Invalid", "message": "- one\n- two"}
    wire = {**a_workflow().to_wire(), "status": {"conditions": [condition]}}
    lines = list(workflow_lines(Workflow.model_validate(wire), NOON))
    assert lines[1:4] == ["Ready      False", "  - one", "  - two"]


def scheduled(schedule, **status):
    wire = a_workflow(schedules=[{"name": "nightly", "cron": "0 3 * * *", **schedule}]).to_wire()
    entry = {"name": "nightly", "cron": "0 3 * * *", "timeZone": "UTC", **status}
    return Workflow.model_validate({**wire, "status": {"schedules": [entry] if status else []}})


def test_schedules_say_when_they_start_what_and_what_became_of_it():
    workflow = scheduled({"timeZone": "Europe/Berlin"}, nextAt=at(3600), lastRun="order-1", missed=2)
    line = "  nightly: 0 3 * * * (Europe/Berlin); next 2026-01-02 13:00 UTC, in 1h; last order-1; missed 2"
    assert line in list(workflow_lines(workflow, NOON))
    assert "  nightly: 0 3 * * * (UTC); suspended" in list(workflow_lines(scheduled({"suspend": True}), NOON))
    assert "  nightly: 0 3 * * * (UTC); nobody has looked at it yet" in list(workflow_lines(scheduled({}), NOON))


def test_why_schedules_start_nothing_is_said():
    condition = {"type": "Scheduled", "status": "False", "reason": "Refused", "message": "alice may not"}
    wire = {**a_workflow().to_wire(), "status": {"conditions": [condition]}}
    assert "  alice may not" in list(workflow_lines(Workflow.model_validate(wire), NOON))
