"""Logs on the fault server, where nodes begin new files and connections break."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from penstock.adapters.kube.access import KubeCaller, KubeRuns
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.step_logs import KubeLogs
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId
from penstock.errors import NotFound
from penstock.ports.logs import LogCursor, LogPiece
from penstock.testing.builders import a_run
from tests.integration.kube.api_server import ApiServer, Fault, Log

AT = AttemptId("charge", 1)


@pytest.fixture
def run(server: ApiServer) -> WorkflowRun:
    wire = a_run().to_wire()
    status = {"phase": "Running", "steps": {"charge": {"phase": "Running", "attempt": 1}}}
    return WorkflowRun.model_validate(server.put("workflowruns", {**wire, "status": status}))


@pytest.fixture
def pod(server: ApiServer, run: WorkflowRun) -> str:
    name = attempt_name(run.metadata.name, run.metadata.uid, *AT)
    server.put("pods", {"metadata": {"name": name}})
    return name


@pytest.fixture
def logs(client: KubeClient) -> KubeLogs:
    return KubeLogs(client, KubeRuns(client, KubeCaller(client)))


async def read(logs: KubeLogs, run: WorkflowRun, **options: Any) -> list[LogPiece]:
    async with asyncio.timeout(20):
        return [piece async for piece in logs.read(run, AT, **options)]


def text(found: list[LogPiece]) -> bytes:
    return b"".join(piece.data for piece in found)


def ended(server: ApiServer) -> None:
    server.set_status(
        "workflowruns", "order-1", {"phase": "Succeeded", "steps": {"charge": {"phase": "Succeeded", "attempt": 1}}}
    )


async def test_a_new_file_of_the_node_is_read_from_its_beginning_and_said(
    server: ApiServer, run: WorkflowRun, pod: str, logs: KubeLogs
):
    log = server.logs[pod] = Log()
    log.write(b"old " * 10)
    before = await read(logs, run)
    log.rotate()
    log.write(b"new\nnewer\n")

    after = await read(logs, run, after=before[-1].cursor)
    log.write(b"newest\n")

    assert (text(after), after[0].missing) == (b"new\nnewer\n", None)
    assert text(await read(logs, run, after=after[-1].cursor)) == b"newest\n"


async def test_a_broken_connection_is_taken_up_where_it_broke(
    server: ApiServer, run: WorkflowRun, pod: str, logs: KubeLogs
):
    log = server.logs[pod] = Log()
    log.write(b"one\n")
    following = logs.read(run, AT, follow=True)
    first = await asyncio.wait_for(anext(following), 20)
    server.faults.append(Fault("GET", "/log$", status=502))
    log.end()  # of this connection: there is no result yet
    await asyncio.sleep(0)
    again = asyncio.ensure_future(anext(following))
    server.logs[pod] = later = Log()
    later.write(b"one\ntwo\n")
    second = await asyncio.wait_for(again, 20)
    ended(server)
    later.end()

    assert (first.data, second.data) == (b"one\n", b"two\n")
    async with asyncio.timeout(20):
        assert [piece async for piece in following] == []


async def test_a_follower_waits_for_a_container_that_has_not_started(
    server: ApiServer, run: WorkflowRun, pod: str, logs: KubeLogs
):
    following = asyncio.create_task(read(logs, run, follow=True))
    while not any(path.endswith("/log") for _, path in server.requests):
        await asyncio.sleep(0)
    log = server.logs[pod] = Log()
    log.write(b"hello\n\x1ePENSTOCK/1 0123 {}\n")
    log.end()

    assert text(await following) == b"hello\n"


async def test_a_container_that_has_not_started_has_printed_nothing(run: WorkflowRun, pod: str, logs: KubeLogs):
    assert await read(logs, run) == []


async def test_a_log_whose_pod_is_gone_is_gone(run: WorkflowRun, logs: KubeLogs):
    with pytest.raises(NotFound):
        await read(logs, run)


async def test_the_pod_that_the_built_in_controller_made_is_found(server: ApiServer, run: WorkflowRun, logs: KubeLogs):
    job = attempt_name(run.metadata.name, run.metadata.uid, *AT)
    server.put("pods", {"metadata": {"name": f"{job}-x7k2p", "labels": {"batch.kubernetes.io/job-name": job}}})
    log = server.logs[f"{job}-x7k2p"] = Log()
    log.write(b"hello\n")

    assert text(await read(logs, run, after=LogCursor(1, 2))) == b"llo\n"
