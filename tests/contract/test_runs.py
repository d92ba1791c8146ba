"""Asking for runs, looking at them, and the status that the reconcile loop writes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from penstock.api.v1alpha1.run import RequestedBy, StepStatus, WorkflowRunStatus
from penstock.errors import AlreadyExists, Conflict, InvalidInput, NotFound, NotPossible
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_spec, a_workflow
from tests.contract.worlds import World

KEY = Key("default", "order-1")


@pytest.fixture(autouse=True)
async def workflow(world: World):
    await world.requester.workflows.apply(a_workflow())


async def test_a_run_is_created_for_whoever_asks(world: World):
    me = await world.requester.caller.whoami()
    pretended = RequestedBy(user="somebody-else", client="another")

    made = await world.requester.runs.create(a_run(context={"total": 7, "note": None}, requested_by=pretended))

    assert made.spec.requested_by is not None
    assert (made.spec.requested_by.user, made.spec.requested_by.client) == (me.user, me.client)
    assert made.metadata.uid
    assert made.metadata.creation_timestamp is not None
    read = await world.requester.runs.get(KEY)
    assert (read.metadata.uid, read.spec.context) == (made.metadata.uid, {"total": 7, "note": None})


async def test_a_status_that_is_sent_along_is_ignored(world: World):
    run = a_run().model_copy(update={"status": WorkflowRunStatus(phase="Succeeded")})

    assert (await world.requester.runs.create(run)).status.phase == "Pending"


async def test_a_name_is_given_once(world: World):
    await world.requester.runs.create(a_run())

    with pytest.raises(AlreadyExists, match="order-1"):
        await world.requester.runs.create(a_run())


async def test_a_run_says_what_it_runs(world: World):
    neither = a_run().model_copy(update={"spec": a_run().spec.model_copy(update={"workflow": None})})
    both = a_run().model_copy(update={"spec": a_run().spec.model_copy(update={"inline": a_spec()})})

    for run in (neither, both):
        with pytest.raises(InvalidInput, match="workflow"):
            await world.requester.runs.create(run)


async def test_text_that_is_not_unicode_is_refused(world: World):
    with pytest.raises(InvalidInput):
        await world.requester.runs.create(a_run(context={"note": "\ud800"}))


async def test_there_is_no_run_of_another_name(world: World):
    with pytest.raises(NotFound, match="order-1"):
        await world.requester.runs.get(KEY)


async def test_the_newest_runs_come_first(world: World):
    for number in range(1, 5):
        await world.requester.runs.create(a_run(name=f"order-{number}"))

    listed = await world.requester.runs.list("default", limit=3)

    assert [run.metadata.name for run in listed] == ["order-4", "order-3", "order-2"]
    assert await world.requester.runs.list("elsewhere") == ()


async def test_a_request_to_cancel_may_be_repeated(world: World):
    await world.requester.runs.create(a_run())

    first = await world.requester.runs.request_cancel(KEY)
    second = await world.requester.runs.request_cancel(KEY)

    assert first.spec.cancel
    assert second.metadata.resource_version == first.metadata.resource_version
    with pytest.raises(NotFound):
        await world.requester.runs.request_cancel(Key("default", "other"))


async def test_a_written_status_is_read_as_it_was_written(world: World):
    run = await world.requester.runs.create(a_run())
    now = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    step = StepStatus(phase="Succeeded", attempt=2, started_at=now, output={"lines": [1, None, {"sku": "ä"}]})
    status = WorkflowRunStatus(phase="Running", progress="1/2", started_at=now, steps={"work": step})

    await world.ledger.save_status(run, status)

    loaded = await world.ledger.load(KEY)
    assert loaded is not None
    assert loaded.status == status
    assert loaded.spec == run.spec


async def test_who_writes_second_without_reading_first_is_refused(world: World):
    run = await world.requester.runs.create(a_run())
    await world.ledger.save_status(run, WorkflowRunStatus(phase="Running"))

    with pytest.raises(Conflict):
        await world.ledger.save_status(run, WorkflowRunStatus(phase="Failed"))

    loaded = await world.ledger.load(KEY)
    assert loaded is not None
    assert loaded.status.phase == "Running"


async def test_a_request_to_cancel_is_never_overwritten(world: World):
    run = await world.requester.runs.create(a_run())
    await world.requester.runs.request_cancel(KEY)

    with pytest.raises(Conflict):
        await world.ledger.save_status(run, WorkflowRunStatus(phase="Running"))


async def test_one_write_can_follow_on_the_other(world: World):
    run = await world.requester.runs.create(a_run())

    run = await world.ledger.save_status(run, WorkflowRunStatus(phase="Running"))
    run = await world.ledger.save_status(run, WorkflowRunStatus(phase="Waiting"))

    assert (await world.requester.runs.get(KEY)).status.phase == "Waiting"


async def test_what_is_not_there_cannot_be_loaded_or_written(world: World):
    assert await world.ledger.load(KEY) is None
    run = await world.requester.runs.create(a_run())
    gone = run.metadata.model_copy(update={"name": "gone"})

    with pytest.raises(NotFound):
        await world.ledger.save_status(run.model_copy(update={"metadata": gone}), WorkflowRunStatus())


async def test_a_copy_is_told_from_what_is_there_now(world: World):
    await world.requester.runs.create(a_run())
    old = await world.ledger.load(KEY)
    assert old is not None
    await world.ledger.confirm(old)

    new = await world.ledger.save_status(old, WorkflowRunStatus(phase="Succeeded"))

    await world.ledger.confirm(new)
    with pytest.raises(Conflict):
        await world.ledger.confirm(old)
    await world.requester.runs.delete(new)
    with pytest.raises(NotFound):
        await world.ledger.confirm(new)
    await world.requester.runs.create(a_run())
    with pytest.raises(NotFound):
        await world.ledger.confirm(new)


async def test_a_watcher_sees_the_present_and_every_change_after_it(world: World):
    run = await world.requester.runs.create(a_run())
    watch = world.requester.runs.watch(KEY)
    phases = [(await anext(watch)).status.phase]

    for phase in ("Running", "Waiting", "Succeeded"):
        run = await world.ledger.save_status(run, WorkflowRunStatus(phase=phase))
        phases.append((await asyncio.wait_for(anext(watch), 5)).status.phase)

    assert phases == ["Pending", "Running", "Waiting", "Succeeded"]


async def test_a_watcher_is_woken_by_a_later_change(world: World):
    run = await world.requester.runs.create(a_run())
    watch = world.requester.runs.watch(KEY)
    await anext(watch)
    woken = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    assert not woken.done()

    await world.ledger.save_status(run, WorkflowRunStatus(phase="Running"))

    assert (await asyncio.wait_for(woken, 5)).status.phase == "Running"


async def test_what_is_not_there_cannot_be_watched(world: World):
    with pytest.raises(NotFound):
        await anext(world.requester.runs.watch(KEY))


async def test_the_loop_asks_a_run_to_stop_once(world: World):
    await world.requester.runs.create(a_run())

    asked = await world.ledger.request_cancel(KEY)

    assert asked is not None
    assert asked.spec.cancel
    assert (await world.requester.runs.get(KEY)).spec.cancel
    assert await world.ledger.request_cancel(KEY) is None
    assert await world.ledger.request_cancel(Key("default", "other")) is None


async def test_a_finished_run_is_not_asked_to_stop(world: World):
    run = await world.requester.runs.create(a_run())
    await world.ledger.save_status(run, WorkflowRunStatus(phase="Succeeded"))

    assert await world.ledger.request_cancel(KEY) is None
    assert not (await world.requester.runs.get(KEY)).spec.cancel


async def test_the_loop_creates_a_run_with_all_that_it_says_and_only_once(world: World):
    asker = RequestedBy(user="somebody-else", client="another")
    wanted = a_run(name="child-1", requested_by=asker)

    assert await world.ledger.create(wanted) is True
    assert await world.ledger.create(wanted) is False

    made = await world.ledger.load(Key("default", "child-1"))
    assert made is not None
    assert made.spec.requested_by == asker


async def test_a_run_is_held_and_let_go_on_by_whoever_may_change_it(world: World):
    await world.requester.runs.create(a_run())

    held = await world.requester.runs.set_suspend(KEY, suspend=True)
    again = await world.requester.runs.set_suspend(KEY, suspend=True)
    released = await world.requester.runs.set_suspend(KEY, suspend=False)

    assert (held.spec.suspend, again.spec.suspend, released.spec.suspend) == (True, True, False)
    assert (await world.requester.runs.get(KEY)).spec.suspend is False


async def test_a_finished_run_is_removed_and_its_name_is_free_again(world: World):
    made = await world.requester.runs.create(a_run())
    with pytest.raises(NotPossible):
        await world.requester.runs.delete(made)
    ended = await world.ledger.save_status(made, WorkflowRunStatus(phase="Succeeded"))
    await world.requester.runs.delete(ended)
    with pytest.raises(NotFound):
        await world.requester.runs.get(KEY)
    again = await world.requester.runs.create(a_run())
    with pytest.raises(NotFound):
        await world.requester.runs.delete(ended)
    assert (await world.requester.runs.get(KEY)).metadata.uid == again.metadata.uid
