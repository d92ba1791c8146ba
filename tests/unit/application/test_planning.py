from __future__ import annotations

from typing import Any

import pytest

from penstock.api.v1alpha1.labels import PLANS
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.planning import one_for, planning_request
from penstock.application.tool_lines import MAX_LINES, tool_lines
from penstock.engine.digests import canonical
from penstock.errors import InvalidInput, NotFound

INPUTS = {"type": "object", "properties": {"prompt": {"type": "string"}, "tools": {"type": "array", "default": []}}}


def workflow(name: str, application: str = "shop", purpose: str = "", **spec: Any) -> Workflow:
    labels = {"app.kubernetes.io/part-of": application, **({"penstock.dev/purpose": purpose} if purpose else {})}
    steps = [{"name": "a", "script": {"runtime": "bash", "source": "true"}}]
    return Workflow.model_validate(
        {"metadata": {"name": name, "namespace": "sales", "labels": labels}, "spec": {"steps": steps, **spec}}
    )


def planner(name: str = "ask", application: str = "shop", workflows: tuple[str, ...] = ("refund",)) -> Workflow:
    plans = {"connections": ["shop"], "workflows": list(workflows)}
    steps = [{"name": "plan", "llm": {"connection": "model", "prompt": "Plan.", "plans": plans}}]
    return workflow(name, application, PLANS, steps=steps, inputs=INPUTS)


def test_the_workflow_with_the_label_plans():
    assert one_for(PLANS, [workflow("ask"), planner("by-words")], "shop").metadata.name == "by-words"


def test_each_application_has_its_own():
    found = one_for(PLANS, [planner("ask"), planner("ask-books", "books")], "books")
    assert found.metadata.name == "ask-books"


def test_of_several_the_one_with_the_usual_name_is_meant():
    assert one_for(PLANS, [planner("a"), planner("ask")], "").metadata.name == "ask"
    with pytest.raises(InvalidInput, match="sales/a, sales/b"):
        one_for(PLANS, [planner("a"), planner("b")], "")


def test_without_one_it_says_which_label_is_missing():
    with pytest.raises(NotFound, match=r"application shop has no Workflow with the label penstock.dev/purpose: plan"):
        one_for(PLANS, [workflow("ask")], "shop")


def test_the_model_is_told_of_those_workflows_alone_that_a_plan_may_run_and_the_asker_finds():
    offered = [workflow("refund", description="Pays\nback."), workflow("payroll")]
    request = planning_request(planner(workflows=("refund", "audit")), "Refund order 12", offered)
    assert request.context["prompt"] == "Refund order 12"
    assert request.context["tools"] == [
        {"name": "refund", "title": "", "description": "Pays back.", "inputs": {"type": "object"}}
    ]


def test_a_workflow_with_the_label_alone_does_not_plan():
    with pytest.raises(InvalidInput, match="sales/ask does not plan"):
        planning_request(workflow("ask", purpose=PLANS), "Refund", [])


def test_what_a_model_is_told_is_bounded():
    long = {"type": "object", "properties": {f"f{n}": {"type": "string", "description": "x" * 900} for n in range(40)}}
    lines = tool_lines([workflow(f"w{n}", description="y" * 4000, inputs=long) for n in range(80)])
    assert 10 < len(lines) < 80
    assert len(canonical(lines)) <= MAX_LINES + len(lines) + 2
    assert lines[0]["inputs"]["properties"]["f0"] == {}
