"""What passes our check of a schema is a schema, and no context can make its check fail or hang."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from penstock.api.v1alpha1.checks_inputs import check_inputs
from penstock.api.v1alpha1.schema_keywords import KEYWORDS
from penstock.api.v1alpha1.subject import Tools, subject_of
from penstock.api.v1alpha1.workflow import Script, Step, WorkflowSpec
from penstock.application.check_context import check_context
from penstock.errors import Problem

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 30)
    | st.sampled_from([1.5, "string", "object", "^a+$", "(", "x", "#/$defs/a", "#/$defs/b", "integer", "array"])
)
json = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "type", "items", "properties"]), inner, max_size=3)
    ),
    max_leaves=6,
)
schemas = st.recursive(
    st.dictionaries(st.sampled_from(sorted(KEYWORDS)), json, max_size=3),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)},
        optional={
            "$defs": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
            "additionalProperties": st.booleans() | inner,
        },
    ),
    max_leaves=4,
)


def problems(inputs: dict[str, Any]) -> list[Problem]:
    spec = WorkflowSpec(inputs=inputs, steps=(Step(name="a", script=Script(runtime="bash", source="true")),))
    return list(check_inputs(subject_of(spec, Tools())))


@given(schemas)
def test_what_passes_is_a_schema_for_the_library_too(inputs):
    if not problems(inputs):
        Draft202012Validator.check_schema(inputs)


@given(schemas, st.dictionaries(st.sampled_from(["a", "b", "C"]), json, max_size=3))
def test_a_context_is_answered_for_every_schema_that_passes(inputs, context):
    if problems(inputs):
        return
    found = check_context(inputs, context)

    assert not [problem for problem in found if "cannot be used" in problem.message]
    if not found:
        assert Draft202012Validator(inputs).is_valid({**context, **_defaults(inputs, context)})


def _defaults(inputs: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    fields = inputs.get("properties", {})
    return {
        name: field["default"]
        for name, field in fields.items()
        if name not in context and isinstance(field, dict) and "default" in field
    }
