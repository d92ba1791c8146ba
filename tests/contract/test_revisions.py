"""A run executes the content that it was pinned to, whatever becomes of its Workflow."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Revision
from penstock.errors import NotFound
from penstock.testing.builders import a_run, a_spec, a_step, a_workflow
from tests.contract.worlds import World

FIRST, SECOND = a_workflow(a_step("work", "echo first")), a_workflow(a_step("work", "echo second"))


async def pinned(world: World, run: WorkflowRun) -> WorkflowRun:
    content = await world.revisions.content(run)
    return await world.ledger.save_status(run, WorkflowRunStatus(phase="Running", revision=content.revision))


async def test_a_run_that_is_not_pinned_gets_the_present_content(world: World):
    await world.requester.workflows.apply(FIRST)
    run = await world.requester.runs.create(a_run())
    await world.requester.workflows.apply(SECOND)

    content = await world.revisions.content(run)

    assert content.spec == SECOND.spec
    assert content.revision is not None
    assert content.revision.name.startswith("order-")
    assert content.revision.digest.startswith("sha256:")


async def test_a_later_edit_does_not_reach_a_pinned_run(world: World):
    await world.requester.workflows.apply(FIRST)
    run = await pinned(world, await world.requester.runs.create(a_run()))

    await world.requester.workflows.apply(SECOND)

    assert (await world.revisions.content(run)).spec == FIRST.spec


async def test_equal_content_is_one_revision(world: World):
    await world.requester.workflows.apply(FIRST)
    one = await world.revisions.content(await world.requester.runs.create(a_run(name="order-1")))
    two = await world.revisions.content(await world.requester.runs.create(a_run(name="order-2")))

    assert one == two


async def test_an_inline_run_has_no_revision(world: World):
    spec = a_spec(a_step("only"))
    run = await world.requester.runs.create(a_run(spec))

    content = await world.revisions.content(run)

    assert (content.spec, content.revision) == (spec, None)


async def test_nobody_runs_what_does_not_exist(world: World):
    await world.requester.workflows.apply(FIRST)
    run = await world.requester.runs.create(a_run())
    lost = run.status.model_copy(update={"revision": Revision(name="order-0000000000", digest="sha256:0")})

    with pytest.raises(NotFound, match="order-0000000000"):
        await world.revisions.content(run.model_copy(update={"status": lost}))


async def test_a_run_of_an_unknown_workflow_has_no_content(world: World):
    with pytest.raises(NotFound, match="nothing"):
        await world.revisions.content(a_run("nothing"))
