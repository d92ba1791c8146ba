"""Runs in the database, beyond what the contract suite asks of every store."""

from __future__ import annotations

import pytest

from penstock.application.submit_run import RunRequest, SubmitRun
from penstock.errors import AlreadyExists
from penstock.testing.builders import a_run, a_spec, a_workflow
from tests.integration.local.conftest import Machine


async def test_an_idempotency_key_is_given_once_for_each_workflow(machine: Machine):
    backend, elsewhere = machine.open(), machine.open()
    await backend.access.runs.create(a_run("order", name="a", idempotency_key="march"))

    with pytest.raises(AlreadyExists, match="is that of run a"):
        await elsewhere.access.runs.create(a_run("order", name="b", idempotency_key="march"))

    for number, of in enumerate(("report", a_spec())):
        await elsewhere.access.runs.create(a_run(of, name=f"c-{number}", idempotency_key="march"))
    await elsewhere.access.runs.create(a_run("order", name="d", idempotency_key="april"))
    with pytest.raises(AlreadyExists, match="is that of run c-1"):
        await backend.access.runs.create(a_run(a_spec(), name="e", idempotency_key="march"))


async def test_a_key_that_was_used_under_another_name_is_told_by_that_name(machine: Machine):
    backend = machine.open()
    await backend.access.workflows.apply(a_workflow())
    await backend.access.runs.create(a_run("order", name="by-hand", idempotency_key="march"))

    with pytest.raises(AlreadyExists, match="by-hand"):
        await SubmitRun(backend.access, lambda: "x")(RunRequest("default", "order", idempotency_key="march"))
