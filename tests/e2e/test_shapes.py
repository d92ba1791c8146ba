"""What a Workflow can be made of, each on the real cluster: what people see of it, and what is left in the cluster."""

from __future__ import annotations

from typing import Any

from tests.support.cluster import ROOT
from tests.support.tenant import ALICE, LEAD, Json, Tenant, a_step, a_workflow

APPROVERS = {"users": [LEAD.name]}
FIRST_FAILS = """\
if [ "$PENSTOCK_ATTEMPT" = 1 ]; then fail NOT_YET "try again"; fi
output "$PENSTOCK_ATTEMPT"
"""
QUICKLY = {"limit": 2, "backoff": {"initial": "200ms"}}


def phases(run: Json) -> dict[str, str]:
    return {name: step["phase"] for name, step in run["status"]["steps"].items()}


def ran(tenant: Tenant, workflow: Json, context: dict[str, Any] | None = None) -> Json:
    """The run of a Workflow, at its end."""
    tenant.apply(workflow)
    tenant.start(workflow["metadata"]["name"], context)
    return tenant.finished("run")


def test_steps_side_by_side_with_outputs_passed_on(tenant: Tenant) -> None:
    sides = [a_step(f"side{number}", f"output(steps.start.output * {number})", needs=["start"]) for number in (2, 3)]
    total = a_step(
        "total", "output(sum(step.output for step in steps.values() if step.output > 10))", needs=["side2", "side3"]
    )
    run = ran(tenant, a_workflow("diamond", a_step("start", "output(10)"), *sides, total))
    assert (run["status"]["phase"], run["status"]["output"]) == ("Succeeded", 50)
    assert run["status"]["progress"] == "4/4"


def test_a_failed_attempt_is_tried_again(tenant: Tenant) -> None:
    run = ran(tenant, a_workflow("again", a_step("flaky", FIRST_FAILS, runtime="bash", retry=QUICKLY)))
    step = run["status"]["steps"]["flaky"]
    assert (run["status"]["phase"], step["attempt"], step["output"]) == ("Succeeded", 2, 2)
    tenant.admin("wait", "job", "--all", "--for=jsonpath={.status.conditions}", "--timeout=30s")
    ends = sorted(job["status"]["conditions"][-1]["type"] for job in tenant.of_run("job", "run"))
    assert ends == ["Complete", "Failed"]


def test_a_failure_skips_what_needs_it_and_finally_still_runs(tenant: Tenant) -> None:
    run = ran(
        tenant,
        a_workflow(
            "fails",
            a_step("stock", "fail('NO_STOCK', 'nothing left of A-1')"),
            a_step("ship", "output(1)", needs=["stock"]),
            a_step("aside", "fail('ASIDE', 'nobody minds')", onFailure="continue"),
            a_step("after_aside", "output('went on')", needs=["aside"]),
            finally_=[a_step("clean", 'echo "it ended $PENSTOCK_RUN_PHASE"', runtime="bash")],
        ),
    )
    error = run["status"]["error"]
    assert run["status"]["phase"] == "Failed"
    assert (error["code"], error["step"], error["reason"]) == ("NO_STOCK", "stock", "nothing left of A-1")
    assert phases(run) == {
        "stock": "Failed",
        "ship": "Skipped",
        "aside": "Failed",
        "after_aside": "Succeeded",
        "clean": "Succeeded",
    }
    assert "it ended Failed" in tenant.kubectl(ALICE, "logs", "-l", "penstock.dev/run=run", "--tail=-1").stdout


def test_a_step_whose_condition_is_false_is_skipped_and_holds_nothing_up(tenant: Tenant) -> None:
    inputs = {"type": "object", "properties": {"total": {"type": "number"}}}
    big = a_step("big", "output('big')", when="context.total > 100.0")
    after = a_step("after", "output('after')", needs=["big"])
    run = ran(tenant, a_workflow("maybe", big, after, inputs=inputs), {"total": 5})
    assert (phases(run), run["status"]["output"]) == ({"big": "Skipped", "after": "Succeeded"}, "after")
    assert len(tenant.of_run("job", "run")) == 1


