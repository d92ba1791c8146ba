"""One pass over a run: what is written, when, and in which order to what is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Outputs
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import SOFT_WRITE_EVERY, Reconciler
from penstock.engine.commands import StartAttempt
from penstock.engine.facts import Verdict
from penstock.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from penstock.ports.access import Key
from penstock.testing.builders import a_gate, a_run, a_step, a_workflow
from penstock.testing.memory_runner import failed, succeeded
from penstock.testing.memory_world import MemoryWorld

IMAGES = {"bash": "", "python": ""}
KEY = Key("default", "order-1")


class CountingLedger:
    """The world's ledger, with its writes kept."""

    def __init__(self, ledger, journal):
        self._ledger = ledger
        self._journal = journal
        self.fail_next = None
        self.copy = None
        """What this one still takes for the run, whatever it is by now."""

    async def load(self, key):
        return self.copy or await self._ledger.load(key)

    async def confirm(self, run):
        await self._ledger.confirm(run)

    async def save_status(self, run: WorkflowRun, status: WorkflowRunStatus) -> WorkflowRun:
        if self.fail_next is not None:
            error, self.fail_next = self.fail_next, None
            raise error
        self._journal.append(("write", str(status.phase)))
        return await self._ledger.save_status(run, status)


class JournalRunner:
    """The world's runner, with its starts kept; refuses what it is told to."""

    def __init__(self, runner, journal):
        self._runner = runner
        self._journal = journal
        self.refusal = None

    async def observe(self, run):
        return await self._runner.observe(run)

    async def start(self, run, command: StartAttempt):
        if self.refusal is not None:
            raise self.refusal
        self._journal.append(("start", command.id.step))
        await self._runner.start(run, command)

    async def stop(self, run, command):
        self._journal.append(("stop", command.id.step))
        await self._runner.stop(run, command)


class JournalOutputs:
    """The world's outputs, with what is kept of them in the journal; refuses what it is told to."""

    def __init__(self, outputs, journal):
        self._outputs = outputs
        self._journal = journal
        self.refusal = None

    async def store(self, run, command):
        if self.refusal is not None:
            raise self.refusal
        self._journal.append(("keep", command.ref.size))
        await self._outputs.store(run, command)

    async def load(self, run, ref):
        return await self._outputs.load(run, ref)


class Stage:
    """A world, a reconciler over it, and the journal of what it did."""

    def __init__(self, workflow, **run_fields):
        self.world = MemoryWorld()
        self.journal: list[tuple[str, object]] = []
        self.ledger = CountingLedger(self.world.ledger, self.journal)
        self.runner = JournalRunner(self.world.runner, self.journal)
        self.outputs = JournalOutputs(self.world.outputs, self.journal)
        engine = replace(self.world.engine(), ledger=self.ledger, runner=self.runner, outputs=self.outputs)
        self.reconciler = Reconciler(engine, PlanBook(IMAGES, lambda text: None))
        self.workflow = workflow
        self.run_fields = run_fields

    async def begin(self):
        access = self.world.access("bob", client="agent-7")
        await access.workflows.apply(self.workflow)
        await access.runs.create(a_run(self.workflow, **self.run_fields))
        return await self.look()

    async def look(self):
        return await self.reconciler.reconcile(KEY)

    @property
    def run(self) -> WorkflowRun:
        return self.world.runs.get(KEY)

    @property
    def writes(self):
        return [phase for kind, phase in self.journal if kind == "write"]


async def test_what_is_to_start_is_written_before_it_is_started():
    stage = Stage(a_workflow(a_step("a")))
    await stage.begin()
    assert stage.journal == [("write", "Running"), ("start", "a")]
    assert stage.run.status.steps["a"].phase == "Starting"
    assert stage.run.status.revision is not None


async def test_a_one_step_run_costs_two_writes_of_its_status():
    stage = Stage(a_workflow(a_step("a")))
    await stage.begin()
    await stage.look()
    stage.world.runner.end(stage.run, "a", succeeded({"id": 1}))
    await stage.look()
    await stage.look()
    assert stage.writes == ["Running", "Succeeded"]
    assert (stage.run.status.phase, stage.run.status.output) == ("Succeeded", {"id": 1})
    assert stage.run.status.steps["a"].uid


