"""`penstock audit RUN --audit-log FILE` on the real cluster, with the log that its API server writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.layout import from_environment
from tests.support.cluster import OPERATOR, ROOT
from tests.support.credentials import persons_kubeconfig
from tests.support.tenant import ALICE, LEAD, MALLORY, Json, Tenant, a_step, a_workflow

GATE = {"approvers": {"users": [LEAD.name]}, "message": "Ship it?"}
SHIPS = a_workflow(
    "ships",
    a_step("pack", "output(item)", forEach="context.parcels", itemsPerPod=1),
    a_step("ship", "output('shipped')", needs=["pack"], requiresApproval=GATE),
)


@pytest.fixture
def shipped(tenant: Tenant) -> tuple[str, Json]:
    """A run with a refused vote, a vote and an end; its name and its request."""
    tenant.apply(SHIPS)
    run = tenant.start("ships", {"parcels": ["a", "b"]})
    request = tenant.gate(tenant.phase(run, "Waiting"), "ship")
    assert tenant.vote(MALLORY, request).returncode != 0
    assert tenant.vote(LEAD, request).returncode == 0
    assert tenant.finished(run)["status"]["phase"] == "Succeeded"
    return run, request


def audited(tenant: Tenant, run: str, folder: Path, *words: str) -> str:
    """As alice, with her own rights."""
    kubeconfig = persons_kubeconfig(tenant.cluster, ALICE, tenant.namespace, folder)
    command = [sys.executable, "-m", "penstock.cli", "-n", tenant.namespace, "audit", run, *words]
    environment = {"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_servers_own_log_says_who_did_what(tenant: Tenant, shipped: tuple[str, Json], tmp_path: Path) -> None:
    run, request = shipped
    log = str(from_environment().audit_log)
    told: dict[str, Any] = json.loads(audited(tenant, run, tmp_path, "--audit-log", log, "-o", "json"))

    assert told["doubts"] == []
    gate = request["metadata"]["name"]
    writes = [
        (each["impersonated"] or each["user"], each["verb"], each["resource"], each["name"]) for each in told["log"]
    ]
    codes = dict(zip(writes, (each["code"] for each in told["log"]), strict=True))
    assert codes[ALICE.name, "create", "workflowruns", run] == 201
    assert codes[OPERATOR, "create", "approvalrequests", gate] == 201
    votes = [
        (each["impersonated"], each["code"]) for each in told["log"] if each["verb"] == "patch" and each["name"] == gate
    ]
    assert [vote for vote in votes if vote[0]] == [(MALLORY.name, 403), (LEAD.name, 200)]
    jobs = {job["metadata"]["name"] for job in tenant.of_run("job", run)}
    assert len(jobs) == 3
    assert {name for who, verb, kind, name in writes if (who, verb, kind) == (OPERATOR, "create", "jobs")} == jobs
    (vote,) = told["gates"][0]["decisions"]
    accepted = next(each["at"] for each in told["log"] if each["impersonated"] == LEAD.name and each["code"] == 200)
    assert (vote["by"], vote["at"]) == (LEAD.name, accepted)
    assert [each["at"] for each in told["log"]] == sorted(each["at"] for each in told["log"])


def test_a_person_reads_the_same(tenant: Tenant, shipped: tuple[str, Json], tmp_path: Path) -> None:
    run, request = shipped
    told = audited(tenant, run, tmp_path, "--audit-log", str(from_environment().audit_log))
    gate = request["metadata"]["name"]
    assert f"Gate       {gate}, before step ship" in told
    assert f"Vote       approve by {LEAD.name} at " in told
    assert f"as {MALLORY.name} patch approvalrequests {gate} REFUSED (403)" in told
    assert "Every digest and every vote fits." in told
