"""Finished runs go from a real cluster, with all that the garbage collector knows to be theirs; by hand as who may."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cluster import wait_for
from tests.support.command_line import CommandLine, output_of
from tests.support.credentials import persons_kubeconfig
from tests.support.tenant import ALICE, LEAD, Json, Person, Tenant, a_step, a_workflow

VIEWER = Person("viewer@example.com", ("viewer",))
ONCE_SEEN = {"succeeded": "10s", "failed": "10s"}
KINDS = ("workflowrun", "job", "pod", "configmap", "approvalrequest")


def work(number: int) -> Json:
    source = f"echo {number}\noutput \"$(head -c 5000 /dev/zero | tr '\\0' x)\""
    return a_step("work", source, runtime="bash")


def belonging_to(tenant: Tenant, uid: str) -> set[str]:
    """Kinds of all that a run owns, and of what that owns."""
    found = [(kind, each) for kind in KINDS for each in tenant.cluster.read("-n", tenant.namespace, kind)["items"]]
    uids, kinds = {uid}, set()
    for _ in KINDS:
        for kind, each in found:
            if uids & {owner["uid"] for owner in each["metadata"].get("ownerReferences", [])}:
                uids.add(each["metadata"]["uid"])
                kinds.add(kind)
    return kinds


def runs(tenant: Tenant) -> list[str]:
    return sorted(
        run["metadata"]["name"] for run in tenant.cluster.read("-n", tenant.namespace, "workflowrun")["items"]
    )


def revisions(tenant: Tenant, workflow: str) -> set[str]:
    found = tenant.cluster.read(
        "-n", tenant.namespace, "controllerrevision", "-l", f"penstock.dev/workflow={workflow}"
    )["items"]
    return {each["metadata"]["name"] for each in found}


def test_a_run_goes_with_all_that_belongs_to_it_and_so_does_what_only_it_named(tenant: Tenant) -> None:
    gate = {"name": "release", "approval": {"approvers": {"users": [LEAD.name]}}, "needs": ["work"]}
    tenant.apply(a_workflow("gated", work(1), gate, retention=ONCE_SEEN))
    tenant.start("gated", name="waits")
    tenant.apply(a_workflow("order", work(1), retention={"succeeded": "300d"}))
    tenant.start("order", name="old")
    uid = tenant.finished("old")["metadata"]["uid"]
    wait_for(lambda: belonging_to(tenant, uid) == {"job", "pod", "configmap"}, seconds=30, what="all that it owns")
    (first,) = revisions(tenant, "order")

    tenant.apply(a_workflow("order", work(2), retention=ONCE_SEEN))

    wait_for(lambda: runs(tenant) == ["waits"], seconds=60, what=lambda: f"the old run goes: {runs(tenant)}")
    wait_for(lambda: not belonging_to(tenant, uid), seconds=60, what=lambda: f"{belonging_to(tenant, uid)} are left")
    wait_for(lambda: first not in revisions(tenant, "order"), seconds=60, what="its content goes")
    assert len(revisions(tenant, "order")) == 1
    waits = tenant.phase("waits", "Waiting")
    assert belonging_to(tenant, waits["metadata"]["uid"]) >= {"job", "pod", "configmap", "approvalrequest"}


@pytest.fixture
def people(tenant: Tenant, tmp_path: Path) -> dict[Person, CommandLine]:
    Tenant(tenant.cluster, tenant.namespace, (VIEWER,)).settle()
    return {
        person: CommandLine(persons_kubeconfig(tenant.cluster, person, tenant.namespace, tmp_path), tmp_path / "home")
        for person in (ALICE, VIEWER)
    }


def test_prune_removes_what_whoever_asks_may_delete(tenant: Tenant, people: dict[Person, CommandLine]) -> None:
    tenant.apply(a_workflow("order", work(1)))
    for name in ("a", "b"):
        tenant.start("order", name=name)
        tenant.finished(name)

    place = ("-n", tenant.namespace)
    refused = people[VIEWER]("prune", *place, "--older-than", "0s", "--yes")
    assert refused.returncode == 1, output_of(refused)
    assert 'cannot delete resource "workflowruns"' in refused.stderr
    would = people[VIEWER]("prune", "order", *place, "--keep", "1", "--dry-run", "-o", "json")
    assert json.loads(would.stdout) == {"runs": [f"{tenant.namespace}/a"]}, output_of(would)
    assert runs(tenant) == ["a", "b"]

    done = people[ALICE]("prune", "order", *place, "--keep", "1", "--yes")
    assert done.returncode == 0, output_of(done)
    assert "1 run was removed." in done.stderr
    assert runs(tenant) == ["b"]