async def test_the_result_of_one_step_and_the_start_of_the_next_share_a_write():
    stage = Stage(a_workflow(a_step("a"), a_step("b", needs=("a",))))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded())
    await stage.look()
    assert stage.journal == [("write", "Running"), ("start", "a"), ("write", "Running"), ("start", "b")]


async def test_a_write_that_somebody_overtook_starts_nothing():
    stage = Stage(a_workflow(a_step("a")))
    stage.ledger.fail_next = Conflict("somebody wrote first")
    with pytest.raises(Conflict):
        await stage.begin()
    assert stage.journal == []


async def test_a_start_that_did_not_come_through_is_repeated_under_the_same_name():
    stage = Stage(a_workflow(a_step("a")))
    stage.runner.refusal = Unavailable("the API server is away")
    with pytest.raises(Unavailable):
        await stage.begin()
    stage.runner.refusal = None
    await stage.look()
    assert stage.journal == [("write", "Running"), ("start", "a")]
    assert len(stage.world.runner.starts) == 1


async def test_a_step_that_may_not_run_fails_and_says_why():
    stage = Stage(a_workflow(a_step("a")))
    stage.runner.refusal = InvalidInput("exceeded quota: pods")
    await stage.begin()
    assert stage.run.status.phase == "Failed"
    assert stage.run.status.error.code == "REFUSED"
    assert "exceeded quota" in stage.run.status.error.reason


async def test_signs_of_life_are_written_seldom():
    stage = Stage(a_workflow(a_step("a")))
    await stage.begin()
    stage.world.runner.say(stage.run, "a", message="1 of 2")
    due = await stage.look()
    assert stage.writes == ["Running"]
    assert due == stage.world.clock.now() + SOFT_WRITE_EVERY
    stage.world.clock.advance(SOFT_WRITE_EVERY)
    await stage.look()
    assert (stage.run.status.steps["a"].phase, stage.run.status.steps["a"].message) == ("Running", "1 of 2")
    stage.world.runner.say(stage.run, "a", message="2 of 2")
    await stage.look()
    assert stage.writes == ["Running", "Running"]


@pytest.mark.parametrize(
    ("workflow", "fields", "want_code", "want_words"),
    [
        pytest.param(
            a_workflow(a_step("a", needs=("ghost",))), {}, "INVALID_INPUT", "ghost", id="a Workflow with a mistake"
        ),
        pytest.param(
            a_workflow(a_step("a"), inputs={"type": "object", "properties": {"total": {"type": "number"}}}),
            {"context": {"total": "much"}},
            "INVALID_INPUT",
            "total",
            id="a context of the wrong type",
        ),
    ],
)
async def test_a_run_that_cannot_start_fails_before_anything_of_it_exists(workflow, fields, want_code, want_words):
    stage = Stage(workflow, **fields)
    await stage.begin()
    assert stage.journal == [("write", "Failed")]
    assert stage.run.status.error.code == want_code
    assert want_words in stage.run.status.error.reason
    assert stage.world.runner.starts == []


async def test_a_run_of_an_unknown_workflow_fails_and_names_it():
    stage = Stage(a_workflow(a_step("a")))
    await stage.world.access("bob").runs.create(a_run("ghost"))
    await stage.look()
    assert stage.run.status.error.code == "WORKFLOW_NOT_FOUND"


async def test_a_run_keeps_its_revision_when_the_workflow_is_edited():
    stage = Stage(a_workflow(a_step("a"), a_step("b", needs=("a",), source="echo old")))
    await stage.begin()
    edited = a_workflow(a_step("a"), a_step("b", needs=("a",), source="echo new"))
    await stage.world.access("bob").workflows.apply(edited)
    stage.world.runner.end(stage.run, "a", succeeded())
    await stage.look()
    assert stage.world.runner.newest(stage.run.metadata.uid, "b").command.program["source"] == "echo old"


