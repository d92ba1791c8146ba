"""Which finished runs go when somebody prunes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import ParentReference, WorkflowRun, WorkflowRunStatus
from penstock.application.list_runs import RunFilter
from penstock.application.prune_runs import Pruning, prune_runs, to_prune
from penstock.errors import NotPossible
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_spec
from penstock.testing.memory_world import MemoryWorld

NOW = datetime(2026, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def run(name: str, phase: str = "Succeeded", *, hours: float = 1, of="order", **spec) -> WorkflowRun:
    made = a_run(of, name=name, **spec)
    ended = None if phase in ("Pending", "Running", "Waiting") else NOW - hours * HOUR
    metadata = ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", creation_timestamp=NOW - 100 * HOUR)
    status = WorkflowRunStatus(phase=phase, finished_at=ended)
    return made.model_copy(update={"metadata": metadata, "status": status})


def below(name: str, top: str, phase: str = "Succeeded", **options) -> WorkflowRun:
    parent = ParentReference(run=top, uid=f"uid-{top}", step="a", attempt=1, digest="d", lineage=())
    return run(name, phase, parent=parent, **options)


def gone(pruning: Pruning, *runs: WorkflowRun) -> list[str]:
    return [each.metadata.name for each in to_prune(runs, pruning, NOW)]


def test_what_ended_long_enough_ago_goes_the_oldest_first():
    runs = [run("a", hours=2), run("b", hours=3), run("c", hours=1.99)]
    assert gone(Pruning(older_than=2 * HOUR), *runs) == ["b", "a"]


@pytest.mark.parametrize("phase", ["Pending", "Running", "Waiting"])
def test_what_is_not_finished_never_goes(phase):
    assert gone(Pruning(), run("a", phase)) == []


def test_the_newest_of_each_workflow_are_kept():
    runs = [run(f"{of}-{hours}", of=of, hours=hours) for of in ("order", "report") for hours in (1, 2, 3)]
    assert gone(Pruning(keep=2), *runs) == ["order-3", "report-3"]
    assert gone(Pruning(keep=2, older_than=4 * HOUR), *runs) == []
    assert gone(Pruning(RunFilter(workflow="report"), keep=1), *runs) == ["report-3", "report-2"]


def test_runs_without_a_workflow_are_counted_together():
    runs = [run(f"a-{hours}", of=a_spec(), hours=hours) for hours in (1, 2)]
    assert gone(Pruning(keep=1), *runs) == ["a-2"]


def test_what_succeeded_may_be_kept():
    assert gone(Pruning(keep_succeeded=True), run("a"), run("b", "Failed")) == ["b"]


def test_what_is_retried_stays():
    assert gone(Pruning(), run("a", "Failed"), run("b", "Running", retry_of="a")) == []
    assert gone(Pruning(), run("a", "Failed"), run("b", "Failed", retry_of="a", hours=0)) == ["a", "b"]


def test_a_run_of_a_step_goes_with_the_one_above_it():
    assert gone(Pruning(), run("top"), below("step", "top")) == ["top"]
    assert gone(Pruning(), run("top", "Running"), below("step", "top")) == []
    assert gone(Pruning(), run("top", "Cancelled"), below("step", "top", "Running")) == []
    assert gone(Pruning(), below("step", "gone")) == ["step"]


async def test_what_goes_along_is_not_counted_as_left():
    world = MemoryWorld()
    access = world.access("bob")
    kept = []
    for each in (run("top"), below("step", "top"), below("lower", "step"), run("new", "Running"), run("slow")):
        await world.ledger.create(each)
        made = world.runs.get(Key("default", each.metadata.name))
        parent = each.spec.parent
        if parent is not None:
            uid = world.runs.get(Key("default", parent.run)).metadata.uid
            spec = made.spec.model_copy(update={"parent": parent.model_copy(update={"uid": uid})})
            made = world.runs.replace(made.model_copy(update={"spec": spec}))
        kept.append(await world.ledger.save_status(made, each.status))
    whole_delete = access.runs.delete

    async def delete(found):
        if found.metadata.name == "slow":
            raise NotPossible("it has a process that still ends")
        await whole_delete(found)

    access.runs.delete = delete
    pruned = await prune_runs(access, "default", Pruning(), NOW)
    assert (pruned.removed, pruned.remaining) == (1, 2)
