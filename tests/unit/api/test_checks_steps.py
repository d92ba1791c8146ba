"""Every mistake in steps is found, where it stands and with what to write instead."""

from __future__ import annotations

import pytest

from tests.unit.api.reading import problems, steps_text, the_problem, workflow, workflow_text

CASES = {
    "two steps of one name": (
        """
        - {name: a, script: {runtime: bash, source: "true"}}
        - {name: a, script: {runtime: bash, source: "true"}}
        """,
        ("spec.steps[1].name", "`a` is taken by spec.steps[0]", "a_2"),
    ),
    "a step that does nothing": (
        "- {name: a}",
        (
            "spec.steps[0]",
            "none of `script`, `container`, `http`, `sql`, `llm`, `discover`, `workflow`, `approval` and `wait`",
            "Add `script:",
        ),
    ),
    "a step that does two things": (
        "- {name: a, script: {runtime: bash, source: x}, approval: {approvers: {users: [u@x]}}}",
        ("spec.steps[0].approval", "both `script` and `approval`", "`requiresApproval`"),
    ),
    "a gate in front of a gate": (
        "- {name: a, approval: {approvers: {users: [u@x]}}, requiresApproval: {approvers: {users: [u@x]}}}",
        ("spec.steps[0].requiresApproval", "nothing that a gate could stand in front of", "Remove `requiresApproval`"),
    ),
    "a child that is named and produced": (
        "- {name: a, workflow: {name: b, specFrom: context.x}}",
        ("spec.steps[0].workflow", "exactly one of the two", "`name: order-processing`"),
    ),
    "a child with resources": (
        "- {name: a, workflow: {name: b}, resources: {limits: {cpu: 100m}}}",
        ("spec.steps[0].resources", "A `workflow` step runs no program", "Remove `resources`"),
    ),
    "a wait with two ends": (
        "- {name: a, wait: {duration: 5m, until: context.x}}",
        ("spec.steps[0].wait", "exactly one of the two", "`duration: 10m`"),
    ),
    "a wait of no time": (
        "- {name: a, wait: {duration: 0s}}",
        ("spec.steps[0].wait.duration", "A wait of no time", "`10m`"),
    ),
    "a wait that is to be retried": (
        "- {name: a, wait: {duration: 5m}, retry: {limit: 2}}",
        ("spec.steps[0].retry", "A `wait` step has no attempts", "Remove `retry`"),
    ),
    "a wait with a time limit": (
        "- {name: a, wait: {duration: 5m}, timeout: 2m}",
        ("spec.steps[0].timeout", "`timeout` limits nothing", "Remove `timeout`"),
    ),
    "a gate that nobody may open": (
        "- {name: a, approval: {approvers: {}}}",
        ("spec.steps[0].approval.approvers", "neither users nor groups", "lead@example.com"),
    ),
    "a quorum that can never be met": (
        "- {name: a, approval: {quorum: 3, approvers: {users: [u@x, v@x]}}}",
        ("spec.steps[0].approval.quorum", "3 people must approve, but 2 users are listed", "`quorum: 2`"),
    ),
    "one person listed twice counts once": (
        "- {name: a, approval: {quorum: 2, approvers: {users: [u@x, u@x]}}}",
        ("spec.steps[0].approval.quorum", "1 user is listed", "`quorum: 1`"),
    ),
    "a gate that expires at once": (
        "- {name: a, approval: {expiresAfter: 0s, approvers: {users: [u@x]}}}",
        ("spec.steps[0].approval.expiresAfter", "the moment it is asked", "24h"),
    ),
    "a retry of an approval": (
        "- {name: a, approval: {approvers: {users: [u@x]}}, retry: {limit: 2}}",
        ("spec.steps[0].retry", "no attempts", "Remove `retry`"),
    ),
    "a timeout of an approval": (
        "- {name: a, approval: {approvers: {users: [u@x]}}, timeout: 2h}",
        ("spec.steps[0].timeout", "runs no program", "`expiresAfter: 2h`"),
    ),
    "an unknown need that is near a step": (
        """
        - {name: charge, script: {runtime: bash, source: "true"}}
        - {name: notify, needs: [charg], script: {runtime: bash, source: "true"}}
        """,
        ("spec.steps[1].needs[0]", "There is no step `charg`", "Write `charge`"),
    ),
    "an unknown need that is near nothing": (
        """
        - {name: charge, script: {runtime: bash, source: "true"}}
        - {name: notify, needs: [xyz], script: {runtime: bash, source: "true"}}
        """,
        ("spec.steps[1].needs[0]", "There is no step `xyz`", "The steps are `charge` and `notify`"),
    ),
    "a step that needs itself": (
        "- {name: a, needs: [a], script: {runtime: bash, source: x}}",
        ("spec.steps[0].needs[0]", "needs itself", "Remove `a`"),
    ),
    "a cycle": (
        """
        - {name: a, needs: [c], script: {runtime: bash, source: x}}
        - {name: b, needs: [a], script: {runtime: bash, source: x}}
        - {name: c, needs: [b], script: {runtime: bash, source: x}}
        """,
        ("spec.steps[0].needs", "a → c → b → a", "`c` from the needs of `a`"),
    ),
    "an unknown runtime": (
        "- {name: a, script: {runtime: pyton, source: x}}",
        ("spec.steps[0].script.runtime", "There is no runtime `pyton`", "the runtimes are `python` and `bash`"),
    ),
    "a timeout of nothing": (
        "- {name: a, script: {runtime: bash, source: x}, timeout: 0s}",
        ("spec.steps[0].timeout", "in no time", "`2m`"),
    ),
    "a retry without a limit": (
        "- {name: a, script: {runtime: bash, source: x}, retry: {backoff: {initial: 2s}}}",
        ("spec.steps[0].retry", "its `limit` is 0", "`limit: 3`"),
    ),
    "a first wait that is longer than the longest": (
        "- {name: a, script: {runtime: bash, source: x}, retry: {limit: 2, backoff: {initial: 2m, max: 1m}}}",
        ("spec.steps[0].retry.backoff.initial", "longer than the longest one (1m)", "at most `1m`"),
    ),
    "a variable that decides what runs": (
        "- {name: a, script: {runtime: bash, source: x}, env: [{name: BASH_ENV, value: /tmp/x}]}",
        ("spec.steps[0].env[0].name", "decides what runs before the script", "another name"),
    ),
    "a variable of ours": (
        "- {name: a, script: {runtime: bash, source: x}, env: [{name: CTX_order, value: x}]}",
        ("spec.steps[0].env[0].name", "begin with `CTX_`", "`order`"),
    ),
    "a variable set twice": (
        "- {name: a, script: {runtime: bash, source: x}, env: [{name: A, value: x}, {name: A, value: y}]}",
        ("spec.steps[0].env[1].name", "set already by spec.steps[0].env[0]", "Remove one"),
    ),
}


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(steps, expected):
    path, message, fix = expected

    problem = the_problem(steps_text(steps))

    assert problem.path == path
    assert message in problem.message
    assert fix in problem.fix
    assert problem.line is not None


