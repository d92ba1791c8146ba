"""Which runs have an output that others may take."""

from __future__ import annotations

from datetime import timedelta

from penstock.api.v1alpha1.run import StepStatus, WorkflowRunStatus
from penstock.application.cached_steps import KEPT, CachedSteps
from penstock.testing.builders import a_run
from tests.support.plans import NOON


def made(number, namespace="default", digest="sha256:same"):
    """A run of the Workflow `order` that gave its output so many seconds after noon."""
    run = a_run(name=f"order-{number}", namespace=namespace)
    step = StepStatus(phase="Succeeded", cache_digest=digest, finished_at=NOON + timedelta(seconds=number))
    metadata = run.metadata.model_copy(update={"uid": f"uid-{number}"})
    return run.model_copy(update={"metadata": metadata, "status": WorkflowRunStatus(steps={"work": step})})


def found(steps, namespace="default"):
    return [key.name for key in steps.find(a_run(namespace=namespace), "work", "sha256:same")]


def test_a_run_that_is_seen_again_and_again_is_known_once():
    steps = CachedSteps()
    for _ in range(3):
        steps.notice(made(1))
    assert found(steps) == ["order-1"]


def test_of_outputs_of_the_same_only_the_newest_are_known_in_whatever_order_they_come():
    steps = CachedSteps()
    numbers = list(range(3 * KEPT))
    for number in numbers[::2] + numbers[1::2]:
        steps.notice(made(number))
    assert found(steps) == [f"order-{number}" for number in reversed(numbers[-KEPT:])]


def test_what_is_gone_takes_all_that_is_known_of_it_along():
    steps = CachedSteps()
    for number in range(3):
        steps.notice(made(number))
    for number in range(3):
        steps.gone(made(number))
    steps.gone(made(7))
    assert found(steps) == []


def test_another_namespace_has_outputs_of_its_own():
    steps = CachedSteps()
    steps.notice(made(1, namespace="elsewhere"))
    assert found(steps) == []
    assert found(steps, "elsewhere") == ["order-1"]
