"""Inputs are a JSON Schema that every MCP client reads and that can be checked in bounded time."""

from __future__ import annotations

from textwrap import indent

import pytest
from jsonschema import Draft202012Validator

from tests.unit.api.reading import problems, the_problem, workflow, workflow_text


def text_with(inputs: str) -> str:
    steps = 'steps: [{name: a, script: {runtime: bash, source: "true"}}]'
    return workflow_text(f"inputs:\n{indent(inputs, '  ')}\n{steps}")


def text_with_field(field: str) -> str:
    return text_with(f"type: object\nproperties:\n  note: {field}")


TOP = {
    "no type": ("properties: {a: {type: string}}", "spec.inputs.type", "`type` is missing", "`type: object`"),
    "another type": ("type: string", "spec.inputs.type", "it is `string`", "`type: object`"),
    "a choice at the top": (
        "type: object\nanyOf: [{required: [a]}]\nproperties: {a: {type: string}}",
        "spec.inputs.anyOf",
        "many MCP clients refuse",
        "`properties`",
    ),
    "a field with capitals": (
        "type: object\nproperties: {customerId: {type: string}}",
        "spec.inputs.properties.customerId",
        "cannot be named by a script",
        "Write `customer_id`",
    ),
    "a field with a hyphen": (
        "type: object\nproperties: {order-total: {type: number}}",
        "spec.inputs.properties.order-total",
        "lower-case letters, digits and `_`",
        "Write `order_total`",
    ),
    "a field that begins with a digit": (
        "type: object\nproperties: {1st: {type: number}}",
        "spec.inputs.properties.1st",
        "begins with a lower-case letter",
        "such as `customer_id`",
    ),
    "a required field that is not there": (
        "type: object\nrequired: [customer]\nproperties: {customer_id: {type: string}}",
        "spec.inputs.required[0]",
        "not among the `properties`",
        "Write `customer_id`",
    ),
    "a schema from elsewhere": (
        "type: object\nproperties: {a: {$ref: 'https://example.com/order.json'}}",
        "spec.inputs.properties.a.$ref",
        "nothing is fetched",
        "$defs",
    ),
    "a reference to nothing": (
        "type: object\n$defs: {b: {type: string}}\nproperties: {a: {$ref: '#/$defs/c'}}",
        "spec.inputs.properties.a.$ref",
        "leads nowhere",
        "There is `b`",
    ),
    "a schema that refers to itself": (
        "type: object\n$defs: {b: {anyOf: [{}, {$ref: '#/$defs/b'}]}}\nproperties: {a: {$ref: '#/$defs/b'}}",
        "spec.inputs",
        "refers to itself",
        "Write the levels out",
    ),
    "the old name of definitions": (
        "type: object\ndefinitions: {b: {type: string}}",
        "spec.inputs.definitions",
        "old name",
        "Write `$defs`",
    ),
}


@pytest.mark.parametrize(("inputs", "path", "message", "fix"), TOP.values(), ids=TOP)
def test_a_mistake_in_the_whole_is_named(inputs, path, message, fix):
    problem = the_problem(text_with(inputs))

    assert (problem.path, message in problem.message, fix in problem.fix) == (path, True, True), str(problem)


