"""A Workflow without problems becomes the plan that the engine decides on."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from penstock.adapters.cel.checking import check_expression
from penstock.api.v1alpha1.compile import Compiled, compile_workflow
from penstock.api.v1alpha1.workflow import Script, Step, WorkflowSpec
from penstock.engine.digests import REVISION_SCHEME, digest
from penstock.engine.model import Concurrency, Gate, OnFailure, OnLimit, Plan, Retry, StepKind
from tests.unit.api.reading import workflow, workflow_text

ORDER = workflow_text("""
    inputs:
      type: object
      required: [customer_id]
      properties:
        customer_id: {type: string, pattern: "^CUST-[0-9]+$"}
        order_total: {type: number}
    outputs: {from: steps.charge.output}
    timeout: 1h
    steps:
      - name: charge
        script:
          runtime: python
          dependencies: ["httpx==0.28.1"]
          source: |
            order = {{context_customer_id}}
            output({"order_id": "ORD-" + order})
        retry: {limit: 3, backoff: {initial: 2s, factor: 3, max: 1m}}
        timeout: 2m
        env: [{name: REGION, value: eu}, {name: EMPTY}]
        resources: {limits: {memory: 256Mi}}
        onFailure: continue
      - name: release
        needs: [charge]
        when: context.order_total > 500.0
        approval:
          approvers: {users: [lead@example.com], groups: [order-leads]}
          message: "Release {{ steps.charge.output.order_id }}?"
          expiresAfter: 12h
      - name: ship
        needs: [release]
        script: {runtime: bash, source: "echo {{context_customer_id}}"}
        requiresApproval: {approvers: {users: [a@x, b@x]}, quorum: 2, eachAttempt: true}
    finally:
      - name: audit
        script: {runtime: bash, source: 'echo "$PENSTOCK_RUN_PHASE"'}
""")


def compiled(text: str = ORDER, **images: str) -> Compiled:
    return compile_workflow(
        workflow(text).spec, images={"python": "", "bash": "", **images}, check_expression=check_expression
    )


@pytest.fixture(scope="module")
def plan() -> Plan:
    found = compiled().plan
    assert found is not None
    return found


def test_steps_keep_their_order_and_those_of_finally_come_last(plan):
    assert list(plan.steps) == ["charge", "release", "ship", "audit"]
    assert [step.name for step in plan.final] == ["audit"]
    assert (plan.timeout, plan.output_from) == (timedelta(hours=1), "steps.charge.output")


def test_a_script_step_carries_all_that_a_runner_needs_as_json(plan):
    program = plan.steps["charge"].program

    assert json.loads(json.dumps(program)) == program
    assert program == {
        "kind": "script",
        "runtime": "python",
        "source": 'order = context["customer_id"]\noutput({"order_id": "ORD-" + order})\n',
        "dependencies": ["httpx==0.28.1"],
        "env": [{"name": "REGION", "value": "eu"}, {"name": "EMPTY", "value": ""}],
        "resources": {"limits": {"memory": "256Mi"}},
        "timeoutSeconds": 120,
    }


def test_the_image_is_there_only_where_there_is_one():
    found = compiled(python="registry.example/python@sha256:00").plan
    assert found is not None

    assert found.steps["charge"].program["image"] == "registry.example/python@sha256:00"
    assert "image" not in found.steps["ship"].program


def test_retries_limits_and_failures_are_as_written(plan):
    charge = plan.steps["charge"]

    assert charge.retry == Retry(3, timedelta(seconds=2), 3.0, timedelta(minutes=1))
    assert (charge.timeout, charge.on_failure) == (timedelta(minutes=2), OnFailure.CONTINUE)
    assert plan.steps["ship"].retry == Retry()


def test_a_gate_of_its_own_and_one_in_front_of_a_step(plan):
    release, ship = plan.steps["release"], plan.steps["ship"]

    assert (release.kind, release.when, dict(release.program)) == (StepKind.APPROVAL, "context.order_total > 500.0", {})
    assert release.gate == Gate(
        ("lead@example.com",), ("order-leads",), 1, "Release {{ steps.charge.output.order_id }}?", timedelta(hours=12)
    )
    assert ship.kind is StepKind.SCRIPT
    assert ship.gate is not None
    assert (ship.gate.quorum, ship.gate.each_attempt) == (2, True)


def test_the_digest_is_that_of_the_content_and_of_nothing_else(plan):
    spec = workflow(ORDER).spec
    elsewhere, edited = compiled(python="another:image").plan, compiled(ORDER.replace("limit: 3", "limit: 4")).plan
    assert elsewhere is not None
    assert edited is not None

    assert plan.digest == digest(REVISION_SCHEME, spec.to_wire())
    assert elsewhere.digest == plan.digest
    assert edited.digest != plan.digest


def test_with_problems_there_is_no_plan():
    spec = WorkflowSpec(steps=(Step(name="a"),))

    found = compile_workflow(spec, images={}, check_expression=check_expression)

    assert found.plan is None
    assert [problem.path for problem in found.problems] == ["spec.steps[0]"]


def script(name: str, source: str = "true") -> Step:
    return Step(name=name, script=Script(runtime="bash", source=source))


def test_too_many_steps_are_refused_with_the_limit():
    main = tuple(script(f"s{number}") for number in range(190))
    final = tuple(script(f"f{number}") for number in range(11))
    spec = WorkflowSpec(steps=main, finally_=final)

    found = compile_workflow(spec, images={"bash": ""}, check_expression=check_expression)

    assert [problem.message for problem in found.problems] == [
        "The Workflow has 201 steps with those of `finally`; 200 is the limit."
    ]


def test_a_workflow_over_512_kib_is_refused_with_the_limit():
    spec = WorkflowSpec(steps=tuple(script(f"s{number}", "#" * 130_000) for number in range(5)))

    found = compile_workflow(spec, images={"bash": ""}, check_expression=check_expression)

    assert len(found.problems) == 1
    assert "524,288 (512 KiB) is the limit" in found.problems[0].message


def test_the_binding_of_placeholders_can_be_another():
    class Bound:
        source = "bound"
        problems = ()

    seen = []

    def bind(runtime, source, names, types):
        seen.append((runtime, names))
        return Bound()

    found = compile_workflow(
        workflow(ORDER).spec, images={"python": "", "bash": ""}, check_expression=check_expression, bind=bind
    )

    assert found.plan is not None
    assert found.plan.steps["charge"].program["source"] == "bound"
    assert seen[0] == ("python", frozenset({"customer_id", "order_total"}))


def test_whole_numbers_may_stand_in_shell_arithmetic_and_other_fields_may_not():
    source = "(( {{context_count}} > 1 ))"

    def problems(kind):
        inputs = {"type": "object", "properties": {"count": {"type": kind}}}
        spec = WorkflowSpec(steps=(script("a", source),), inputs=inputs)
        return compile_workflow(spec, images={"bash": ""}, check_expression=check_expression).problems

    assert problems("integer") == ()
    assert len(problems("string")) == 1


@pytest.mark.parametrize(
    ("written", "want"),
    [
        pytest.param("", None, id="any number"),
        pytest.param("concurrency: {}", Concurrency(None, 1, OnLimit.QUEUE), id="one at a time, in order"),
        pytest.param(
            "concurrency: {key: context.customer_id, limit: 3, onLimit: replace}",
            Concurrency("context.customer_id", 3, OnLimit.REPLACE),
            id="all of it",
        ),
    ],
)
def test_how_many_runs_may_be_under_way(written: str, want: Concurrency | None):
    plan = compiled(f"{ORDER}  {written}\n").plan
    assert plan is not None
    assert plan.concurrency == want
