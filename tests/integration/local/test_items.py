"""A step over many items in local mode: processes, the database, and a driver that dies in between."""

from __future__ import annotations

from penstock.adapters.local.backend import LocalBackend
from penstock.api.v1alpha1.items import BatchStatus, ItemsStatus
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun, WorkflowRunStatus
from penstock.engine.commands import StartAttempt
from penstock.engine.facts import AttemptFact
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId
from penstock.testing.builders import a_run, a_spec
from tests.integration.local.attempts import ended, seen, start_of, stop_of
from tests.integration.local.conftest import Machine


def a_batch(run: WorkflowRun, source: str, *values: object) -> StartAttempt:
    whole = start_of(run, source)
    document = {**whole.document, "items": [{"index": 5 + n, "value": value} for n, value in enumerate(values)]}
    del document["item"]
    at = AttemptId("work", 1, 0)
    name = attempt_name(run.metadata.name, run.metadata.uid, *at)
    return StartAttempt(at, name, whole.digest, whole.program, document)


async def a_fanned_out_run(backend: LocalBackend) -> WorkflowRun:
    """A run that waits for the first batch of its step `work`."""
    run = await backend.access.runs.create(a_run(a_spec()))
    batch = BatchStatus(phase="Starting", attempt=1)
    step = StepStatus(phase="Starting", items=ItemsStatus(total=3, digest="sha256:list", active={"0": batch}))
    return run.model_copy(update={"status": WorkflowRunStatus(phase="Running", steps={"work": step})})


def results(fact: AttemptFact) -> dict[int, object]:
    return {each.index: each.failure.code if each.failure else each.output for each in fact.items}


async def test_results_of_items_outlive_the_driver(machine: Machine):
    first = machine.open()
    run = await a_fanned_out_run(first)
    command = a_batch(run, 'n=$(item_value); [[ $n != 2 ]] || fail BAD "two"; output "$n"', 1, 2, 3)
    await first.runner.start(run, command)
    fact = await ended(first, run)
    assert (results(fact), fact.items_begun) == ({5: 1, 6: "BAD", 7: 3}, 3)
    assert fact.failure is not None
    assert fact.failure.code == "ITEMS_FAILED"


async def test_the_next_driver_reads_them_out_of_the_log(machine: Machine):
    first = machine.open()
    run = await a_fanned_out_run(first)
    command = a_batch(run, 'output "$(item_value)"; [[ $(item_value) != 2 ]] || sleep 1000', 1, 2, 3)
    await first.runner.start(run, command)
    await seen(first, run, lambda fact: fact.items)
    await first.close()
    second = machine.open()
    await second.runner.observe(run)
    await second.runner.stop(run, stop_of(command))
    fact = await ended(second, run)
    assert results(fact) == {5: 1, 6: "CANCELLED"}
    assert fact.items_begun == 2
