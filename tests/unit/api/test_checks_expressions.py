"""Every mistake in CEL is found before anything runs: in its syntax and in the names that it uses."""

from __future__ import annotations

from textwrap import indent

import pytest

from tests.unit.api.reading import problems, the_problem, workflow, workflow_text

SPEC = """
inputs:
  type: object
  properties:
    order_total: {{type: number}}
    customer_id: {{type: string}}
steps:
  - {{name: charge, script: {{runtime: bash, source: "true"}}}}
  - {{name: other, script: {{runtime: bash, source: "true"}}}}
  - name: release
    needs: [charge]
{field}
"""


def text_with(field: str, script: str = 'script: {runtime: bash, source: "true"}') -> str:
    return workflow_text(SPEC.format(field=indent(f"{script}\n{field}", "    ")))


CASES = {
    "an expression that stops": ("context.order_total >", "It ends too early", "such as `context.order_total > 500.0`"),
    "one equals sign": ("context.customer_id = 'x'", "is not CEL", "Write `context.customer_id == 'x'`"),
    "three equals signs": ("context.customer_id === 'x'", "is not CEL", "Write `context.customer_id == 'x'`"),
    "words in place of signs": (
        "context.order_total > 5.0 and not steps.charge.output.paid",
        "is not CEL",
        "Write `context.order_total > 5.0 && !steps.charge.output.paid`",
    ),
    "Python's constants": ("steps.charge.output.paid == True", "is not CEL", "steps.charge.output.paid == true"),
    "braces around a condition": (
        '"{{ context.order_total > 5.0 }}"',
        "is not CEL",
        "Write `context.order_total > 5.0`",
    ),
    "a step that does not exist": ("steps.chrge.output.ok", "there is no step `chrge`", "Write `steps.charge`"),
    "a step that is not needed": ("steps.other.output.ok", "`release` does not need `other`", "Add `other` to `needs`"),
    "the step itself": ("steps.release.output.ok", "cannot use its own", "a step that this one needs"),
    "a field of a step instead of its output": (
        "steps.charge.order_id == 'x'",
        "has `output` and `phase`",
        "Write `steps.charge.output.order_id`",
    ),
    "an input that does not exist": ("context.order_totl > 5.0", "no property `order_totl`", "context.order_total"),
    "an input without its prefix": ("order_total > 5.0", "`order_total` is not known", "Write `context.order_total`"),
    "a step without its prefix": ("charge.ok", "`charge` is not known", "Write `steps.charge.output`"),
    "a name that is nothing": ("foo", "`foo` is not known", "context.foo"),
    "a function that does not exist": ("steps.charge.output.id.endWith('x')", "no function `endWith`", "Write CEL"),
    "three loops inside each other": (
        "steps.charge.output.a.all(x, x.all(y, y.all(z, z)))",
        "It has 3 loops",
        "Write CEL",
    ),
    "brackets without end": ("(" * 40 + "true" + ")" * 40, "40 deep; 32 is the limit", "Write CEL"),
    "operators without end": ("true" + " || true" * 300, "300 operators; 256 is the limit", "Write CEL"),
    "the phase of the run in a main step": ("run.phase == 'Failed'", "only for the steps of `finally`", "Remove"),
    "a field that a run does not have": ("run.id == 'x'", "no field `id`", "`name` and `namespace`"),
}


@pytest.mark.parametrize(("expression", "message", "fix"), CASES.values(), ids=CASES)
def test_a_mistake_in_a_condition_is_named(expression, message, fix):
    problem = the_problem(text_with(f"when: {expression}"))

    assert problem.path == "spec.steps[2].when"
    assert message in problem.message
    assert fix in problem.fix
    assert problem.line == 16


GOOD = {
    "a comparison": "context.order_total > 500.0",
    "the output of a needed step": "steps.charge.output.paid && steps.charge.phase == 'Succeeded'",
    "a field that may be missing": "has(steps.charge.output.paid)",
    "names in quotes are no names": "context.customer_id == 'steps.nothing.output'",
    "the variable of a loop": "steps.charge.output.lines.exists(line, line.sku == 'A1')",
    "the variable of a loop that is called like a step": "steps.charge.output.lines.all(other, other.ok)",
    "the run": "run.name != run.namespace",
    "a key in brackets": "steps['charge'].output['order-id'] == 'x'",
}


