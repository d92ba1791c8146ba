"""examples/order-processing.yaml by kubectl, from `apply` to the output, with the gate that only its approver opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cluster import ROOT, Answer
from tests.support.command_line import CommandLine, output_of
from tests.support.credentials import persons_kubeconfig
from tests.support.tenant import ALICE, CLERK, LEAD, MALLORY, Tenant

EXAMPLE = ROOT / "examples" / "order-processing.yaml"
NAME = "order-processing"
LARGE = {"customer_id": "CUST-12345", "order_total": 899.99, "items": [{"sku": "A-1"}]}
OUTPUT = {"order_id": "ORD-12345", "lines": [{"sku": "A-1"}]}


@pytest.fixture
def orders(tenant: Tenant) -> Tenant:
    """The example in the test's namespace, ready to run."""
    tenant.kubectl(ALICE, "apply", "-f", str(EXAMPLE))
    tenant.workflow_says(NAME, "Ready=True")
    return tenant


def refused(answer: Answer, reason: str) -> None:
    assert answer.returncode != 0, f"nobody refused it: {answer.stdout}"
    assert reason in answer.stderr


def test_from_kubectl_to_the_output(orders: Tenant) -> None:
    run = orders.start(NAME, LARGE)
    waiting = orders.phase(run, "Waiting")
    request = orders.gate(waiting, "release")

    assert waiting["spec"]["requestedBy"]["user"] == ALICE.name
    assert request["spec"]["request"]["message"] == "Release order ORD-12345 over 500?"
    shown = orders.kubectl(ALICE, "get", "pwr").stdout
    assert "Waiting" in shown
    assert request["metadata"]["name"] in shown
    assert "lead@example.com" in shown
    orders.admin("wait", "job", "--all", "--for=condition=Complete", "--timeout=30s")
    (job,) = orders.admin("get", "jobs", "--no-headers").stdout.splitlines()
    assert job.startswith(f"{run}-charge-1-")

    refused(orders.vote(MALLORY, request), f"you are not an approver of this request: {MALLORY.name}")
    refused(orders.vote(ALICE, request), "whoever asked for a run may not decide on it")
    wrong = "sha256:" + "0" * 64
    refused(
        orders.vote(LEAD, request, digest=wrong), "the digest of your decision must be a copy of spec.request.digest"
    )
    assert orders.gate(orders.run(run), "release")["spec"]["decisions"] == []
    assert orders.run(run)["status"]["phase"] == "Waiting"

    assert orders.vote(LEAD, request).returncode == 0
    done = orders.finished(run)
    status = done["status"]
    assert (status["phase"], status["output"]) == ("Succeeded", OUTPUT)
    assert status["steps"]["release"]["gate"]["decidedBy"] == [LEAD.name]
    assert status["steps"]["notify"]["output"] == "ORD-12345"
    assert {job["metadata"]["annotations"]["penstock.dev/step"] for job in orders.of_run("job", run)} == {
        "charge",
        "notify",
        "audit",
    }
    logs = orders.kubectl(ALICE, "logs", "-l", f"penstock.dev/run={run}", "--tail=-1").stdout
    assert "telling CUST-12345 that ORD-12345 is on its way" in logs
    assert "run ended: Succeeded" in logs
    assert orders.gate(done, "release")["status"]["phase"] == "Approved"


def test_a_small_order_meets_no_gate(orders: Tenant) -> None:
    run = orders.start(NAME, {"customer_id": "CUST-7", "order_total": 12})
    status = orders.finished(run)["status"]
    assert (status["phase"], status["output"]) == ("Succeeded", {"order_id": "ORD-7", "lines": []})
    assert status["steps"]["release"]["phase"] == "Skipped"
    assert orders.of_run("approvalrequest", run) == []


def test_one_rejection_ends_it(orders: Tenant) -> None:
    run = orders.start(NAME, LARGE)
    request = orders.gate(orders.phase(run, "Waiting"), "release")
    assert orders.vote(CLERK, request, "reject", comment="the customer is bankrupt").returncode == 0
    status = orders.finished(run)["status"]
    assert (status["phase"], status["error"]["code"], status["error"]["step"]) == ("Failed", "REJECTED", "release")
    assert (status["steps"]["notify"]["phase"], status["steps"]["audit"]["phase"]) == ("Skipped", "Succeeded")
    late = orders.vote(LEAD, request)
    refused(late, "this request is closed: Rejected")


def test_the_command_line_on_the_cluster(orders: Tenant, tmp_path: Path) -> None:
    """Submitted by one person, approved by another, each with a kubeconfig of his own."""
    home = tmp_path / "home"
    alice = CommandLine(persons_kubeconfig(orders.cluster, ALICE, orders.namespace, tmp_path), home)
    lead = CommandLine(persons_kubeconfig(orders.cluster, LEAD, orders.namespace, tmp_path), home)
    place = ("-n", orders.namespace)

    sets = ("--set", "customer_id=CUST-12345", "--set", "order_total=899.99")
    submitted = alice("submit", NAME, *sets, *place)
    assert submitted.returncode == 0, output_of(submitted)
    run = submitted.stdout.strip().split("/")[-1]
    request = orders.gate(orders.phase(run, "Waiting"), "release")["metadata"]["name"]

    listed = lead("list", "approvals", *place)
    assert request in listed.stdout, output_of(listed)
    own = alice("approve", f"{orders.namespace}/{request}", *place)
    assert own.returncode != 0
    assert "whoever asked for a run may not decide on it" in own.stderr

    approved = lead("approve", f"{orders.namespace}/{request}", "--comment", "checked with accounts", *place)
    assert approved.returncode == 0, output_of(approved)
    followed = alice("wait", run, *place)
    assert followed.returncode == 0, output_of(followed)
    done = orders.run(run)
    assert done["status"]["phase"] == "Succeeded"
    assert done["spec"]["requestedBy"]["user"] == ALICE.name
    assert done["status"]["steps"]["release"]["gate"]["decidedBy"] == [LEAD.name]
    assert not home.exists(), "a run on the cluster left something on this machine"
