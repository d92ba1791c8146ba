"""Runs by the clock: one for each moment, as the person who wrote the Workflow, and word of everything else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.api.v1alpha1.run import WorkflowRunStatus
from penstock.api.v1alpha1.schedules import SCHEDULE_LABEL, SCHEDULED_AT
from penstock.api.v1alpha1.workflow import Schedule
from penstock.application.scheduler import Desk, Scheduler
from penstock.errors import Conflict, Forbidden
from penstock.ports.access import Key
from penstock.testing.builders import a_step, a_workflow
from penstock.testing.clock import NOON
from penstock.testing.memory_world import MemoryWorld

KEY = Key("default", "report")
HOUR = timedelta(hours=1)


class Office:
    """A world with one Workflow that alice wrote, and a scheduler."""

    def __init__(self, *schedules: Schedule) -> None:
        self.world = MemoryWorld()
        self.ready = True
        self.replace_runs = self.world.schedules
        self.spec = schedules
        self.scheduler = self.another()

    def another(self, **ports) -> Scheduler:
        """A further process."""
        world = self.world
        desk = {
            "workflows": world.schedules,
            "runs": world.schedules,
            "authority": world.schedules,
            "clock": world.clock,
            "events": world.events,
        }
        return Scheduler(Desk(**{**desk, **ports}), lambda workflow: self.ready)

    async def write(self, *schedules: Schedule, by: str = "alice") -> None:
        access = self.world.access(by, client="laptop", groups=("authors",))
        await access.workflows.apply(a_workflow(a_step("work"), name="report", schedules=schedules))

    async def look(self, after: timedelta = timedelta(0)):
        self.world.clock.advance(after)
        return await self.scheduler.look(KEY)

    @property
    def status(self):
        return self.world.workflows.get(KEY).status

    @property
    def runs(self):
        return self.world.runs.all()

    @property
    def condition(self):
        return next((each for each in self.status.conditions if each.type == "Scheduled"), None)

    def end(self, run) -> None:
        self.world.runs.replace(run.model_copy(update={"status": WorkflowRunStatus(phase="Succeeded")}))

    def told(self) -> list[str]:
        return [event.reason for event in self.world.events.told]


async def an_office(*schedules: Schedule) -> Office:
    office = Office()
    await office.write(*(schedules or (hourly(),)))
    await office.look()
    return office


def hourly(**fields) -> Schedule:
    return Schedule(**{"name": "hourly", "cron": "0 * * * *", "context": {"region": "eu"}, **fields})


async def test_when_the_next_run_starts_is_known_before():
    office = Office()
    await office.write(hourly(), Schedule(name="daily", cron="30 9 * * *", time_zone="Europe/Berlin"))
    when = await office.look()
    assert when == office.status.next_at == NOON + HOUR
    assert {each.name: each.next_at for each in office.status.schedules} == {
        "hourly": NOON + HOUR,
        "daily": NOON + timedelta(hours=20, minutes=30),
    }
    assert (office.condition.status, office.condition.reason) == ("True", "Scheduled")
    assert "alice" in office.condition.message
    assert office.runs == ()


async def test_a_run_is_started_as_whoever_edited_the_workflow():
    office = await an_office()
    await office.look(HOUR)
    (run,) = office.runs
    assert run.spec.workflow.name == "report"
    assert run.spec.context == {"region": "eu"}
    by = run.spec.requested_by
    assert (by.user, by.client, by.groups) == ("alice", "laptop", ("authors",))
    assert run.metadata.labels[SCHEDULE_LABEL] == "hourly"
    assert run.metadata.annotations[SCHEDULED_AT] == "2026-01-02T13:00:00Z"
    assert run.metadata.name.startswith("report-20260102-1300-")
    (entry,) = office.status.schedules
    assert (entry.last_scheduled_at, entry.last_run) == (NOON + HOUR, run.metadata.name)
    assert office.told() == ["RunScheduled"]


async def test_whoever_edits_it_next_is_the_one_who_asks_from_then_on():
    office = await an_office()
    await office.write(hourly(context={"region": "us"}), by="bob")
    await office.look(HOUR)
    assert office.runs[0].spec.requested_by.user == "bob"


async def test_each_moment_has_one_run_however_often_somebody_looks():
    office = await an_office()
    for _ in range(3):
        await office.look(HOUR)
        await office.look()
    assert [run.metadata.annotations[SCHEDULED_AT][11:16] for run in office.runs] == ["13:00", "14:00", "15:00"]


async def test_two_processes_start_one_run():
    office = await an_office()
    other = office.another()
    office.world.clock.advance(HOUR)
    stale = office.world.workflows.get(KEY)
    await office.scheduler.look(KEY)

    class Stale:
        async def load(self, key):
            return stale

        save_status = office.world.schedules.save_status

    with pytest.raises(Conflict):
        await office.another(workflows=Stale()).look(KEY)
    await other.look(KEY)

    assert len(office.runs) == 1
    assert office.told() == ["RunScheduled"]


async def test_a_death_before_the_status_was_written_costs_no_run_and_gives_no_second():
    office = await an_office(hourly(concurrency_policy="Forbid"))

    class Dies:
        load = office.world.schedules.load

        async def save_status(self, workflow, status):
            raise Conflict("the process is gone")

    office.world.clock.advance(HOUR)
    with pytest.raises(Conflict):
        await office.another(workflows=Dies()).look(KEY)
    assert len(office.runs) == 1

    await office.look()

    assert len(office.runs) == 1
    (entry,) = office.status.schedules
    assert (entry.last_run, entry.missed) == (office.runs[0].metadata.name, 0)


async def test_after_an_absence_the_latest_missed_moment_is_made_up_for():
    office = await an_office()
    await office.look(timedelta(hours=5, minutes=10))
    (run,) = office.runs
    assert run.metadata.annotations[SCHEDULED_AT][11:16] == "17:00"
    assert office.status.schedules[0].missed == 4
    assert "RunMissed" in office.told()
    assert "4 moments of schedule hourly" in office.world.events.told[-1].message


async def test_forbid_leaves_a_moment_out():
    office = await an_office(hourly(concurrency_policy="Forbid"))
    await office.look(HOUR)
    await office.look(HOUR)
    assert len(office.runs) == 1
    assert office.status.schedules[0].missed == 1
    assert office.told()[-1] == "RunSkipped"
    assert office.runs[0].metadata.name in office.world.events.told[-1].message

    office.end(office.runs[0])
    await office.look(HOUR)

    assert len(office.runs) == 2


async def test_replace_has_the_older_run_cancelled():
    office = await an_office(hourly(concurrency_policy="Replace"))
    await office.look(HOUR)
    await office.look(HOUR)
    first, second = office.runs
    assert (first.spec.cancel, second.spec.cancel) == (True, False)
    assert "CancelRequested" in office.told()


async def test_a_policy_speaks_of_the_runs_of_its_own_schedule():
    office = await an_office(hourly(concurrency_policy="Forbid"), hourly(name="other", concurrency_policy="Replace"))
    await office.look(HOUR)
    await office.look(HOUR)
    assert sorted((run.metadata.labels[SCHEDULE_LABEL], run.spec.cancel) for run in office.runs) == [
        ("hourly", False),
        ("other", False),
        ("other", True),
    ]


async def test_allow_starts_one_beside_the_other():
    office = await an_office()
    await office.look(HOUR)
    await office.look(HOUR)
    assert [run.spec.cancel for run in office.runs] == [False, False]


async def test_who_may_not_run_it_any_more_gets_no_run_but_word_of_it():
    office = await an_office()
    office.world.schedules.refusals["alice"] = "alice may not run Workflow report"
    await office.look(HOUR)
    assert office.runs == ()
    assert (office.condition.status, office.condition.reason) == ("False", "Refused")
    assert "2026-01-02T13:00:00Z: alice may not run Workflow report" in office.condition.message
    assert office.told() == ["RunRefused"]
    assert office.status.schedules[0].missed == 1
    assert office.status.next_at == NOON + 2 * HOUR

    await office.look()
    assert office.condition.reason == "Refused"

    office.world.schedules.refusals.clear()
    await office.look(HOUR)
    assert len(office.runs) == 1
    assert (office.condition.status, office.condition.reason) == ("True", "Scheduled")


async def test_an_edit_by_somebody_who_may_puts_it_right_at_once():
    office = await an_office()
    office.world.schedules.refusals["alice"] = "alice may not"
    await office.look(HOUR)
    await office.write(hourly(context={"region": "us"}), by="bob")
    await office.look()
    assert office.condition.status == "True"


async def test_a_run_that_the_api_refuses_is_told_in_its_words():
    office = await an_office()

    class Full:
        unfinished = office.world.schedules.unfinished

        async def create(self, run):
            raise Forbidden("exceeded quota: workflowruns")

    office.scheduler = office.another(runs=Full())
    await office.look(HOUR)
    assert "exceeded quota" in office.condition.message
    assert office.status.next_at == NOON + 2 * HOUR


async def test_nobody_is_started_for_whom_nobody_knows():
    office = await an_office()
    workflow = office.world.workflows.get(KEY)
    office.world.workflows.replace(workflow.model_copy(update={"edited_by": None}))
    await office.look(HOUR)
    assert office.runs == ()
    assert office.condition.reason == "EditorUnknown"
    assert "apply it again" in office.condition.message


async def test_a_workflow_that_cannot_be_run_starts_nothing_and_makes_up_for_nothing():
    office = await an_office()
    office.ready = False
    assert await office.look(HOUR) is None
    assert (office.condition.reason, office.status.schedules[0].next_at) == ("NotReady", None)
    office.ready = True
    await office.look(HOUR)
    assert office.runs == ()
    assert office.status.next_at == NOON + 3 * HOUR


async def test_what_the_status_says_of_a_schedule_goes_with_it():
    office = await an_office()
    await office.write(hourly(name="other"))
    await office.look()
    assert [each.name for each in office.status.schedules] == ["other"]
    await office.write()
    assert await office.look() is None
    assert (office.status.schedules, office.status.next_at, office.condition) == ((), None, None)


async def test_a_look_that_finds_nothing_new_writes_nothing():
    office = await an_office()
    before = office.world.workflows.get(KEY)
    await office.look(timedelta(minutes=10))
    assert office.world.workflows.get(KEY) == before


async def test_a_workflow_without_schedules_and_one_that_is_gone_are_left_alone():
    office = Office()
    await office.write()
    before = office.world.workflows.get(KEY)
    assert await office.look() is None
    assert office.world.workflows.get(KEY) == before
    assert await office.scheduler.look(Key("default", "gone")) is None
