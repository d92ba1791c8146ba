"""docs/reference/fields.md: every field is there, with a meaning and an example that the field really takes."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from penstock.api.crd_schema import definitions
from tools.gen_fields import example_value, fields, page

FIELDS = [
    (plural, field)
    for plural, definition in definitions().items()
    for field in fields(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    if field.path.partition(".")[0] in ("spec", "status")
]


@pytest.mark.parametrize("plural", definitions())
def test_every_field_of_a_kind_has_its_row(plural):
    text = page()
    assert all(f"| `{field.path}` |" in text for kind, field in FIELDS if kind == plural)


def test_every_example_is_one_that_the_field_takes():
    wrong = {
        f"{plural}: {field.path} = {value!r}"
        for plural, field in FIELDS
        if (value := example_value(field.path, field.schema)) is not None
        and not Draft202012Validator(dict(field.schema)).is_valid(value)
    }
    assert wrong == set()


def test_no_field_that_holds_a_value_is_without_an_example():
    bare = {
        f"{plural}: {field.path}"
        for plural, field in FIELDS
        if field.schema.get("type") in ("string", "integer", "number", "boolean")
        and example_value(field.path, field.schema) is None
    }
    assert bare == set()


def test_every_field_says_what_it_means():
    quantities = (".cpu", ".memory", ".ephemeral-storage")
    silent = {f.path for _, f in FIELDS if not f.schema.get("description") and not f.path.endswith(quantities)}
    assert silent == set()