FIELD = {
    "a type of another language": ("{type: str}", ".type", "`str` is not a type", "Write `string`"),
    "a type that is nothing": ("{type: money}", ".type", "`money` is not a type", "The types are"),
    "a misspelt keyword": ("{type: number, minimun: 0}", ".minimun", "not a keyword", "Write `minimum`"),
    "required inside a field": ("{type: string, required: true}", ".required", "list of field names", "`properties`"),
    "nullable": ("{type: string, nullable: true}", ".nullable", "OpenAPI", '[string, "null"]'),
    "a pattern that is none": ('{type: string, pattern: "^(a"}', ".pattern", "unclosed group", "^CUST-[0-9]+$"),
    "a pattern that looks around": ('{type: string, pattern: "(?=a)b"}', ".pattern", "look-around", "not supported"),
    "a pattern that looks back": ("{type: string, pattern: '(a)\\1'}", ".pattern", "backreferences", "not supported"),
    "a pattern that grows": ('{type: string, pattern: "(a{50}){50}"}', ".pattern", "2,600 parts", "such as"),
    "a pattern with flags": ('{type: string, pattern: "(?i)cust"}', ".pattern", "flags", "such as"),
    "a bound in quotes": ('{type: number, minimum: "0"}', ".minimum", "must be a number", "Write a number"),
    "a length below nothing": ("{type: string, minLength: -1}", ".minLength", "0 or more", "whole number"),
    "bounds that nothing fits": ("{type: number, minimum: 5, maximum: 1}", ".minimum", "No value fits", "at most 1"),
    "a text that is too long to pass": ("{type: string, maxLength: 99999}", ".maxLength", "32,768", "at most 32768"),
    "an empty choice": ("{enum: []}", ".enum", "at least one value", "[a, b]"),
    "a default of another type": ("{type: number, default: x}", ".default", "not a value of type `number`", "default"),
    "a default that is no choice": ("{enum: [eu, us], default: asia}", ".default", "not one of the `enum`", "these"),
    "a header of the caller": ("{type: string, x-mcp-header: X-A}", ".x-mcp-header", "HTTP headers", "Remove it"),
    "patterns for names": ("{type: object, patternProperties: {a: {}}}", ".patternProperties", "ignore", "properties"),
    "a schema that is text": ("{type: array, items: string}", ".items", "must be a schema", "{type: string}"),
    "a field that is text": ("text", "", "A schema must be a mapping", "{type: string}"),
}


@pytest.mark.parametrize(("field", "path", "message", "fix"), FIELD.values(), ids=FIELD)
def test_a_mistake_in_a_field_is_named(field, path, message, fix):
    problem = the_problem(text_with_field(field))

    assert problem.path == f"spec.inputs.properties.note{path}"
    assert message in problem.message
    assert fix in problem.fix


GOOD = {
    "every simple kind": "{type: string, pattern: '^[A-Z]{2}-[0-9]+$', maxLength: 20000, examples: [AB-1]}",
    "a list of maps": "{type: array, items: {type: object, properties: {sku: {type: string}}, required: [sku]}}",
    "a choice": "{anyOf: [{type: string}, {type: 'null'}], default: null}",
    "two types": '{type: [string, "null"]}',
    "a note of one's own": "{type: string, x-order: 3}",
}


@pytest.mark.parametrize("field", GOOD.values(), ids=GOOD)
def test_what_passes_here_is_a_valid_schema_for_the_library(field):
    found = workflow(text_with_field(field))

    assert found.spec.inputs is not None
    Draft202012Validator.check_schema(found.spec.inputs)


def test_a_reference_to_a_definition_passes():
    workflow(text_with("type: object\n$defs: {id: {type: string}}\nproperties: {a: {$ref: '#/$defs/id'}}"))


def test_a_small_text_cannot_be_a_huge_schema():
    levels = "\n".join(
        f"  s{n}: {{allOf: [{{$ref: '#/$defs/s{n + 1}'}}, {{$ref: '#/$defs/s{n + 1}'}}]}}" for n in range(40)
    )
    text = f"type: object\n$defs:\n{levels}\n  s40: {{type: string}}\nproperties: {{a: {{$ref: '#/$defs/s0'}}}}"

    problem = the_problem(text_with(text))

    assert "2,000 parts" in problem.message


def test_many_patterns_are_counted_together():
    fields = ", ".join(f"f{number}: {{pattern: '[a-z]{{900}}'}}" for number in range(6))

    problem = the_problem(text_with(f"type: object\nproperties: {{{fields}}}"))

    assert problem.path == "spec.inputs"
    assert "5,000 parts" in problem.message


def test_the_schema_of_outputs_is_checked_as_well():
    problem = the_problem(
        workflow_text("""
            outputs: {schema: {type: object, properties: {a: {type: strng}}}}
            steps: [{name: a, script: {runtime: bash, source: "true"}}]
        """)
    )

    assert problem.path == "spec.outputs.schema.properties.a.type"
    assert "`string`" in problem.fix


def test_every_mistake_of_a_schema_is_found_at_once():
    found = problems(text_with("type: object\nproperties: {a: {type: str, minimum: x}, B: {typo: 1}}"))

    assert [problem.path.removeprefix("spec.inputs.properties.") for problem in found] == [
        "B",
        "a.type",
        "a.minimum",
        "B.typo",
    ]
