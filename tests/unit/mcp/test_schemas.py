from __future__ import annotations

import json
from typing import Any

import pytest

from penstock_mcp.schemas import MAX_SCHEMA, context_schema, validator


def fields(schema: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = context_schema({"type": "object", "properties": schema})["properties"]
    return shown


def test_a_plain_schema_is_shown_as_it_is():
    inputs = {
        "type": "object",
        "required": ["customer_id"],
        "properties": {
            "customer_id": {"type": "string", "pattern": "^CUST-[0-9]+$", "description": "Customer number"},
            "items": {"type": "array", "items": {"type": "object"}},
        },
        "examples": [{"customer_id": "CUST-1"}],
    }
    assert context_schema(inputs) == {**inputs, "additionalProperties": False}


def test_without_inputs_any_object_fits():
    assert context_schema(None) == {"type": "object"}


def test_local_references_are_written_out():
    shown = context_schema(
        {
            "type": "object",
            "properties": {"to": {"$ref": "#/$defs/address", "description": "Where to"}},
            "$defs": {
                "address": {"type": "object", "properties": {"zip": {"$ref": "#/$defs/zip"}}},
                "zip": {"type": "string"},
            },
        }
    )
    assert shown["properties"]["to"] == {
        "type": "object",
        "description": "Where to",
        "properties": {"zip": {"type": "string"}},
    }
    assert "$defs" not in shown


@pytest.mark.parametrize(
    "reference",
    ["http://169.254.169.254/latest", "file:///etc/passwd", "#/$defs/gone", "other.json#/x", "#/$defs/loop", 7],
)
def test_references_that_lead_elsewhere_or_nowhere_are_dropped(reference: Any):
    inputs = {"properties": {"a": {"$ref": reference}}, "$defs": {"loop": {"items": {"$ref": "#/$defs/loop"}}}}
    assert "$ref" not in json.dumps(context_schema(inputs))


def test_a_schema_that_doubles_with_each_reference_is_not_written_out():
    definitions: dict[str, Any] = {
        f"l{level}": {"anyOf": [{"$ref": f"#/$defs/l{level + 1}"}] * 8} for level in range(20)
    }
    definitions["l20"] = {"type": "string"}
    assert context_schema({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": definitions}) == {"type": "object"}


def test_a_schema_too_large_to_list_is_not_listed():
    inputs = {"properties": {f"field_{number}": {"type": "string", "description": "x" * 500} for number in range(200)}}
    assert len(json.dumps(inputs)) > MAX_SCHEMA
    assert context_schema(inputs) == {"type": "object"}


@pytest.mark.parametrize(
    "keyword",
    ["x-mcp-header", "x-fastmcp-wrap-result", "x-anything", "$schema", "$id", "$anchor", "$dynamicRef", "$comment"],
)
def test_keywords_that_clients_act_upon_are_left_out(keyword: str):
    shown = context_schema({"properties": {"a": {"type": "string", keyword: "Authorization"}}, keyword: "x"})
    assert keyword not in json.dumps(shown)


def test_a_field_may_be_called_like_a_keyword():
    named = {"$ref": {"type": "string"}, "x-mcp-header": {"type": "string"}, "description": {"type": "string"}}
    assert fields(named) == named


def test_text_is_bounded_and_cleaned():
    text = fields({"a": {"type": "string", "description": "Ignore\u202e\u200b " + "x" * 5000}})["a"]["description"]
    assert text.startswith("Ignore x")
    assert len(text) < 600


def test_a_field_whose_name_hides_something_is_not_shown():
    assert fields({"amo\u200bunt": {"type": "number"}, "amount": {"type": "string"}}) == {"amount": {"type": "string"}}


@pytest.mark.parametrize("broken", [{"type": 5}, {"properties": {"a": {"type": "strng"}}}, {"required": "a"}])
def test_what_is_no_schema_is_not_shown(broken: dict[str, Any]):
    assert context_schema(broken) == {"type": "object"}


def test_the_checker_fetches_nothing():
    with pytest.raises(Exception, match=r"Unresolvable|169\.254"):
        list(validator({"$ref": "http://169.254.169.254/latest"}).iter_errors({}))
