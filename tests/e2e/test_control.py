"""Runs of runs, runs that wait, runs that people hold and retry, each on the real cluster with kubectl."""

from __future__ import annotations

from typing import Any

from tests.support.tenant import ALICE, API_VERSION, LEAD, MALLORY, Json, Tenant, a_step, a_workflow

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}
DOUBLE = a_workflow("double", a_step("work", "output(context.n * 2)"), inputs=NUMBER)


def a_child(step: str, *needs: str, **workflow: Any) -> Json:
    return {"name": step, "needs": list(needs), "workflow": workflow}


def children(tenant: Tenant) -> list[Json]:
    runs = tenant.cluster.read("-n", tenant.namespace, "workflowruns")["items"]
    return [run for run in runs if "parent" in run["spec"]]


def test_steps_that_are_runs_of_their_own(tenant: Tenant) -> None:
    plan = {"steps": [a_step("made", "output(100)")]}
    tenant.apply(DOUBLE)
    tenant.apply(
        a_workflow(
            "outer",
            a_child("first", name="double", context={"n": "{{ context.n + 1 }}"}),
            a_child("second", "first", name="double", context={"n": "{{ steps.first.output }}"}),
            a_step("plan", f"output({plan!r})"),
            a_child("planned", "plan", specFrom="steps.plan.output"),
            inputs=NUMBER,
            outputs={"from": "[steps.second.output, steps.planned.output]"},
        )
    )
    tenant.start("outer", {"n": 4})
    run = tenant.finished("run")
    assert (run["status"]["phase"], run["status"]["output"]) == ("Succeeded", [20, 100])
    assert {child["spec"]["requestedBy"]["user"] for child in children(tenant)} == {ALICE.name}
    tenant.kubectl(ALICE, "delete", "pwr", "run", check=False)
    tenant.admin("delete", "pwr", "run", "--ignore-not-found")
    tenant.admin("wait", "pwr", "--all", "--for=delete", "--timeout=60s")
    assert children(tenant) == []


def test_nobody_runs_through_a_parent_what_he_may_not_run_himself(tenant: Tenant) -> None:
    """Mallory may run one Workflow by name; what it would start in his name is held to his own rights."""
    produced = a_workflow(
        "sneaky", a_step("plan", f"output({ {'steps': [a_step('made', 'output(1)')]}!r})"),
        a_child("planned", "plan", specFrom="steps.plan.output"),
    )  # fmt: skip
    tenant.apply(produced)
    wanted = {"apiVersion": API_VERSION, "kind": "WorkflowRun", "metadata": {"name": "run"}}
    tenant.kubectl(MALLORY, "create", "-f", "-", stdin={**wanted, "spec": {"workflow": {"name": "sneaky"}}})
    status = tenant.finished("run")["status"]
    assert (status["phase"], status["error"]["code"]) == ("Failed", "REFUSED")
    assert f"{MALLORY.name} may not run definitions inline" in status["error"]["reason"]
    assert children(tenant) == []


def test_a_gate_inside_a_child_holds_its_parent(tenant: Tenant) -> None:
    gate = {"name": "release", "approval": {"approvers": {"users": [LEAD.name]}}}
    tenant.apply(a_workflow("inner", gate, a_step("ship", "output('shipped')", needs=["release"])))
    tenant.apply(a_workflow("outer", a_child("sub", name="inner")))
    tenant.start("outer")
    parent = tenant.phase("run", "Waiting")
    assert LEAD.name in parent["status"]["waitingFor"]
    (child,) = children(tenant)
    assert tenant.vote(LEAD, tenant.gate(child, "release")).returncode == 0
    assert tenant.finished("run")["status"]["output"] == "shipped"


def test_a_run_that_is_held_waits_for_whoever_lets_it_go_on(tenant: Tenant) -> None:
    wait = {"name": "pause", "wait": {"duration": "1s"}}
    tenant.apply(a_workflow("held", wait, a_step("after", "output('went on')", needs=["pause"])))
    held = {"apiVersion": API_VERSION, "kind": "WorkflowRun", "metadata": {"name": "run"}}
    tenant.kubectl(ALICE, "create", "-f", "-", stdin={**held, "spec": {"workflow": {"name": "held"}, "suspend": True}})
    run = tenant.phase("run", "Waiting")
    assert "suspended" in run["status"]["waitingFor"]
    assert tenant.of_run("job", "run") == []
    tenant.kubectl(ALICE, "patch", "pwr", "run", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    status = tenant.finished("run")["status"]
    assert (status["phase"], status["output"]) == ("Succeeded", "went on")


def test_a_failed_run_is_retried_with_what_succeeded(tenant: Tenant) -> None:
    tenant.apply(
        a_workflow(
            "flaky",
            a_step("charge", "output({'id': 7})"),
            a_step("ship", "fail('NO_STOCK', 'sold out')", needs=["charge"]),
        )
    )
    tenant.start("flaky")
    first = tenant.finished("run")
    revision = first["status"]["revision"]["name"]
    spec = {"workflow": {"name": "flaky", "revision": revision}, "retryOf": "run"}
    again = {"apiVersion": API_VERSION, "kind": "WorkflowRun", "metadata": {"name": "again"}, "spec": spec}
    tenant.kubectl(ALICE, "create", "-f", "-", stdin=again)
    status = tenant.finished("again")["status"]
    assert status["steps"]["charge"]["carried"] is True
    assert status["steps"]["charge"]["output"] == {"id": 7}
    assert [job["metadata"]["annotations"]["penstock.dev/step"] for job in tenant.of_run("job", "again")] == ["ship"]
