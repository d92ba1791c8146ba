"""Whatever somebody writes, there is an answer in plain words, and a broken part hides no other."""

from __future__ import annotations

import copy
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.cel.checking import check_expression
from penstock.api.v1alpha1.parse import parse_workflow
from penstock.api.v1alpha1.sources import validate_text

GOOD: dict[str, Any] = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "order"},
    "spec": {
        "inputs": {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]},
        "outputs": {"from": "steps.charge.output"},
        "timeout": "1h",
        "steps": [
            {
                "name": "charge",
                "script": {"runtime": "python", "source": "output({{context_total}})", "dependencies": ["httpx"]},
                "retry": {"limit": 3, "backoff": {"initial": "2s"}},
                "env": [{"name": "A", "value": "x"}],
            },
            {
                "name": "release",
                "needs": ["charge"],
                "when": "context.total > 5.0",
                "approval": {"approvers": {"users": ["a@x"]}, "message": "{{ steps.charge.output }}?"},
            },
        ],
        "finally": [{"name": "audit", "script": {"runtime": "bash", "source": "true"}}],
    },
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 200)
    | st.sampled_from(
        ["", "x", "a-b", "charge", "penstock", "1h", "{{", "steps.x", "90", "source", "{{context_x}}", "\n", "é" * 70]
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "script", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside `value`."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


@st.composite
def broken(draw):
    """A good Workflow with some values replaced, removed or called by another name."""
    document: dict[str, Any] = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(document)))
        parent: Any = document
        for key in path[:-1]:
            parent = parent[key]
        key, change = path[-1], draw(st.sampled_from(["replace", "remove", "rename"]))
        if change == "replace":
            parent[key] = draw(values)
        elif change == "rename" and isinstance(parent, dict):
            parent[f"{key}{draw(st.sampled_from(['s', 'X', '_']))}"] = parent.pop(key)
        else:
            del parent[key]
    return document


def checked(document: object):
    return parse_workflow(document, images={"python": "", "bash": ""}, check_expression=check_expression)


@given(broken())
def test_a_broken_workflow_is_answered_without_a_trace_of_our_stand_ins(document):
    before = copy.deepcopy(document)

    parsed = checked(document)

    assert document == before
    assert "standin" not in " ".join(map(str, parsed.problems)).replace("-", "").lower()
    assert all(problem.message.strip() for problem in parsed.problems)
    assert len({str(problem) for problem in parsed.problems}) == len(parsed.problems)


@given(broken())
def test_what_is_not_given_back_has_a_problem(document):
    parsed = checked(document)

    assert parsed.workflow is not None or parsed.problems


@given(broken())
def test_every_problem_of_a_file_has_a_line(document):
    _, problems = validate_text(yaml.safe_dump(document), images={"python": "", "bash": ""})

    assert all(problem.line for problem in problems)


@given(broken())
def test_a_mistake_elsewhere_does_not_hide_this_one(document):
    steps = document.get("spec", {}).get("steps") if isinstance(document.get("spec"), dict) else None
    if not isinstance(steps, list):
        return
    steps.append({"name": "late", "needs": ["nowhere_at_all"], "script": {"runtime": "bash", "source": "true"}})

    paths = [problem.path for problem in checked(document).problems]

    assert f"spec.steps[{len(steps) - 1}].needs[0]" in paths


@given(st.text(max_size=200))
def test_no_text_is_too_strange_to_be_read(text):
    validate_text(text)