async def test_defaults_of_the_inputs_are_in_the_context():
    inputs = {"type": "object", "properties": {"total": {"type": "number", "default": 5}}}
    stage = Stage(a_workflow(a_step("a"), inputs=inputs))
    await stage.begin()
    assert stage.world.runner.newest(stage.run.metadata.uid, "a").command.document["context"] == {"total": 5}


async def test_a_gate_from_request_to_the_end_of_the_run():
    stage = Stage(a_workflow(a_gate("release"), a_step("ship", needs=("release",))))
    due = await stage.begin()
    request = stage.world.approvals.all()[0]
    assert due == request.spec.request.expires_at
    assert stage.run.status.phase == "Waiting"
    assert "release" in stage.run.status.waiting_for
    decider = stage.world.access("alice")
    from penstock.application.answer_approval import answer_approval

    await answer_approval(decider, Key("default", request.metadata.name), Verdict.APPROVE, "fine")
    await stage.look()
    assert stage.world.approvals.all()[0].status.phase == "Approved"
    stage.world.runner.end(stage.run, "ship", succeeded())
    await stage.look()
    assert stage.run.status.phase == "Succeeded"
    assert [event.reason for event in stage.world.events.told] == [
        "ApprovalNeeded",
        "StepSucceeded",
        "StepStarted",
        "StepSucceeded",
        "RunSucceeded",
    ]


async def test_a_retry_starts_when_its_time_has_come():
    from penstock.api.v1alpha1.workflow import Backoff, Retry

    stage = Stage(a_workflow(a_step("a", retry=Retry(limit=1, backoff=Backoff(initial="2s")))))
    stage.world.runner.will("a", failed(), succeeded("done"))
    await stage.begin()
    due = await stage.look()
    assert due == stage.world.clock.now() + timedelta(seconds=2)
    stage.world.clock.advance(timedelta(seconds=2))
    await stage.look()
    await stage.look()
    assert (stage.run.status.phase, stage.run.status.steps["a"].attempt) == ("Succeeded", 2)


async def test_cancelling_stops_what_lives():
    stage = Stage(a_workflow(a_step("a"), a_step("b", needs=("a",))))
    await stage.begin()
    await stage.world.access("bob").runs.request_cancel(KEY)
    await stage.look()
    assert ("stop", "a") in stage.journal
    assert stage.run.status.phase == "Cancelled"
    assert stage.run.status.steps["b"].phase == "Cancelled"


async def test_a_run_that_is_gone_is_no_error():
    stage = Stage(a_workflow(a_step("a")))
    assert await stage.look() is None


async def test_a_run_that_is_deleted_during_its_pass_is_no_error_and_starts_nothing():
    stage = Stage(a_workflow(a_step("a")))
    stage.ledger.fail_next = NotFound("there is no run default/order-1")
    assert await stage.begin() is None
    assert stage.journal == []


async def interrupted(stage):
    """The run as it was written down by a process that ended before it started anything."""
    stage.runner.refusal = Unavailable("this process ends here")
    with pytest.raises(Unavailable):
        await stage.begin()
    stage.runner.refusal = None
    stage.ledger.copy = stage.run
    stage.journal.clear()


async def test_what_another_process_wrote_down_is_started():
    stage = Stage(a_workflow(a_step("a")))
    await interrupted(stage)
    await stage.look()
    assert stage.journal == [("start", "a")]


async def test_nothing_is_started_of_a_run_that_was_deleted_while_nobody_looked():
    stage = Stage(a_workflow(a_step("a")))
    await interrupted(stage)
    stage.world.runs.remove(KEY)
    assert await stage.look() is None
    assert stage.journal == []


async def test_nothing_is_started_of_a_run_that_somebody_else_took_further():
    stage = Stage(a_workflow(a_step("a")))
    await interrupted(stage)
    stage.world.runs.replace(
        stage.run.model_copy(update={"status": stage.run.status.model_copy(update={"phase": "Failed"})})
    )
    with pytest.raises(Conflict):
        await stage.look()
    assert stage.journal == []


