"""A Workflow in lines."""

from __future__ import annotations

from penstock.api.v1alpha1.workflow import Workflow
from penstock.cli.views.workflows import workflow_lines
from tests.unit.cli.samples import a_workflow


def test_inputs_say_their_type_whether_they_are_required_and_what_they_mean():
    inputs = {
        "type": "object",
        "required": ["customer"],
        "properties": {"customer": {"type": "string", "description": "Who pays"}, "rush": {"default": False}},
    }
    lines = list(workflow_lines(a_workflow(inputs=inputs)))
    assert "  customer (string, required): Who pays" in lines
    assert "  rush (any, optional, default false)" in lines


def test_steps_say_what_they_are_and_what_they_wait_for():
    steps = [
        {"name": "a", "script": {"runtime": "bash", "source": "true"}, "retry": {"limit": 3}},
        {"name": "b", "needs": ["a"], "when": "context.x", "approval": {"approvers": {"users": ["alice"]}}},
    ]
    lines = list(workflow_lines(a_workflow(steps=steps)))
    assert "  a: script in bash; retries 3" in lines
    assert "  b: approval; after a; when context.x" in lines


def test_a_workflow_that_cannot_run_says_all_that_is_wrong():
    condition = {"type": "Ready", "status": "False", "reason": "Invalid", "message": "- one\n- two"}
    wire = {**a_workflow().to_wire(), "status": {"conditions": [condition]}}
    lines = list(workflow_lines(Workflow.model_validate(wire)))
    assert lines[1:4] == ["Ready      False", "  - one", "  - two"]
