"""Copies of our own kinds: the newest wins, whoever brings it, and nothing comes back from the dead."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import RUNS
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.access import Key
from penstock.testing.builders import a_run
from tests.integration.kube.api_server import ApiServer

KEY = Key("default", "order-1")


@pytest.fixture
def runs(client: KubeClient) -> Copies[WorkflowRun]:
    return Copies(client, RUNS, WorkflowRun, group_of=lambda run: run.spec.workflow.name if run.spec.workflow else "")


def put(server: ApiServer, **fields: Any) -> dict[str, Any]:
    return server.put("workflowruns", a_run(**fields).to_wire())


async def test_an_older_state_does_not_replace_a_newer_one(server: ApiServer, runs: Copies[WorkflowRun]):
    old, new = put(server), put(server, context={"a": 1})

    assert runs.heard("MODIFIED", new) == KEY
    assert runs.heard("MODIFIED", old) is None
    assert (await runs.load(KEY)).spec.context == {"a": 1}  # type: ignore[union-attr]  # it is there


async def test_a_late_answer_does_not_bring_back_what_was_deleted(server: ApiServer, runs: Copies[WorkflowRun]):
    found = put(server)
    runs.heard("ADDED", found)
    runs.heard("DELETED", found)
    server.remove("workflowruns", "order-1")

    runs.take(WorkflowRun.model_validate(found))

    assert runs.get(KEY) is None
    assert await runs.load(KEY) is None
    assert list(runs.members("order")) == []


async def test_what_is_not_known_is_asked_for(server: ApiServer, runs: Copies[WorkflowRun]):
    put(server)

    assert await runs.load(KEY) is not None
    assert len(server.requests) == 1
    await runs.load(KEY)
    assert len(server.requests) == 1


async def test_a_doubtful_copy_is_asked_for_again(server: ApiServer, runs: Copies[WorkflowRun]):
    runs.heard("ADDED", put(server))
    put(server, context={"a": 1})
    runs.doubt(KEY)

    assert (await runs.load(KEY)).spec.context == {"a": 1}  # type: ignore[union-attr]  # it is there


async def test_what_went_away_unnoticed_is_forgotten(server: ApiServer, runs: Copies[WorkflowRun]):
    runs.heard("ADDED", put(server))
    runs.heard("ADDED", put(server, name="order-2"))
    server.remove("workflowruns", "order-1")

    assert await runs.prune() == [KEY]
    assert [run.metadata.name for run in runs] == ["order-2"]


async def test_other_namespaces_are_left_alone(server: ApiServer, runs: Copies[WorkflowRun]):
    runs.heard("ADDED", put(server))
    runs.heard("ADDED", put(server, namespace="elsewhere"))
    server.remove("workflowruns", "order-1")
    server.remove("workflowruns", "order-1", "elsewhere")

    assert await runs.prune("default") == [KEY]
    assert runs.get(Key("elsewhere", "order-1")) is not None


async def test_a_run_of_the_same_name_is_another_run(server: ApiServer, runs: Copies[WorkflowRun]):
    first = put(server)
    runs.heard("ADDED", first)
    server.remove("workflowruns", "order-1")
    runs.heard("ADDED", put(server))

    assert runs.get(KEY) is not None
    assert runs.get(KEY).metadata.uid != first["metadata"]["uid"]  # type: ignore[union-attr]  # it is there
    runs.heard("DELETED", first)
    assert runs.get(KEY) is not None


async def test_what_cannot_be_read_is_kept_with_its_problems(server: ApiServer, runs: Copies[WorkflowRun]):
    broken = put(server)
    broken["spec"]["inline"] = {"steps": [{"name": "Not A Name"}]}

    assert runs.heard("ADDED", broken) == KEY
    unreadable = runs.unreadable(KEY)
    assert unreadable is not None
    assert "spec.inline.steps[0].name" in [problem.path for problem in unreadable.problems]
    runs.heard("MODIFIED", put(server))
    assert runs.unreadable(KEY) is None
