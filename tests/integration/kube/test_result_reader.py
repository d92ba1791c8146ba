"""One attempt's result out of its pod, while others wait to start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from penstock.adapters.kube.attempts import attempt_of
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.log_ends import KeptEnd
from penstock.adapters.kube.pod_minder import Patience
from penstock.adapters.kube.result_reader import Listeners, ResultReader
from penstock.engine.facts import AttemptPhase
from tests.integration.kube.api_server import ApiServer, Log
from tests.integration.kube.kubelet import Order, left, record
from tests.support.eventually import eventually
from tests.unit.adapters.kube.samples import NONCE, a_job, a_pod

RUNNING = {"running": {"startedAt": "2026-01-02T12:00:01Z"}}
RECORD = record(NONCE, Order(output=42))


def logs(server: ApiServer, *, whole: bool) -> Log:
    """What the pod prints: its record, once it is whole."""
    server.put("pods", {"metadata": {"name": "job-1", "namespace": "default"}})
    log = server.logs["job-1"] = Log()
    if whole:
        end(log)
    server.requests.clear()
    return log


def end(log: Log) -> None:
    log.write(RECORD)
    log.end()


class Told:
    """Who listens to a reader."""

    def __init__(self) -> None:
        self.kept: list[KeptEnd | None] = []
        self.took: list[float] = []

    def listeners(self, crowded: Callable[[], bool]) -> Listeners:
        return Listeners(lambda: None, lambda end, _failed: self.kept.append(end), crowded, self.took.append)


def a_reader(client: KubeClient, told: Told, *, crowded: bool) -> ResultReader:
    attempt = attempt_of(a_job())
    assert attempt is not None
    return ResultReader(client, attempt, a_pod(), Patience(), told.listeners(lambda: crowded))


async def test_the_end_of_a_short_program_says_enough_while_others_wait(server: ApiServer, client: KubeClient):
    told = Told()
    reader = a_reader(client, told, crowded=True)

    reader.see(a_pod(state=RUNNING))
    reader.see(a_pod(state={"terminated": {"exitCode": 0, "message": left(NONCE, RECORD)}}, phase="Succeeded"))
    await eventually(lambda: reader.result)

    assert reader.result is not None
    assert (reader.result.phase, reader.result.output) == (AttemptPhase.SUCCEEDED, 42)
    assert (told.kept, told.took) == ([None], [0.1])
    assert server.requests == []
    reader.close()


async def test_a_long_one_is_followed_all_the_same(server: ApiServer, client: KubeClient):
    log = logs(server, whole=False)
    reader = a_reader(client, Told(), crowded=True)

    reader.see(a_pod(state=RUNNING))
    await asyncio.sleep(0.2)
    assert server.requests == []
    end(log)

    await eventually(lambda: reader.result)
    reader.close()


async def test_without_a_word_from_the_harness_the_log_is_read(server: ApiServer, client: KubeClient):
    logs(server, whole=True)
    reader = a_reader(client, Told(), crowded=True)

    reader.see(a_pod(state={"terminated": {"exitCode": 0}}, phase="Succeeded"))
    await eventually(lambda: reader.result)

    assert reader.result is not None
    assert reader.result.output == 42
    reader.close()


async def test_where_nobody_waits_a_log_is_followed_at_once(server: ApiServer, client: KubeClient):
    logs(server, whole=False)
    reader = a_reader(client, Told(), crowded=False)

    reader.see(a_pod(state=RUNNING))

    await eventually(lambda: server.requests, seconds=1)
    reader.close()
