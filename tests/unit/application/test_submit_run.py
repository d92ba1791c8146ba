"""Asking for a run."""

from __future__ import annotations

import pytest

from penstock.application.submit_run import RunRequest, SubmitRun
from penstock.errors import AlreadyExists, InvalidInput, NotFound
from penstock.testing.builders import a_step, a_workflow
from penstock.testing.memory_world import MemoryWorld

INPUTS = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}


@pytest.fixture
async def submit():
    world = MemoryWorld()
    access = world.access("bob", client="agent-7")
    await access.workflows.apply(a_workflow(a_step("a"), inputs=INPUTS))
    submit = SubmitRun(access, lambda: "abc12")
    submit.world = world
    return submit


def request(**fields):
    return RunRequest(**{"namespace": "default", "workflow": "order", "context": {"total": 5}} | fields)


async def test_a_run_is_named_after_its_workflow_and_says_who_asked(submit):
    run = await submit(request())
    assert run.metadata.name == "order-abc12"
    assert (run.spec.requested_by.user, run.spec.requested_by.client) == ("bob", "agent-7")


@pytest.mark.parametrize(
    ("fields", "error", "want_words"),
    [
        pytest.param({"context": {}}, InvalidInput, "total", id="a missing field"),
        pytest.param({"context": {"total": "x"}}, InvalidInput, "total", id="a wrong type"),
        pytest.param({"context": {"total": 5, "totl": 6}}, InvalidInput, "totl", id="an unknown field"),
        pytest.param({"workflow": "ghost"}, NotFound, "ghost", id="an unknown Workflow"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_created(submit, fields, error, want_words):
    with pytest.raises(error, match=want_words):
        await submit(request(**fields))
    assert submit.world.runs.all() == ()


async def test_the_same_idempotency_key_gives_the_same_run(submit):
    first = await submit(request(idempotency_key="k1"))
    again = await submit(request(idempotency_key="k1"))
    other = await submit(request(idempotency_key="k2"))
    assert first.metadata.uid == again.metadata.uid != other.metadata.uid


async def test_an_idempotency_key_means_one_request_only(submit):
    await submit(request(idempotency_key="k1"))
    with pytest.raises(AlreadyExists, match="k1"):
        await submit(request(idempotency_key="k1", context={"total": 6}))
