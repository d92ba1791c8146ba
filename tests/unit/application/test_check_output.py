"""Outputs against the schema that a Workflow promises."""

from __future__ import annotations

import pytest

from penstock.application.check_output import check_output

SCHEMA = {
    "type": "object",
    "required": ["order_id"],
    "properties": {"order_id": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "additionalProperties": False,
}


def told(output, schema=SCHEMA):
    return [str(problem) for problem in check_output(schema, output)]


@pytest.mark.parametrize("output", [{"order_id": "A"}, {"order_id": "A", "lines": [1, 2.0]}])
def test_what_is_promised_fits(output):
    assert told(output) == []


@pytest.mark.parametrize(
    ("output", "want"),
    [
        ({}, "output.order_id: `order_id` is required and is missing. Fix: Add `order_id`, text."),
        (None, "output: It must be a mapping, but it is `null`. Fix: Write a mapping."),
        ({"order_id": "A", "lines": [1, "2"]}, "output.lines[1]: It must be a whole number, but it is `2` in quotes."),
        ({"order_id": "A", "order": 1}, "output.order: There is no field `order` here. Fix: Write `order_id`."),
    ],
)
def test_what_does_not_fit_is_told_with_its_place_and_its_fix(output, want):
    [problem] = told(output)
    assert problem.startswith(want)


def test_a_form_that_cannot_be_told_in_words_points_at_the_schema():
    [problem] = told(7, {"anyOf": [{"type": "string"}, {"type": "boolean"}]})
    assert problem == (
        "output: It fits none of the forms that `anyOf` allows. Fix: See the Workflow's `outputs.schema`."
    )
