"""A step that takes the output of an earlier run, on the real cluster with kubectl."""

from __future__ import annotations

import json
from typing import Any

from tests.support.tenant import ALICE, Json, Tenant, a_run, a_step, a_workflow

UNIQUE = "import uuid; output({'token': str(uuid.uuid4()), 'fill': 'x' * 5000})"
"""An output that differs each time it is made, and that the run object has no room for."""


def rates(source: str = UNIQUE, ttl: str = "1h") -> Json:
    return a_workflow("rates", a_step("fetch", source, cache={"ttl": ttl}))


def ended(tenant: Tenant, name: str, **spec: Any) -> Json:
    """A run at its end; keywords go into its spec."""
    run = a_run(name, "rates")
    tenant.kubectl(ALICE, "create", "-f", "-", stdin={**run, "spec": {**run["spec"], **spec}})
    found = tenant.finished(name)
    assert found["status"]["phase"] == "Succeeded", tenant.account(name)
    return found


def token(tenant: Tenant, run: Json) -> str:
    """What the run's program came up with, read from where the run keeps it."""
    kept = tenant.cluster.read("-n", tenant.namespace, "configmap", run["status"]["outputRef"]["name"])
    assert kept["metadata"]["ownerReferences"][0]["uid"] == run["metadata"]["uid"]
    made: str = json.loads(kept["data"]["output"])["token"]
    return made


def test_a_later_run_takes_the_output_and_starts_nothing(tenant: Tenant) -> None:
    tenant.apply(rates())
    first, second = ended(tenant, "first"), ended(tenant, "second")
    assert token(tenant, second) == token(tenant, first)
    assert (len(tenant.of_run("job", "first")), tenant.of_run("job", "second"), tenant.of_run("pod", "second")) == (
        1,
        [],
        [],
    )
    step = second["status"]["steps"]["fetch"]
    assert step["cached"] == {"run": "first", "finishedAt": first["status"]["steps"]["fetch"]["finishedAt"]}
    listed = tenant.kubectl(ALICE, "get", "pwr", "second").stdout.splitlines()
    assert listed[0].split()[:4] == ["NAME", "PHASE", "PROGRESS", "CACHED"]
    assert listed[1].split()[:4] == ["second", "Succeeded", "1/1", "1"]

    # What was taken is the second run's own: it lasts when the first one is gone, and others may take it from there.
    tenant.admin("delete", "pwr", "first", "--wait=true")
    third = ended(tenant, "third")
    assert token(tenant, third) == token(tenant, second)
    assert third["status"]["steps"]["fetch"]["cached"] == step["cached"]


def test_what_a_person_wants_anew_what_changed_and_what_is_too_old_runs(tenant: Tenant) -> None:
    tenant.apply(rates())
    tokens = [token(tenant, ended(tenant, "first")), token(tenant, ended(tenant, "anew", noCache=True))]
    assert token(tenant, ended(tenant, "after")) == tokens[-1]
    tenant.apply(rates(f"{UNIQUE}  # edited"))
    tokens.append(token(tenant, ended(tenant, "edited")))
    tenant.apply(rates(ttl="1ms"))
    tokens.append(token(tenant, ended(tenant, "late")))
    assert len(set(tokens)) == len(tokens)


def test_the_api_server_itself_refuses_cache_behind_a_gate(tenant: Tenant) -> None:
    gate = {"approvers": {"users": [ALICE.name]}}
    gated = a_workflow("gated", a_step("pay", "output(1)", cache={"ttl": "1h"}, requiresApproval=gate))
    refused = tenant.kubectl(ALICE, "apply", "-f", "-", stdin=gated, check=False)
    assert refused.returncode != 0
    assert "leave cache out" in refused.stderr
