"""What the scheduler needs of a store: who wrote a Workflow, how far its schedules have come, one run by each name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import RequestedBy, WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.schedules import SCHEDULE_LABEL, SCHEDULED_AT
from penstock.api.v1alpha1.workflow import EditedBy, Schedule, ScheduleStatus, WorkflowStatus
from penstock.errors import Conflict, NotFound
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_step, a_workflow
from tests.contract.worlds import World

KEY = Key("default", "order")
TICK = datetime(2026, 1, 2, 13, 0, tzinfo=UTC)


def scheduled(name: str = "order-tick", *, schedule: str = "hourly", of: str = "order") -> WorkflowRun:
    run = a_run(of, name=name, requested_by=RequestedBy(user="alice", client="laptop", groups=("authors",)))
    metadata = ObjectMeta(name=name, labels={SCHEDULE_LABEL: schedule}, annotations={SCHEDULED_AT: "13:00"})
    return run.model_copy(update={"metadata": metadata})


async def test_whoever_changes_the_spec_is_written_down(world: World):
    me = await world.requester.caller.whoami()
    pretended = a_workflow().model_copy(update={"edited_by": EditedBy(user="somebody-else")})

    made = await world.requester.workflows.apply(pretended)

    assert made.edited_by is not None
    assert (made.edited_by.user, made.edited_by.client) == (me.user, me.client)


async def test_whoever_changes_labels_alone_is_not(world: World):
    first = await world.requester.workflows.apply(a_workflow())
    labelled = a_workflow().model_copy(update={"metadata": first.metadata.model_copy(update={"labels": {"a": "b"}})})

    relabelled = await world.approver.workflows.apply(labelled)
    edited = await world.approver.workflows.apply(a_workflow(a_step("other")))

    assert relabelled.edited_by == first.edited_by
    assert edited.edited_by is not None
    assert edited.edited_by.user == world.approver_name


async def test_how_far_a_schedule_has_come_is_read_as_it_was_written(world: World):
    workflow = await world.requester.workflows.apply(
        a_workflow(schedules=(Schedule(name="hourly", cron="0 * * * *", context={"a": [1, None]}),))
    )
    entry = ScheduleStatus(
        name="hourly", cron="0 * * * *", time_zone="UTC", next_at=TICK, last_scheduled_at=TICK, last_run="a", missed=2
    )

    await world.workflows.save_status(workflow, WorkflowStatus(next_at=TICK, schedules=(entry,)))

    loaded = await world.workflows.load(KEY)
    assert loaded is not None
    assert loaded.spec == workflow.spec
    assert (loaded.status.next_at, loaded.status.schedules) == (TICK, (entry,))
    with pytest.raises(Conflict):
        await world.workflows.save_status(workflow, WorkflowStatus())


async def test_what_is_not_there_has_no_status(world: World):
    assert await world.workflows.load(KEY) is None
    workflow = await world.requester.workflows.apply(a_workflow())
    gone = workflow.model_copy(update={"metadata": workflow.metadata.model_copy(update={"name": "gone"})})

    with pytest.raises(NotFound):
        await world.workflows.save_status(gone, WorkflowStatus())


async def test_a_run_is_created_once_as_it_is(world: World):
    assert await world.scheduled.create(scheduled())
    assert not await world.scheduled.create(scheduled())

    run = await world.requester.runs.get(Key("default", "order-tick"))
    assert run.spec.requested_by == RequestedBy(user="alice", client="laptop", groups=("authors",))
    assert (run.metadata.labels[SCHEDULE_LABEL], run.metadata.annotations[SCHEDULED_AT]) == ("hourly", "13:00")
    assert run.status.phase == "Pending"


async def test_the_unfinished_runs_of_a_schedule(world: World):
    await world.requester.workflows.apply(a_workflow())
    for run in (
        scheduled("a"),
        scheduled("b"),
        scheduled("c", schedule="daily"),
        scheduled("d", of="report"),
        a_run(name="e"),
    ):
        assert await world.scheduled.create(run)
    over = await world.ledger.load(Key("default", "b"))
    assert over is not None
    await world.ledger.save_status(over, WorkflowRunStatus(phase="Succeeded"))

    found = await world.scheduled.unfinished(KEY, "hourly")

    assert [run.metadata.name for run in found] == ["a"]
    assert await world.scheduled.unfinished(Key("elsewhere", "order"), "hourly") == ()


async def test_an_older_run_is_asked_to_stop_once(world: World):
    await world.scheduled.create(scheduled())
    key = Key("default", "order-tick")

    asked = await world.scheduled.request_cancel(key)

    assert asked is not None
    assert (await world.requester.runs.get(key)).spec.cancel
    assert await world.scheduled.request_cancel(key) is None