async def test_a_run_whose_runtime_is_missing_for_now_waits_for_it_and_loses_nothing():
    stage = Stage(a_workflow(a_step("a"), a_step("b", needs=("a",))))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded(1))
    whole = stage.reconciler
    stage.reconciler = Reconciler(stage.world.engine(), PlanBook({}, lambda text: None))
    with pytest.raises(Unavailable, match="cannot go on for now"):
        await stage.look()
    stage.reconciler = whole
    await stage.look()
    assert stage.run.status.steps["a"].output == 1


LARGE = "x" * 5000


async def test_a_large_output_is_kept_before_the_status_refers_to_it():
    stage = Stage(a_workflow(a_step("a"), a_step("b", needs=("a",))))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded(LARGE))
    stage.journal.clear()
    await stage.look()
    assert stage.journal == [("keep", 5002), ("write", "Running"), ("start", "b")]
    step = stage.run.status.steps["a"]
    assert (step.output, step.output_ref.size) == (None, 5002)


async def test_a_large_output_reaches_the_steps_after_it_also_with_the_next_operator():
    stage = Stage(a_workflow(a_step("a"), a_step("b", needs=("a",)), a_step("c", needs=("b",))))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded(LARGE))
    await stage.look()
    stage.reconciler = Reconciler(stage.world.engine(), PlanBook(IMAGES, lambda text: None))
    stage.world.runner.end(stage.run, "b", succeeded())
    await stage.look()
    seen = stage.world.runner.newest(stage.run.metadata.uid, "c").command.document["steps"]
    assert seen["a"]["output"] == LARGE


async def test_an_output_that_was_kept_and_not_written_down_is_kept_once():
    stage = Stage(a_workflow(a_step("a")))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded(LARGE))
    stage.ledger.fail_next = Conflict("somebody wrote first")
    with pytest.raises(Conflict):
        await stage.look()
    await stage.look()
    assert stage.run.status.phase == "Succeeded"
    assert stage.world.outputs.writes == [stage.run.status.output_ref.name]


async def test_an_output_that_may_not_be_kept_fails_its_step_in_the_words_of_whoever_refused():
    stage = Stage(a_workflow(a_step("a")))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded(LARGE))
    stage.outputs.refusal = Forbidden("exceeded quota: count/configmaps")
    await stage.look()
    assert (stage.run.status.phase, stage.run.status.error.code) == ("Failed", "OUTPUT_NOT_STORED")
    assert "exceeded quota" in stage.run.status.error.reason


async def test_an_output_that_cannot_be_kept_for_now_is_kept_later():
    stage = Stage(a_workflow(a_step("a")))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded(LARGE))
    stage.outputs.refusal = Unavailable("the API server is away")
    with pytest.raises(Unavailable):
        await stage.look()
    stage.outputs.refusal = None
    await stage.look()
    assert stage.run.status.phase == "Succeeded"


async def test_a_run_whose_output_was_taken_away_fails_and_names_it():
    stage = Stage(a_workflow(a_step("a"), a_step("b", needs=("a",)), a_step("c", needs=("b",))))
    await stage.begin()
    stage.world.runner.end(stage.run, "a", succeeded(LARGE))
    await stage.look()
    stage.world.outputs.texts.clear()
    stage.world.runner.end(stage.run, "b", succeeded())
    await stage.look()
    name = stage.run.status.steps["a"].output_ref.name
    assert (stage.run.status.phase, stage.run.status.error.code) == ("Failed", "OUTPUT_LOST")
    assert name in stage.run.status.error.reason
    assert stage.run.status.steps["c"].phase == "Cancelled"


async def test_a_run_gives_back_what_its_workflow_promises_or_fails():
    promised = Outputs(schema={"type": "object", "required": ["id"]})
    for output, phase in (({"id": 1}, "Succeeded"), ({"no": 1}, "Failed")):
        stage = Stage(a_workflow(a_step("a"), outputs=promised))
        stage.world.runner.will("a", succeeded(output))
        await stage.begin()
        await stage.look()
        assert stage.run.status.phase == phase
    assert stage.run.status.error.code == "OUTPUT_INVALID"
    assert "`id` is required and is missing" in stage.run.status.error.reason
