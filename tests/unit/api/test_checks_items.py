"""Every mistake about items is found before anything runs."""

from __future__ import annotations

import pytest

from penstock.adapters.cel.checking import check_expression
from penstock.api.v1alpha1.compile import compile_workflow
from penstock.engine.fan_out import FanOut
from tests.unit.api.reading import IMAGES, the_problem, workflow, workflow_text

INPUTS = """
inputs:
  type: object
  properties:
    orders: {type: array, items: {type: object}}
    day: {type: string}
steps:
"""
GATE = "approvers: {users: [u@x]}"

CASES = {
    "items of a step that has none": (
        "- {name: a, script: {runtime: bash, source: x}, itemsPerPod: 5}",
        ("spec.steps[0].itemsPerPod", "step `a` has none", "Add `forEach: <a list>`"),
    ),
    "a gate for each item": (
        f"- {{name: a, forEach: context.orders, approval: {{{GATE}}}}}",
        ("spec.steps[0].forEach", "Only what runs a program or a Workflow", "write `requiresApproval`"),
    ),
    "a wait for each item": (
        "- {name: a, forEach: context.orders, wait: {duration: 5m}}",
        ("spec.steps[0].forEach", "Only what runs a program or a Workflow", "Remove `forEach`"),
    ),
    "several containers in one pod": (
        "- {name: a, forEach: context.orders, itemsPerPod: 5, container: {image: tool}}",
        ("spec.steps[0].itemsPerPod", "of a `container` each item starts one of its own", "Remove `itemsPerPod`"),
    ),
    "several runs in one pod": (
        "- {name: a, forEach: context.orders, itemsPerPod: 5, workflow: {name: inner}}",
        ("spec.steps[0].itemsPerPod", "of a `workflow` each item starts one of its own", "`maxParallel` says"),
    ),
    "one environment for several items": (
        """- {name: a, forEach: context.orders, itemsPerPod: 5, script: {runtime: bash, source: x},
       env: [{name: A, value: '{{ context.day }}'}, {name: B, value: 'sku {{ item.sku }}'}]}""",
        ("spec.steps[0].env[1].value", "A pod has one environment", "Read `item` in the script"),
    ),
    "an item in a step that has none": (
        "- {name: a, container: {image: tool, args: ['{{ item.sku }}']}}",
        ("spec.steps[0].container.args[0]", "does not run once for each item", "Add `forEach: <a list>`"),
    ),
    "a gate for each attempt of all items": (
        f"""- {{name: a, forEach: context.orders, script: {{runtime: bash, source: x}},
       requiresApproval: {{{GATE}, eachAttempt: true}}}}""",
        ("spec.steps[0].requiresApproval.eachAttempt", "one for all items", "Remove `eachAttempt`"),
    ),
    "the whole list in the program of one item": (
        "- {name: a, forEach: context.orders, script: {runtime: python, source: 'output(len({{context_orders}}))'}}",
        ("spec.steps[0].script.source", "gets one item of it, not all", "called `item`"),
    ),
    "an input that there is not": (
        "- {name: a, forEach: context.order, script: {runtime: bash, source: x}}",
        ("spec.steps[0].forEach", "no property `order`", "Write `context.orders`"),
    ),
    "an item where there is none yet": (
        "- {name: a, forEach: context.orders, when: item.paid, script: {runtime: bash, source: x}}",
        ("spec.steps[0].when", "worked out once for the step", "Use `item` in the step's script"),
    ),
}


@pytest.mark.parametrize(("step", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(step, expected):
    path, message, fix = expected

    problem = the_problem(workflow_text(f"{INPUTS}  {step}\n"))

    assert problem.path == path
    assert message in problem.message
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("maxParallel", "0", id="no pod at all"),
        pytest.param("maxParallel", "257", id="too many pods"),
        pytest.param("itemsPerPod", "1001", id="too many items in a pod"),
        pytest.param("itemFailures", "{tolerated: -1}", id="fewer than none"),
        pytest.param("itemFailures", "{tolerated: 101%}", id="more than all"),
        pytest.param("itemFailures", "{tolerated: some}", id="no number"),
    ],
)
def test_what_is_out_of_bounds_is_refused(field, value):
    step = f"- {{name: a, forEach: context.orders, {field}: {value}, script: {{runtime: bash, source: x}}}}"
    assert the_problem(workflow_text(f"{INPUTS}  {step}\n")).path.startswith(f"spec.steps[0].{field}")


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        pytest.param(
            "forEach: context.orders",
            FanOut("context.orders", sources=(("context", "orders"),)),
            id="what goes without saying",
        ),
        pytest.param(
            "forEach: 'steps.list.output.rows.filter(r, r.day == context.day)', needs: [list], maxParallel: 5, "
            "itemsPerPod: 50, itemFailures: {tolerated: 10%, failFast: false}",
            FanOut(
                "steps.list.output.rows.filter(r, r.day == context.day)",
                sources=(("steps", "list", "output", "rows"), ("context", "day")),
                max_parallel=5,
                items_per_pod=50,
                tolerated=10,
                in_percent=True,
                fail_fast=False,
            ),
            id="all of it",
        ),
        pytest.param(
            "forEach: '[1, 2]', itemFailures: {tolerated: 3}", FanOut("[1, 2]", tolerated=3), id="a list in the text"
        ),
    ],
)
def test_what_is_written_is_what_is_planned(fields, want):
    steps = f"""
  - {{name: list, script: {{runtime: bash, source: x}}}}
  - {{name: a, script: {{runtime: bash, source: x}}, {fields}}}
"""
    compiled = compile_workflow(
        workflow(workflow_text(f"{INPUTS}{steps}")).spec, images=IMAGES, check_expression=check_expression
    )
    assert compiled.plan is not None
    assert compiled.plan.steps["a"].fan_out == want
    assert compiled.plan.steps["list"].fan_out is None


@pytest.mark.parametrize(
    ("step", "templates", "of_items"),
    [
        pytest.param(
            "container: {image: tool, args: ['{{ context.day }}']}, env: [{name: SKU, value: '{{ item.sku }}'}]",
            {"args": ["{{ context.day }}"]},
            {"env": [{"name": "SKU", "value": "{{ item.sku }}"}]},
            id="container",
        ),
        pytest.param(
            "workflow: {name: inner, context: {place: '{{ itemIndex }}', day: '{{ context.day }}'}}",
            {},
            {"context": {"place": "{{ itemIndex }}", "day": "{{ context.day }}"}},
            id="workflow",
        ),
        pytest.param("workflow: {specFrom: item}", {}, {"inline": "{{ item }}"}, id="definitions"),
        pytest.param(
            "script: {runtime: bash, source: x}, env: [{name: ALL, value: '{{ context.orders.map(item, item.sku) }}'}]",
            {"env": [{"name": "ALL", "value": "{{ context.orders.map(item, item.sku) }}"}]},
            {},
            id="a name of its own that is called item",
        ),
    ],
)
def test_what_depends_on_the_item_is_worked_out_for_each(step, templates, of_items):
    text = workflow_text(f"{INPUTS}  - {{name: a, forEach: context.orders, {step}}}\n")
    compiled = compile_workflow(workflow(text).spec, images=IMAGES, check_expression=check_expression)
    assert compiled.problems == ()
    assert compiled.plan.steps["a"].templates == templates
    assert compiled.plan.steps["a"].fan_out.templates == of_items
