from __future__ import annotations

import json
from typing import Any

import pytest
from fastmcp.tools.base import ToolResult

from penstock.api.v1alpha1.run import CachedStatus, StepStatus, WorkflowRunStatus
from penstock.application.kept_outputs import ShownRun
from penstock.testing.builders import a_run
from penstock_mcp.views import MAX_TEXT, NEXT, answer, run_details
from tests.support.plans import NOON


def text_of(result: ToolResult) -> str:
    (block,) = result.content
    return str(getattr(block, "text", ""))


@pytest.mark.parametrize("status", ["timeout", "waiting", "running"])
def test_whoever_must_come_back_is_told_how(status: str):
    assert "wait_for_run" in NEXT[status]
    assert NEXT[status] in text_of(answer({"status": status, "run": "shop/x"}))


def test_the_text_holds_the_data_for_clients_that_read_nothing_else():
    shape: dict[str, Any] = {"status": "success", "output": {"a": [1, "é"]}, "run": "shop/x"}
    result = answer(shape)
    assert result.structured_content == shape
    assert json.loads(text_of(result).splitlines()[-1]) == shape


def test_an_error_is_one_for_the_client_too():
    shape = {"status": "error", "error": "NOT_FOUND", "message": "there is no run", "hint": "Look."}
    result = answer(shape)
    assert result.is_error
    assert text_of(result) == "NOT_FOUND: there is no run\nNext: Look."


def test_long_data_is_cut_in_the_text_and_complete_beside_it():
    shape = {"status": "success", "output": "x" * 50_000, "run": "shop/x"}
    result = answer(shape)
    assert result.structured_content == shape
    assert len(text_of(result)) < MAX_TEXT + 300
    assert "cut" in text_of(result)


def test_a_step_that_took_an_earlier_output_is_called_cached_with_the_run_that_it_is_from():
    cached = CachedStatus(run="order-0", finished_at=NOON)
    status = WorkflowRunStatus(steps={"rates": StepStatus(phase="Succeeded", cached=cached)})
    run = a_run().model_copy(update={"status": status})
    assert run_details(ShownRun(run))["about"]["steps"] == {
        "rates": {"phase": "Cached", "from_run": "order-0", "attempt": 0}
    }