def test_an_approved_step_is_retried_without_a_further_vote(tenant: Tenant) -> None:
    gate = {"approvers": APPROVERS, "message": "Charge?"}
    tenant.apply(
        a_workflow("charge", a_step("charge", FIRST_FAILS, runtime="bash", retry=QUICKLY, requiresApproval=gate))
    )
    run = tenant.start("charge")
    request = tenant.gate(tenant.phase(run, "Waiting"), "charge")
    assert tenant.of_run("job", run) == []
    assert tenant.vote(LEAD, request).returncode == 0
    status = tenant.finished(run)["status"]
    assert (status["phase"], status["steps"]["charge"]["attempt"]) == ("Succeeded", 2)
    assert len(tenant.of_run("approvalrequest", run)) == 1


def test_a_gate_that_nobody_answers_expires(tenant: Tenant) -> None:
    tenant.apply(a_workflow("ask", {"name": "ask", "approval": {"approvers": APPROVERS, "expiresAfter": "2s"}}))
    run = tenant.start("ask")
    status = tenant.finished(run)["status"]
    assert (status["phase"], status["error"]["code"]) == ("Failed", "APPROVAL_EXPIRED")
    (request,) = tenant.of_run("approvalrequest", run)
    tenant.admin(
        "wait", f"apr/{request['metadata']['name']}", "--for=jsonpath={.status.phase}=Expired", "--timeout=30s"
    )
    late = tenant.vote(LEAD, request)
    assert late.returncode != 0
    assert "this request is closed: Expired" in late.stderr


def test_a_step_that_takes_too_long(tenant: Tenant) -> None:
    step = a_step("slow", "echo begun; sleep 600", runtime="bash", timeout="1s")
    run = ran(tenant, a_workflow("slow", step))
    error = run["status"]["error"]
    assert (run["status"]["phase"], error["code"], error["step"]) == ("Failed", "TIMED_OUT", "slow")
    assert "1 s" in error["reason"]


def test_a_run_that_takes_too_long(tenant: Tenant) -> None:
    run = ran(tenant, a_workflow("slow", a_step("slow", "sleep 600", runtime="bash"), timeout="3s"))
    assert (run["status"]["phase"], run["status"]["error"]["code"]) == ("TimedOut", "RUN_TIMED_OUT")
    assert phases(run) == {"slow": "Cancelled"}
    tenant.admin("wait", "pod", "--all", "--for=delete", "--timeout=60s", timeout=90)


