"""A Tool Context becomes a Workflow that says the same."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import yaml

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.api.v1alpha1.sources import validate_text
from penstock.application.filling import fill
from penstock.cli.importing.tool_context import workflow_of
from penstock.errors import InvalidInput

ALICE = """[{
    "tool_type": "json-api",
    "base_url": "https://server-a.com/api",
    "path": "Order",
    "method": "GET",
    "query_params": [
      { "name": "customer", "op": "eq", "val": "Alice // B." }
    ],
    "body": [],
    "llm_call": true,  // <-- Indicates to pause and invoke LLM after this step
    "llm_goal": "Check which orders for Alice are over $500 and generate alert POSTs as needed"
}]"""


def block(**fields: Any) -> dict[str, Any]:
    return {"tool_type": "json-api", "base_url": "https://a.example/api", "path": "Order", "method": "GET", **fields}


def made(blocks: Any) -> list[dict[str, Any]]:
    text = workflow_of(blocks if isinstance(blocks, str) else json.dumps(blocks), "remind", ["leads"], []).text
    assert validate_text(text, images={"steps": "", "llm": ""})[1] == []
    return list(yaml.safe_load_all(text))


def test_a_goal_of_a_model_becomes_a_plan_behind_a_gate():
    connection, model, workflow = made(ALICE)
    assert connection["spec"]["url"] == "https://server-a.com/api"
    assert connection["spec"]["allow"] == [{"methods": ["GET"], "paths": ["/Order"]}]
    assert model["spec"]["type"] == "llm"
    read, plan, run = workflow["spec"]["steps"]
    assert read["http"]["filters"] == [{"name": "customer", "op": "eq", "val": "Alice // B."}]
    assert "over $500" in plan["llm"]["prompt"]
    assert plan["llm"]["plans"]["connections"] == ["remind", "remind-model"]
    assert run["workflow"]["specFrom"] == "steps.get_order_plan.output.spec"
    assert run["requiresApproval"]["approvers"] == {"groups": ["leads"]}


def test_a_block_that_names_a_field_of_a_row_runs_once_for_each():
    query = [{"name": "date_shipped", "op": "eq", "val": None}, {"name": "created", "op": "lt", "val": "2023-07-14"}]
    email = [{"name": "customer_id", "value": "{customer_id}"}, {"name": "order_id", "value": "{id}"}]
    _, workflow = made([block(query_params=query), block(path="SysEmail", method="POST", body=email)])
    read, mail = workflow["spec"]["steps"]
    assert read["http"]["filters"][0] == {"name": "date_shipped", "op": "isnull"}
    assert mail["forEach"] == "steps.get_order.output.rows"
    assert mail["http"]["body"] == {"customer_id": "{{ item.attributes.customer_id }}", "order_id": "{{ item.id }}"}
    assert "requiresApproval" in mail
    assert "requiresApproval" not in read


def test_each_system_is_a_connection_of_its_own():
    first, second, workflow = made([block(), block(base_url="https://b.example"), block(path="/Order/", method="HEAD")])
    assert [first["metadata"]["name"], second["metadata"]["name"]] == ["remind", "remind-2"]
    assert [step["name"] for step in workflow["spec"]["steps"]] == ["get_order", "get_order_2", "head_order"]
    assert workflow["spec"]["tool"]["annotations"]["readOnly"] is True


def test_blocks_under_resources_share_what_stands_beside():
    assert made({"tool_type": "api", "base_url": "https://a.example", "resources": [{"path": "/Order"}]})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("[", "not JSON"),
        ("[]", "not a Tool Context"),
        ([1], "not a Tool Context"),
        ([block(tool_type="shell")], "not a Tool Context"),
        ([block(base_url="file:///etc/passwd")], "not a Tool Context"),
        ([block(base_url="https://user:pw@a.example")], "not a Tool Context"),
        ([block(method="TRACE")], "not a Tool Context"),
        ([block(path="")], "not a Tool Context"),
        ([block(query_params=[{"val": 1}])], "not a Tool Context"),
        ([block(query_params=5)], "not a Tool Context"),
        ([block(query_params={"customer": "Alice"})], "not a Tool Context"),
        ([block(path="**", method="DELETE")], "not a Tool Context"),
        ([block(path="Order?admin=1")], "not a Tool Context"),
        ('[{"body": ' + "[" * 400 + "]" * 400 + "}]", "nested more than 32 deep"),
    ],
)
def test_what_is_none_is_refused(wrong: Any, says: str):
    with pytest.raises(InvalidInput, match=says):
        workflow_of(wrong if isinstance(wrong, str) else json.dumps(wrong), "remind", ["leads"], [])


TEXTS = ["{{ context.x }}", "{{ 1 + 1 }}", "{{", "}}", "{{{", "'; DROP", "x: [", "\u2028", "---\nkind: Connection"]


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_a_plan_says_stays_text(text: str):
    """Only a name in braces is more than text: a field of the row."""
    given = [block(), block(query_params=[{"name": "a", "val": text}], body={"b": f"{{id}} {text}"}, method="POST")]
    connection, workflow = made(given)
    http = workflow["spec"]["steps"][1]["http"]
    assert filled(http["filters"][0]["val"]) == text
    assert filled(http["body"]["b"]) == f"7 {text}"
    assert connection["kind"] == "Connection"


def filled(value: str) -> str:
    """What a text of a step comes to."""
    evaluator = CelEvaluator()
    try:
        found = asyncio.run(fill(evaluator, {"value": value}, {"item": {"id": 7}}))
    finally:
        evaluator.close()
    assert found.error is None
    return str(found.value["value"])


def test_a_goal_of_braces_is_a_goal():
    _, _, workflow = made([block(llm_call=True, llm_goal="Look at {{ steps.x }} of {customer_id}")])
    assert workflow["spec"]["steps"][1]["llm"]["prompt"].endswith("Look at { steps.x }} of customer_id")
