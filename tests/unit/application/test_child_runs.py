"""Steps that are runs of their own."""

from __future__ import annotations

from collections import deque

import pytest

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.over_items import ItemFailures
from penstock.api.v1alpha1.workflow import Approvers, Backoff, RequiresApproval, Retry, Step, WorkflowStep
from penstock.application.child_runs import with_children
from penstock.application.neighbours import Neighbours
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Reconciler
from penstock.engine.identifiers import attempt_name
from penstock.ports.access import Key
from penstock.testing.builders import a_gate, a_run, a_step, a_workflow
from penstock.testing.memory_runner import failed, succeeded
from penstock.testing.memory_world import CannedEvaluator, MemoryWorld

PARENT = Key("default", "order-1")
LARGE = {"text": "x" * 10_000}


class Rights:
    """Refuses what a test names."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    async def refusal(self, who, namespace, wanted):
        what = wanted.name if isinstance(wanted, Key) else "inline"
        self.asked.append((who.user, what))
        return f"{who.user} may not run {what}" if what in self.refused else ""


class Stage:
    """A world in which whatever wakes is looked at, children too."""

    def __init__(self, *workflows, answers=None, evaluator=None) -> None:
        self.world = MemoryWorld()
        self.rights = Rights()
        self.queue: deque[Key] = deque()
        neighbours = Neighbours()
        neighbours.subscribe(self.queue.append)
        self.world.runner.subscribe(self.queue.append)
        engine = with_children(
            self.world.engine(evaluator or CannedEvaluator(answers)), neighbours.families, self.rights
        )
        self.reconciler = Reconciler(engine, PlanBook({"bash": ""}, lambda text: None), neighbours=neighbours)
        self.workflows = workflows
        self.neighbours = neighbours

    async def begin(self, **fields):
        for workflow in self.workflows:
            await self.world.access("bob").workflows.apply(workflow)
        await self.world.access("bob", client="agent-7").runs.create(a_run(self.workflows[0], **fields))
        await self.settle(PARENT)

    async def settle(self, *keys):
        """Look at these runs and at everything that wakes by it."""
        self.queue.extend(keys)
        for _ in range(200):
            known = {Key(run.metadata.namespace, run.metadata.name) for run in self.world.runs.all()}
            if not self.queue:
                fresh = [key for key in known if self.world.runs.get(key).status.phase == "Pending"]
                if not fresh:
                    return
                self.queue.extend(fresh)
            key = self.queue.popleft()
            if key in known:
                await self.reconciler.reconcile(key)
        raise AssertionError("nothing settles")

    def run(self, key=PARENT):
        return self.world.runs.get(key)

    @property
    def children(self):
        return [run for run in self.world.runs.all() if run.spec.parent is not None]


def outer(**fields):
    """A Workflow whose one step runs `inner`; fields of the step and of its `workflow`."""
    step = {key: fields.pop(key) for key in ("requires_approval", "retry", "timeout") if key in fields}
    return a_workflow(Step(name="sub", workflow=WorkflowStep(**({"name": "inner"} | fields)), **step))


INNER = a_workflow(a_step("work"), name="inner")


def produced(plan):
    """A Workflow whose second step runs what its first one produced."""
    second = Step(name="sub", needs=("plan",), workflow=WorkflowStep(spec_from="steps.plan.output"))
    stage = Stage(a_workflow(a_step("plan"), second), answers={"steps.plan.output": plan})
    stage.world.runner.will("plan", succeeded(plan))
    return stage


async def test_a_child_runs_the_named_workflow_and_its_output_is_that_of_the_step():
    stage = Stage(outer(context={"n": 4}), INNER)
    stage.world.runner.will("work", succeeded(LARGE))
    await stage.begin()
    (child,) = stage.children
    assert (child.spec.workflow.name, child.spec.context) == ("inner", {"n": 4})
    assert (stage.run().status.phase, stage.run().status.steps["sub"].phase) == ("Succeeded", "Succeeded")
    assert await stage.world.outputs.load(stage.run(), output_ref(stage.run().status.output_ref)) == LARGE


async def test_a_child_is_asked_for_by_whoever_asked_for_its_parent():
    stage = Stage(outer(), INNER)
    await stage.begin()
    (child,) = stage.children
    assert (child.spec.requested_by.user, child.spec.requested_by.client) == ("bob", "agent-7")
    assert stage.rights.asked == [("bob", "inner")]
    assert child.metadata.owner_references[0].uid == stage.run().metadata.uid


async def test_a_child_of_a_run_that_wants_everything_anew_does_too():
    stage = Stage(outer(), INNER)
    await stage.begin(no_cache=True)
    assert [child.spec.no_cache for child in stage.children] == [True]


async def test_whoever_may_not_run_the_child_gets_no_child():
    stage = Stage(outer(), INNER)
    stage.rights.refused = {"inner"}
    await stage.begin()
    assert stage.children == []
    assert (stage.run().status.phase, stage.run().status.error.code) == ("Failed", "REFUSED")
    assert "bob may not run inner" in stage.run().status.error.reason


async def test_the_context_of_a_child_comes_from_the_run_with_its_types():
    answers = {"context.n + 1": 5, "steps.work.output": [1, 2]}
    stage = Stage(
        a_workflow(
            a_step("work"),
            Step(
                name="sub",
                needs=("work",),
                workflow=WorkflowStep(
                    name="inner", context={"n": "{{ context.n + 1 }}", "lines": {"all": ["{{ steps.work.output }}"]}}
                ),
            ),
        ),
        a_workflow(a_step("other"), name="inner"),
        answers=answers,
    )
    stage.world.runner.will("work", succeeded([1, 2]))
    await stage.begin(context={"n": 4})
    (child,) = stage.children
    assert child.spec.context == {"n": 5, "lines": {"all": [[1, 2]]}}


async def test_a_definition_that_a_step_produced_runs_as_the_asker_may_run_definitions():
    plan = {"steps": [{"name": "made", "script": {"runtime": "bash", "source": "true"}}]}
    stage = produced(plan)
    stage.world.runner.will("made", succeeded("done"))
    await stage.begin()
    assert stage.rights.asked == [("bob", "inline")]
    assert (stage.run().status.phase, stage.run().status.output) == ("Succeeded", "done")


@pytest.mark.parametrize(
    ("plan", "want"),
    [
        pytest.param({"steps": []}, "inline.steps", id="no steps"),
        pytest.param("rm -rf /", "inline", id="text"),
        pytest.param({"steps": [{"name": "a", "wait": {"duration": "1s"}, "x": 1}]}, "x: Extra", id="an unknown field"),
    ],
)
async def test_what_is_no_definition_fails_the_step_before_anything_of_it_exists(plan, want):
    stage = produced(plan)
    await stage.begin()
    assert stage.children == []
    assert stage.run().status.error.code == "REFUSED"
    assert want in stage.run().status.error.reason


async def test_a_definition_with_a_mistake_fails_with_the_mistake():
    plan = {"steps": [{"name": "made", "needs": ["ghost"], "script": {"runtime": "bash", "source": "true"}}]}
    stage = produced(plan)
    await stage.begin()
    assert "ghost" in stage.run().status.error.reason
    assert stage.run().status.error.step == "sub"


async def test_a_failed_child_fails_its_step_with_its_own_code_and_place():
    stage = Stage(outer(), INNER)
    stage.world.runner.will("work", failed("NO_STOCK", "sold out"))
    await stage.begin()
    error = stage.run().status.error
    assert (error.code, error.step) == ("NO_STOCK", "sub")
    assert "failed in step work: sold out" in error.reason


async def test_a_failed_child_is_tried_again_as_a_new_run():
    stage = Stage(outer(retry=Retry(limit=1, backoff=Backoff(initial="0s"))), INNER)
    stage.world.runner.will("work", failed(), succeeded(7))
    await stage.begin()
    await stage.settle(PARENT)
    assert len({child.metadata.name for child in stage.children}) == 2
    assert stage.run().status.output == 7


async def test_a_child_at_a_gate_makes_its_parent_wait_for_the_same_people():
    stage = Stage(outer(), a_workflow(a_gate("release"), a_step("work", needs=("release",)), name="inner"))
    await stage.begin()
    assert stage.run().status.phase == "Waiting"
    assert "by alice" in stage.run().status.waiting_for


async def test_cancelling_a_parent_cancels_its_child_and_what_runs_of_it():
    stage = Stage(outer(), INNER)
    await stage.begin()
    await stage.world.access("bob").runs.request_cancel(PARENT)
    await stage.settle(PARENT)
    (child,) = stage.children
    await stage.settle(Key("default", child.metadata.name))
    assert (stage.run().status.phase, stage.children[0].status.phase) == ("Cancelled", "Cancelled")


async def test_a_child_that_somebody_cancelled_fails_its_step_and_says_so():
    stage = Stage(outer(), INNER)
    await stage.begin()
    key = Key("default", stage.children[0].metadata.name)
    await stage.world.access("bob").runs.request_cancel(key)
    await stage.settle(key)
    assert (stage.run().status.phase, stage.run().status.error.code) == ("Failed", "CHILD_CANCELLED")


async def test_a_workflow_that_would_run_itself_is_refused():
    ring = a_workflow(Step(name="again", workflow=WorkflowStep(name="order")), name="inner")
    stage = Stage(outer(), ring)
    await stage.begin()
    assert len(stage.children) == 1
    assert "Workflow order would run itself: order → inner → order" in stage.run().status.error.reason


async def test_runs_inside_runs_end_at_the_limit():
    chain = [
        a_workflow(Step(name="deeper", workflow=WorkflowStep(name=f"level-{level + 1}")), name=f"level-{level}")
        for level in range(1, 12)
    ]
    stage = Stage(a_workflow(Step(name="sub", workflow=WorkflowStep(name="level-1"))), *chain)
    await stage.begin()
    assert len(stage.children) == 8
    assert "8 is the limit" in stage.run().status.error.reason


async def test_a_run_that_somebody_made_under_the_childs_name_is_not_taken_for_it():
    stage = Stage(outer(), INNER)
    bob = stage.world.access("bob")
    for workflow in stage.workflows:
        await bob.workflows.apply(workflow)
    made = await bob.runs.create(a_run(stage.workflows[0]))
    taken = attempt_name("order-1", made.metadata.uid, "sub", 1)
    await stage.world.access("mallory").runs.create(a_run("inner", name=taken))
    await stage.settle(PARENT)
    assert stage.run().status.error.code == "REFUSED"
    assert "is no attempt of this step" in stage.run().status.error.reason


async def test_a_gate_before_a_child_binds_the_content_that_will_run():
    gate = RequiresApproval(approvers=Approvers(users=("alice",)))
    stage = Stage(outer(requires_approval=gate), INNER)
    await stage.begin()
    first = stage.run().status.steps["sub"].gate
    await stage.world.access("bob").workflows.apply(a_workflow(a_step("work", source="echo other"), name="inner"))
    await stage.settle(PARENT)
    again = stage.run().status.steps["sub"].gate
    assert (again.round, first.round) == (2, 1)
    assert again.digest != first.digest
    assert stage.children == []


async def test_nobody_can_pass_a_run_off_as_somebodys_child():
    stage = Stage(outer(), INNER)
    await stage.begin()
    forged = stage.children[0].spec.parent
    made = await stage.world.access("mallory").runs.create(a_run("inner", name="forged", parent=forged))
    assert made.spec.parent is None


async def test_what_a_child_is_given_stands_in_the_digest_of_its_step():
    stage = Stage(outer(context={"n": 1}), INNER)
    await stage.begin()
    one = stage.run().status.steps["sub"].digest
    other = Stage(outer(context={"n": 2}), INNER)
    await other.begin()
    assert one.startswith("sha256:")
    assert one != other.run().status.steps["sub"].digest


def each(**fields):
    """A Workflow that runs `inner` once for each of three values; fields of the step."""
    inner = WorkflowStep(name="inner", context={"n": "{{ item.n }}", "at": "{{ itemIndex }}"})
    return a_workflow(Step(name="sub", for_each="context.rows", workflow=inner, **fields))


ROWS = {"rows": [{"n": 7}, {"n": 8}, {"n": 9}]}


async def test_a_step_with_items_has_one_run_for_each_so_many_at_a_time_and_gives_their_outputs_in_order():
    stage = Stage(each(max_parallel=2), INNER, evaluator=CelEvaluator())
    await stage.begin(context=ROWS)
    assert [child.spec.context for child in stage.children] == [{"n": 7, "at": 0}, {"n": 8, "at": 1}]
    second, first = stage.children[1], stage.children[0]
    stage.world.runner.end(second, "work", succeeded("second"))
    await stage.settle(Key("default", second.metadata.name))
    assert len(stage.children) == 3
    stage.world.runner.end(first, "work", succeeded("first"))
    stage.world.runner.end(stage.children[2], "work", succeeded("third"))
    await stage.settle(*(Key("default", child.metadata.name) for child in stage.children))
    assert (stage.run().status.phase, stage.run().status.output) == ("Succeeded", ["first", "second", "third"])


async def test_a_run_of_an_item_that_failed_is_tried_again_and_then_tolerated():
    again = Retry(limit=1, backoff=Backoff(initial="0s"))
    stage = Stage(
        each(max_parallel=1, retry=again, item_failures=ItemFailures(tolerated=1)), INNER, evaluator=CelEvaluator()
    )
    stage.world.runner.will("work", failed("NO_STOCK"), failed("NO_STOCK"), succeeded(2), succeeded(3))
    await stage.begin(context=ROWS)
    await stage.settle(PARENT)
    assert (stage.run().status.phase, stage.run().status.output) == ("Succeeded", [None, 2, 3])
    [failure] = stage.run().status.steps["sub"].items.failures
    assert (failure.index, failure.code) == (0, "NO_STOCK")
    assert len(stage.children) == 4


async def test_a_run_waits_for_people_when_all_that_goes_on_of_it_does():
    stage = Stage(each(), a_workflow(a_gate("release"), name="inner"), evaluator=CelEvaluator())
    await stage.begin(context=ROWS)
    assert stage.run().status.phase == "Waiting"
    assert "sub: 0/3 items; run" in stage.run().status.waiting_for


async def test_cancelling_a_parent_cancels_the_runs_of_all_its_items():
    stage = Stage(each(), INNER, evaluator=CelEvaluator())
    await stage.begin(context=ROWS)
    await stage.world.access("bob").runs.request_cancel(PARENT)
    await stage.settle(PARENT)
    await stage.settle(*(Key("default", child.metadata.name) for child in stage.children))
    assert {run.status.phase for run in (stage.run(), *stage.children)} == {"Cancelled"}