def test_a_run_that_is_cancelled(tenant: Tenant) -> None:
    tenant.apply(
        a_workflow(
            "long",
            a_step("sleeps", "sleep 600", runtime="bash"),
            a_step("never", "output(1)", needs=["sleeps"]),
            finally_=[a_step("clean", "output('cleaned')")],
        )
    )
    run = tenant.start("long")
    pod = tenant.running_pod(run)["metadata"]["name"]
    tenant.kubectl(ALICE, "patch", "pwr", run, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    done = tenant.finished(run)
    assert (done["status"]["phase"], done["status"]["error"]["code"]) == ("Cancelled", "CANCELLED")
    assert phases(done) == {"sleeps": "Cancelled", "never": "Cancelled", "clean": "Succeeded"}
    tenant.admin("wait", f"pod/{pod}", "--for=delete", "--timeout=60s", timeout=90)
    assert [job["metadata"]["annotations"]["penstock.dev/step"] for job in tenant.of_run("job", run)] == [
        "clean",
        "sleeps",
    ]
    again = tenant.kubectl(ALICE, "patch", "pwr", run, "--type=merge", "-p", '{"spec":{"cancel":false}}', check=False)
    assert "cannot be taken back" in again.stderr


def test_dependencies_are_installed(tenant: Tenant) -> None:
    tenant.kubectl(ALICE, "apply", "-f", str(ROOT / "examples" / "dependencies.yaml"))
    tenant.workflow_says("dependencies", "Ready=True")
    tenant.start("dependencies")
    status = tenant.finished("run", seconds=240)["status"]
    assert (status["phase"], status.get("error"), status.get("output")) == (
        "Succeeded",
        None,
        {"six": "1.17.0", "python3": True},
    )


def test_a_large_input_travels_in_config_maps(tenant: Tenant) -> None:
    texts = [character * 9_000 for character in "abc"]
    inputs = {"type": "object", "properties": {"texts": {"type": "array", "items": {"type": "string"}}}}
    count = a_step("count", "output([len(text) for text in context['texts']])")
    run = ran(tenant, a_workflow("large", count, inputs=inputs), {"texts": texts})
    assert (run["status"]["phase"], run["status"]["output"]) == ("Succeeded", [9_000] * 3)
    (part,) = tenant.of_run("configmap", "run")
    assert part["immutable"] is True
    assert [owner["kind"] for owner in part["metadata"]["ownerReferences"]] == ["Job"]


def test_a_step_that_takes_more_memory_than_it_may(tenant: Tenant) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    run = ran(
        tenant, a_workflow("greedy", a_step("greedy", "x = b'x' * 300_000_000\noutput(len(x))", resources=limits))
    )
    error = run["status"]["error"]
    # Whether the kernel ends the program or the whole container is the node's choice (cgroup v1 or v2).
    assert (run["status"]["phase"], error["code"]) == ("Failed", "OOM_KILLED")
    assert "memory" in error["reason"]


FILLS = (
    "head -c 80000000 /dev/zero > /tmp/big; printf '#!/bin/sh\\necho executed' > tool; chmod +x tool; output $(./tool)"
)


def test_a_step_that_needs_a_disk_is_told_so_and_gets_one(tenant: Tenant) -> None:
    without = ran(tenant, a_workflow("memory", a_step("writes", FILLS, runtime="bash")))
    error = without["status"]["error"]
    assert (error["code"], "resources.limits.ephemeral-storage" in error["reason"]) == ("SCRIPT_FAILED", True)

    limits = {"limits": {"ephemeral-storage": "200Mi"}}
    tenant.apply(a_workflow("disk", a_step("writes", FILLS, runtime="bash", resources=limits)))
    tenant.start("disk", name="later")
    assert tenant.finished("later")["status"].get("output") == "executed"


def test_an_edit_of_the_workflow_never_reaches_a_run(tenant: Tenant) -> None:
    gate = {"name": "gate", "approval": {"approvers": APPROVERS}}
    tenant.apply(a_workflow("edited", gate, a_step("after", "output('as it was')", needs=["gate"])))
    run = tenant.start("edited")
    request = tenant.gate(tenant.phase(run, "Waiting"), "gate")
    tenant.apply(a_workflow("edited", gate, a_step("after", "output('as it is now')", needs=["gate"])))
    assert tenant.vote(LEAD, request).returncode == 0
    assert tenant.finished(run)["status"]["output"] == "as it was"
    tenant.start("edited", name="later")
    assert tenant.vote(LEAD, tenant.gate(tenant.phase("later", "Waiting"), "gate")).returncode == 0
    assert tenant.finished("later")["status"]["output"] == "as it is now"


def test_a_definition_of_ones_own(tenant: Tenant) -> None:
    run = {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "WorkflowRun",
        "metadata": {"name": "run"},
        "spec": {"inline": {"steps": [a_step("one", "output(1)")]}},
    }
    tenant.kubectl(ALICE, "create", "-f", "-", stdin=run)
    status = tenant.finished("run")["status"]
    assert (status["phase"], status["output"]) == ("Succeeded", 1)


def test_a_deleted_run_takes_everything_with_it(tenant: Tenant) -> None:
    tenant.apply(a_workflow("gone", a_step("sleeps", "sleep 600", runtime="bash")))
    run = tenant.start("gone")
    tenant.running_pod(run)
    tenant.kubectl(ALICE, "delete", "pwr", run)
    tenant.admin("wait", "job,pod", "--all", "--for=delete", "--timeout=90s", timeout=120)