@pytest.mark.parametrize(
    "name", ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "ENV", "NODE_OPTIONS", "PYTHONPATH", "PYTHONSTARTUP", "IFS"]
)
def test_no_variable_can_choose_the_program(name):
    problem = the_problem(
        steps_text(f"- {{name: a, script: {{runtime: bash, source: x}}, env: [{{name: {name}, value: x}}]}}")
    )

    assert problem.path == "spec.steps[0].env[0].name"


def test_two_cycles_are_two_problems():
    found = problems(
        steps_text("""
            - {name: a, needs: [b], script: {runtime: bash, source: x}}
            - {name: b, needs: [a], script: {runtime: bash, source: x}}
            - {name: c, needs: [d], script: {runtime: bash, source: x}}
            - {name: d, needs: [c], script: {runtime: bash, source: x}}
        """)
    )

    assert [problem.path for problem in found] == ["spec.steps[0].needs", "spec.steps[2].needs"]


def test_main_steps_and_finally_do_not_need_each_other():
    found = problems(
        workflow_text("""
            steps:
              - {name: a, needs: [z], script: {runtime: bash, source: x}}
            finally:
              - {name: z, script: {runtime: bash, source: x}}
              - {name: y, needs: [a], script: {runtime: bash, source: x}}
        """)
    )

    assert [problem.path for problem in found] == ["spec.steps[0].needs[0]", "spec.finally[1].needs[0]"]
    assert "starts after all other steps have ended" in found[0].message
    assert "steps.a" in found[1].fix


def test_steps_of_finally_may_need_each_other():
    workflow(
        workflow_text("""
            steps:
              - {name: a, script: {runtime: bash, source: x}}
            finally:
              - {name: z, script: {runtime: bash, source: x}}
              - {name: y, needs: [z], script: {runtime: bash, source: x}}
        """)
    )


def test_a_name_is_taken_across_steps_and_finally():
    problem = the_problem(
        workflow_text("""
            steps:
              - {name: a, script: {runtime: bash, source: x}}
            finally:
              - {name: a, script: {runtime: bash, source: x}}
        """)
    )

    assert problem.path == "spec.finally[0].name"


def test_a_step_cannot_take_longer_than_the_run():
    problem = the_problem(
        workflow_text("""
            timeout: 1h
            steps:
              - {name: a, timeout: 2h, script: {runtime: bash, source: x}}
        """)
    )

    assert problem.path == "spec.steps[0].timeout"
    assert "`1h`" in problem.fix


def test_a_group_can_meet_any_quorum():
    workflow(steps_text("- {name: a, approval: {quorum: 5, approvers: {users: [u@x], groups: [leads]}}}"))
