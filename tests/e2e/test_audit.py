"""`penstock audit` on a run of the real cluster, with the audit log that its API server really wrote."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.cluster.layout import from_environment
from tests.support.cluster import OPERATOR, Cluster
from tests.support.command_line import CommandLine, output_of
from tests.support.tenant import ALICE, LEAD, MALLORY, Tenant, a_step, a_workflow


@pytest.fixture
def penstock(cluster: Cluster, tmp_path: Path) -> CommandLine:
    return CommandLine(cluster.kubeconfig, tmp_path)


@pytest.fixture
def decided(tenant: Tenant) -> str:
    """A run that went through a gate, once somebody who may not had tried to open it."""
    gate = {"approvers": {"users": [LEAD.name]}, "message": "Charge?"}
    tenant.apply(
        a_workflow("charge", a_step("look", "output(1)"), a_step("charge", "output(2)", requiresApproval=gate))
    )
    # By its name its lines are found in the log.
    run = tenant.start("charge", name=f"audited-{uuid.uuid4().hex[:8]}")
    request = tenant.gate(tenant.phase(run, "Waiting"), "charge")
    assert tenant.vote(MALLORY, request).returncode != 0
    assert tenant.vote(LEAD, request, comment="the customer is known").returncode == 0
    assert tenant.finished(run)["status"]["phase"] == "Succeeded"
    return run


def test_it_tells_who_asked_who_decided_and_what_ran_and_the_servers_log_agrees(
    tenant: Tenant, decided: str, penstock: CommandLine
) -> None:
    run = tenant.run(decided)
    log = from_environment().audit_log
    answer = penstock("audit", f"{tenant.namespace}/{decided}", "--audit-log", str(log), "-o", "json")
    assert answer.returncode == 0, output_of(answer)
    told = json.loads(answer.stdout)

    assert told["doubts"] == []
    assert told["asked"]["requestedBy"]["user"] == ALICE.name
    (gate,) = told["gates"]
    assert [(vote["by"], vote["verdict"], vote["digest"]) for vote in gate["decisions"]] == [
        (LEAD.name, "approve", gate["digest"])
    ]
    assert "output(2)" in gate["subject"]
    ran = {each["step"]: each["uid"] for each in told["ran"]}
    assert ran == {name: step["uid"] for name, step in run["status"]["steps"].items()}

    acts = [
        (write["impersonated"] or write["user"], write["verb"], write["resource"], 200 <= write["code"] < 300)
        for write in told["log"]
        if not write["subresource"]
    ]
    assert acts[0] == (ALICE.name, "create", "workflowruns", True)
    votes = [act for act in acts if act[2] == "approvalrequests" and act[1] == "patch"]
    assert votes == [
        (MALLORY.name, "patch", "approvalrequests", False),
        (LEAD.name, "patch", "approvalrequests", True),
    ]
    jobs = [act for act in acts if act[1:3] == ("create", "jobs")]
    assert jobs == [(OPERATOR, "create", "jobs", True)] * 2
    last_job = max(place for place, act in enumerate(acts) if act[1:3] == ("create", "jobs"))
    assert acts.index(votes[1]) < last_job, "what was gated started before the vote"


def test_people_read_the_same(tenant: Tenant, decided: str, penstock: CommandLine) -> None:
    log = from_environment().audit_log
    answer = penstock("audit", f"{tenant.namespace}/{decided}", "--audit-log", str(log))
    assert answer.returncode == 0, output_of(answer)
    for part in (
        f"Asked by   {ALICE.name}",
        f"Vote       approve by {LEAD.name} at ",
        ": the customer is known",
        f"as {MALLORY.name} patch approvalrequests",
        "REFUSED (403)",
        f"{OPERATOR} create jobs {decided}-charge-1-",
        "Every digest and every vote fits.",
    ):
        assert part in answer.stdout, output_of(answer)