@pytest.mark.parametrize("expression", GOOD.values(), ids=GOOD)
def test_good_cel_passes(expression):
    workflow(text_with(f"when: {expression}"))


def test_the_message_of_a_gate_holds_cel_in_braces():
    approval = "approval: {approvers: {users: [a@x]}, message: '%s'}"

    def problem(message: str) -> str:
        return the_problem(text_with("", approval % message)).message

    assert "there is no step `chrge`" in problem("Release {{ steps.chrge.output.id }}?")
    assert "ends too early" in problem("Release {{ 1 + }}?")
    assert "never closed" in problem("Release {{ context.order_total?")
    assert "braces are empty" in problem("Release {{ }}?")
    workflow(text_with("", approval % "Release {{ steps.charge.output.id }} of {{ context.customer_id }}? } {"))


def test_every_expression_of_a_message_is_checked():
    approval = "approval: {approvers: {users: [a@x]}, message: '{{ foo }} {{ steps.nope.output }} {{ context.nope }}'}"

    assert len(problems(text_with("", approval))) == 3


def test_a_step_of_finally_sees_every_step_and_how_the_run_ended():
    workflow(
        workflow_text("""
            steps:
              - {name: a, script: {runtime: bash, source: "true"}}
            finally:
              - name: z
                when: run.phase == 'Failed' && steps.a.phase == 'Failed' && size(run.failedSteps) > 0
                script: {runtime: bash, source: "true"}
        """)
    )


def test_a_need_reaches_through_other_needs():
    workflow(
        workflow_text("""
            steps:
              - {name: a, script: {runtime: bash, source: "true"}}
              - {name: b, needs: [a], script: {runtime: bash, source: "true"}}
              - {name: c, needs: [b], when: steps.a.output.ok, script: {runtime: bash, source: "true"}}
        """)
    )


def test_the_output_of_a_run_may_come_from_any_step():
    spec = """
        outputs: {from: %s}
        steps:
          - {name: a, script: {runtime: bash, source: "true"}}
    """
    workflow(workflow_text(spec % "steps.a.output"))

    problem = the_problem(workflow_text(spec % "steps.b.output"))
    assert (problem.path, problem.line) == ("spec.outputs.from", 5)


def test_without_inputs_any_context_field_may_be_named():
    workflow(workflow_text('steps: [{name: a, when: context.anything, script: {runtime: bash, source: "true"}}]'))


def test_open_inputs_take_any_context_field():
    workflow(
        workflow_text("""
            inputs: {type: object, additionalProperties: {type: string}}
            steps: [{name: a, when: context.anything == 'x', script: {runtime: bash, source: "true"}}]
        """)
    )


CONCURRENCY = """
    inputs: {type: object, properties: {region: {type: string}}}
    concurrency: {key: %s}
    steps: [{name: a, script: {runtime: bash, source: "true"}}]
"""


def test_a_concurrency_key_is_worked_out_from_the_context_alone():
    workflow(workflow_text(CONCURRENCY % "context.region"))

    for key in ("steps.a.output", "run.name"):
        problem = the_problem(workflow_text(CONCURRENCY % key))
        assert (problem.path, problem.line) == ("spec.concurrency.key", 6)
        assert "before the run begins" in problem.message
    assert "context.region" in the_problem(workflow_text(CONCURRENCY % "context.regio")).fix
    assert "cannot be evaluated" in the_problem(workflow_text(CONCURRENCY % "context.region +")).message


@pytest.mark.parametrize(
    ("field", "path", "message"),
    [
        ("workflow: {specFrom: steps.ghost.output}", "workflow.specFrom", "there is no step `ghost`"),
        (
            'workflow: {name: b, context: {a: ["{{ context.x }}"]}}',
            "workflow.context.a[0]",
            "no property `x`",
        ),
        ('workflow: {name: b, context: {a: "{{ "}}', "workflow.context.a", "cannot be read"),
        ("wait: {until: steps.other.output}", "wait.until", "`release` does not need `other`"),
    ],
)
def test_expressions_of_every_kind_of_step_are_checked(field, path, message):
    problem = the_problem(text_with(field, ""))
    assert problem.path == f"spec.steps[2].{path}"
    assert message in problem.message
