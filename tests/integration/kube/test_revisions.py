"""Which content a run gets to execute, and whose word counts for it."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import WORKFLOWS
from penstock.adapters.kube.revisions import KubeRevisions, revision_of
from penstock.api.v1alpha1.run import WorkflowReference, WorkflowRun
from penstock.api.v1alpha1.workflow import Revision, Workflow
from penstock.errors import InvalidInput
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_spec, a_step, a_workflow
from tests.integration.kube.api_server import ApiServer

OWN = a_spec(a_step("only", "echo own"))
OTHER = a_spec(a_step("only", "echo other"))


@pytest.fixture
def revisions(client: KubeClient) -> KubeRevisions:
    return KubeRevisions(client, Copies(client, WORKFLOWS, Workflow), lambda _digest, _spec: True)


def stored(server: ApiServer, name: str, spec: Any, *, labels: dict[str, str]) -> None:
    metadata = {"name": name, "labels": labels}
    server.put("controllerrevisions", {"metadata": metadata, "data": {"spec": spec.to_wire()}, "revision": 1})


def naming(revision: str) -> WorkflowRun:
    run = a_run()
    reference = WorkflowReference(name="order", revision=revision)
    return run.model_copy(update={"spec": run.spec.model_copy(update={"workflow": reference})})


async def test_a_run_may_name_an_older_revision(server: ApiServer, revisions: KubeRevisions):
    revision = revision_of("order", OWN)
    stored(server, revision.name, OWN, labels={"penstock.dev/workflow": "order"})

    content = await revisions.content(naming(revision.name))

    assert (content.spec, content.revision) == (OWN, revision)


@pytest.mark.parametrize(
    "labels",
    [pytest.param({}, id="nobody's"), pytest.param({"penstock.dev/workflow": "another"}, id="of another Workflow")],
)
async def test_content_that_the_operator_did_not_store_never_runs_under_a_workflows_name(
    server: ApiServer, revisions: KubeRevisions, labels: dict[str, str]
):
    revision = revision_of("order", OWN)
    stored(server, revision.name, OWN, labels=labels)

    with pytest.raises(InvalidInput, match="revision of"):
        await revisions.content(naming(revision.name))


async def test_the_revision_of_another_workflow_is_refused(server: ApiServer, revisions: KubeRevisions):
    revision = revision_of("another", OWN)
    stored(server, revision.name, OWN, labels={"penstock.dev/workflow": "order"})

    with pytest.raises(InvalidInput, match="revision of"):
        await revisions.content(naming(revision.name))


async def test_a_pinned_run_gets_exactly_what_it_was_pinned_to(server: ApiServer, revisions: KubeRevisions):
    pinned = revision_of("order", OWN)
    stored(server, pinned.name, OTHER, labels={"penstock.dev/workflow": "order"})
    run = a_run()
    status = run.status.model_copy(update={"revision": Revision(name=pinned.name, digest=pinned.digest)})

    with pytest.raises(InvalidInput):
        await revisions.content(run.model_copy(update={"status": status}))


async def test_a_name_that_is_taken_by_other_content_is_no_revision(server: ApiServer, revisions: KubeRevisions):
    server.put("workflows", a_workflow(a_step("only", "echo own")).to_wire())
    stored(server, revision_of("order", OWN).name, OTHER, labels={})

    with pytest.raises(InvalidInput):
        await revisions.content(a_run())


async def test_the_workflow_is_read_at_that_moment(server: ApiServer, revisions: KubeRevisions):
    server.put("workflows", a_workflow(a_step("only", "echo own")).to_wire())
    await revisions.content(a_run())
    server.put("workflows", a_workflow(a_step("only", "echo other")).to_wire())

    assert (await revisions.content(a_run(name="order-2"))).spec == OTHER


async def test_the_revisions_of_a_workflow_are_found_by_its_name_alone(server: ApiServer, revisions: KubeRevisions):
    for workflow, spec in (("order", OWN), ("order", OTHER), ("report", OWN)):
        stored(server, revision_of(workflow, spec).name, spec, labels={"penstock.dev/workflow": workflow})
    stored(server, "of-a-statefulset", OWN, labels={})
    order, report = Key("default", "order"), Key("default", "report")
    own, other, reports = (
        revision_of("order", OWN).name,
        revision_of("order", OTHER).name,
        revision_of("report", OWN).name,
    )

    assert sorted(await revisions.names(order)) == sorted([own, other])
    assert await revisions.names(Key("default", "gone")) == ()
    assert sorted(await revisions.kept(None)) == sorted([(order, own), (order, other), (report, reports)])


async def test_what_was_removed_is_stored_anew_when_it_is_needed_again(server: ApiServer, revisions: KubeRevisions):
    workflow, revision = a_workflow(a_step("only", "echo own")), revision_of("order", OWN)
    key = Key("default", revision.name)
    await revisions.ensure(workflow, revision)

    await revisions.drop(key, lambda: False)
    assert server.names("controllerrevisions") == [revision.name]
    await revisions.drop(key, lambda: True)
    await revisions.drop(key, lambda: True)
    assert server.names("controllerrevisions") == []

    await revisions.ensure(workflow, revision)
    assert server.names("controllerrevisions") == [revision.name]


async def test_whoever_takes_over_trusts_nothing_that_it_read_before(server: ApiServer, revisions: KubeRevisions):
    workflow, revision = a_workflow(a_step("only", "echo own")), revision_of("order", OWN)
    await revisions.ensure(workflow, revision)
    server.remove("controllerrevisions", revision.name)

    revisions.clear()
    await revisions.ensure(workflow, revision)

    assert server.names("controllerrevisions") == [revision.name]
