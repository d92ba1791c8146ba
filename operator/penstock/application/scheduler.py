"""Runs by the clock. One pass over one Workflow: look, start what is due, write down how far it has come.

The name of a run follows from its moment, and `nextAt` moves on only after the run is there. So a death in between, or
a second process at the same work, finds the run made already, and no moment gets two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from penstock.api.v1alpha1.meta import Condition, ObjectMeta
from penstock.api.v1alpha1.run import RequestedBy, WorkflowReference, WorkflowRun, WorkflowRunSpec
from penstock.api.v1alpha1.schedules import SCHEDULE_LABEL, SCHEDULED_AT, schedule_name
from penstock.api.v1alpha1.workflow import EditedBy, Schedule, ScheduleStatus, Workflow, WorkflowStatus
from penstock.application.due_ticks import look_at
from penstock.application.happenings import Happening
from penstock.engine.identifiers import tick_name
from penstock.errors import UserError
from penstock.ports.access import Key
from penstock.ports.engine import Authority, Clock, EventSink
from penstock.ports.schedules import ScheduledRuns, WorkflowLedger

CONDITION = "Scheduled"
REFUSED = "Refused"


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports that a scheduler works with."""

    workflows: WorkflowLedger
    runs: ScheduledRuns
    authority: Authority
    clock: Clock
    events: EventSink


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether the schedules of a Workflow start runs: a condition in the making."""

    reason: str
    message: str
    holds: bool = False


@dataclass(slots=True)
class _Pass:
    """What one pass over a Workflow comes to."""

    workflow: Workflow
    now: datetime
    entries: list[ScheduleStatus] = field(default_factory=list)
    news: list[Happening] = field(default_factory=list)
    """Told once the status that goes with it is written."""
    started: bool = False
    refusal: str = ""

    @property
    def key(self) -> Key:
        """Where the Workflow is."""
        return Key(self.workflow.metadata.namespace, self.workflow.metadata.name)


class Scheduler:
    """Starts the runs of schedules; `is_ready` says whether a Workflow can be run."""

    def __init__(self, desk: Desk, is_ready: Callable[[Workflow], bool]) -> None:
        self._desk = desk
        self._is_ready = is_ready

    async def look(self, key: Key) -> datetime | None:
        """One pass. Returns when the next run is due. Raises TransientError to be called again."""
        workflow = await self._desk.workflows.load(key)
        if workflow is None or workflow.metadata.deletion_timestamp is not None:
            return None
        work = _Pass(workflow, self._desk.clock.now())
        verdict = await self._verdict(work)
        status = self._status(work, verdict)
        if status != workflow.status:
            workflow = await self._desk.workflows.save_status(workflow, status)
        for each in work.news:
            self._desk.events.emit(workflow, each.reason, each.message, warning=each.warning)
        return status.next_at

    async def _verdict(self, work: _Pass) -> _Verdict | None:
        """Start what is due, and say whether the schedules start runs; None where there are no schedules."""
        workflow = work.workflow
        if not workflow.spec.schedules:
            return None
        known = {each.name: each for each in workflow.status.schedules}
        if not self._is_ready(workflow):
            work.entries = [each.model_copy(update={"next_at": None}) for each in known.values()]
            return _Verdict("NotReady", "The Workflow cannot be run, so its schedules start nothing; see Ready.")
        for schedule in workflow.spec.schedules:
            work.entries.append(await self._look_at(work, schedule, known.get(schedule_name(schedule))))
        editor = workflow.edited_by
        if editor is None:
            fix = "apply it again: scheduled runs are those of whoever last changed its spec"
            return _Verdict("EditorUnknown", f"Nobody knows who last edited this Workflow; {fix}.")
        refusal = work.refusal or ("" if work.started else _standing_refusal(workflow))
        if refusal:
            return _Verdict(REFUSED, refusal)
        return _Verdict("Scheduled", f"Runs are started as {editor.user}, who last edited the Workflow.", holds=True)

    async def _look_at(self, work: _Pass, schedule: Schedule, known: ScheduleStatus | None) -> ScheduleStatus:
        look = look_at(schedule, known, work.now)
        if look.missed:
            count = "A moment" if look.missed == 1 else f"{look.missed} moments"
            message = f"{count} of schedule {look.status.name} went by while nobody was there to start a run."
            work.news.append(Happening("RunMissed", message, warning=True))
        if look.tick is None:
            return look.status
        name = await self._start(work, schedule, look.tick)
        if name is None:
            return look.status.model_copy(update={"missed": look.status.missed + 1})
        return look.status.model_copy(update={"last_scheduled_at": look.tick, "last_run": name})

    async def _start(self, work: _Pass, schedule: Schedule, tick: datetime) -> str | None:
        """Make sure that the run of a moment is there; its name, None where there is to be none."""
        editor = work.workflow.edited_by
        if editor is None:
            return None
        run = _run(work.workflow, editor, schedule, tick)
        older = [
            each
            for each in await self._desk.runs.unfinished(work.key, schedule_name(schedule))
            if each.metadata.name != run.metadata.name
        ]
        if older and schedule.concurrency_policy == "Forbid":
            because = f"run {older[0].metadata.name} is unfinished (concurrencyPolicy: Forbid)"
            work.news.append(Happening("RunSkipped", f"No run was started for {_moment(tick)}: {because}."))
            return None
        refusal = await self._refusal(work, editor) or await self._create(work.workflow, run)
        if refusal:
            work.refusal = f"No run was started for {_moment(tick)}: {refusal}"
            work.news.append(Happening("RunRefused", work.refusal, warning=True))
            return None
        work.started = True
        if schedule.concurrency_policy == "Replace":
            await self._replace(run, older)
        return run.metadata.name

    async def _refusal(self, work: _Pass, editor: EditedBy) -> str:
        who = RequestedBy(**editor.model_dump())
        return await self._desk.authority.refusal(who, work.key.namespace, work.key)

    async def _create(self, workflow: Workflow, run: WorkflowRun) -> str:
        """Make sure that the run is there; why it may not be, empty where it is."""
        try:
            if await self._desk.runs.create(run):
                message = f"Run {run.metadata.name} was started for {run.metadata.annotations[SCHEDULED_AT]}."
                self._desk.events.emit(workflow, "RunScheduled", message)
        except UserError as error:
            return str(error)
        return ""

    async def _replace(self, run: WorkflowRun, older: list[WorkflowRun]) -> None:
        for other in older:
            cancelled = await self._desk.runs.request_cancel(Key(other.metadata.namespace, other.metadata.name))
            if cancelled is not None:
                because = f"run {run.metadata.name} takes its place (concurrencyPolicy: Replace)"
                self._desk.events.emit(cancelled, "CancelRequested", f"The run is cancelled: {because}", warning=True)

    def _status(self, work: _Pass, verdict: _Verdict | None) -> WorkflowStatus:
        before = work.workflow.status
        times = [each.next_at for each in work.entries if each.next_at is not None]
        conditions = tuple(each for each in before.conditions if each.type != CONDITION)
        if verdict is not None:
            conditions += (self._condition(work, verdict),)
        return before.model_copy(
            update={
                "schedules": tuple(work.entries),
                "next_at": min(times, default=None),
                "conditions": conditions,
            }
        )

    def _condition(self, work: _Pass, verdict: _Verdict) -> Condition:
        before = next((each for each in work.workflow.status.conditions if each.type == CONDITION), None)
        status = "True" if verdict.holds else "False"
        return Condition(
            type=CONDITION,
            status=status,
            reason=verdict.reason,
            message=verdict.message,
            last_transition_time=before.last_transition_time if before and before.status == status else work.now,
            observed_generation=work.workflow.metadata.generation,
        )


def _standing_refusal(workflow: Workflow) -> str:
    """A refusal stands until a run is started, or the Workflow is edited."""
    generation = workflow.metadata.generation
    for each in workflow.status.conditions:
        if (each.type, each.reason, each.observed_generation) == (CONDITION, REFUSED, generation):
            return each.message
    return ""


def _run(workflow: Workflow, editor: EditedBy, schedule: Schedule, tick: datetime) -> WorkflowRun:
    meta, name = workflow.metadata, schedule_name(schedule)
    return WorkflowRun(
        metadata=ObjectMeta(
            name=tick_name(meta.name, meta.uid, name, tick),
            namespace=meta.namespace,
            labels={SCHEDULE_LABEL: name},
            annotations={SCHEDULED_AT: _moment(tick)},
        ),
        spec=WorkflowRunSpec(
            workflow=WorkflowReference(name=meta.name),
            context=schedule.context,
            requested_by=RequestedBy(**editor.model_dump()),
        ),
    )


def _moment(tick: datetime) -> str:
    return tick.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
