"""The ends of logs outlive their pods, also through a restart of the operator."""

from __future__ import annotations

import asyncio

import pytest

from penstock.adapters.kube.access import kube_access
from penstock.adapters.kube.client import KubeClient
from penstock.engine.model import AttemptId
from penstock.errors import NotFound
from penstock.ports.access import Key
from penstock.ports.logs import LogCursor, LogPiece
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, closed, ends, status
from tests.support.eventually import eventually

AT = AttemptId("only", 1)
LONG = "".join(f"line {number:06d}\n" for number in range(10_000))


def kept(server: ApiServer) -> list[str]:
    return [name for name in server.names("configmaps") if "-logs-" in name]


def lose_pods(server: ApiServer) -> None:
    for name in server.names("pods"):
        server.remove("pods", name)


async def read(client: KubeClient, after: LogCursor | None = None) -> list[LogPiece]:
    access = kube_access(client)
    run = await access.runs.get(Key("default", "order-1"))
    return [piece async for piece in access.logs.read(run, AT, after=after)]


async def test_the_end_of_a_log_is_read_after_its_pod_is_gone(server: ApiServer, kubelet: Kubelet, client: KubeClient):
    kubelet.orders["only"] = Order(prints=LONG)
    async with operating(server):
        ask(server)
        await ends(server)
        await eventually(lambda: kept(server))
    before = await read(client)
    lose_pods(server)

    [piece] = await read(client)

    assert piece.data == LONG.encode()[-65_536:]
    assert piece.missing == len(LONG) - 65_536
    assert piece.cursor.offset == before[-1].cursor.offset == len(LONG)
    assert (await read(client, before[-1].cursor))[0].data == b""
    [rest] = await read(client, LogCursor(1, len(LONG) - 5))
    assert (rest.data, rest.missing) == (LONG.encode()[-5:], 0)


async def test_an_operator_that_did_not_read_them_reads_them_for_that(
    server: ApiServer, kubelet: Kubelet, client: KubeClient
):
    kubelet.orders["only"] = Order(prints="hello\n")
    async with operating(server):
        ask(server)
        await ends(server)
        await eventually(lambda: kept(server))
    server.remove("configmaps", kept(server)[0])

    async with operating(server):
        await eventually(lambda: kept(server))
    lose_pods(server)

    assert (await read(client))[0].data == b"hello\n"


async def test_a_pod_that_was_deleted_while_it_ran_leaves_what_was_read_of_it(
    server: ApiServer, kubelet: Kubelet, client: KubeClient
):
    kubelet.orders["only"] = Order(prints="charging\n", end=asyncio.Event())
    async with operating(server):
        ask(server)
        await eventually(
            lambda: kubelet.started and ("GET", f"/api/v1/namespaces/default/pods/{kubelet.started[0]}/log")
        )
        await eventually(lambda: any(path.endswith("/log") for _, path in server.requests))
        for _ in range(1000):
            await asyncio.sleep(0)  # server and operator share this loop: by then it has been read
        lose_pods(server)
        await ends(server)
        await eventually(lambda: kept(server))

    assert status(server)["error"]["code"] == "LOST"
    assert (await read(client))[0].data == b"charging\n"


async def test_it_is_written_once_and_counts_against_no_run(server: ApiServer, kubelet: Kubelet, client: KubeClient):
    kubelet.orders["only"] = Order(prints="hello\n")
    async with operating(server), operating(server):
        ask(server)
        await ends(server)
        await eventually(lambda: kept(server) and closed(server))
    async with operating(server):
        await eventually(lambda: ("GET", f"/api/v1/namespaces/default/configmaps/{kept(server)[0]}") in server.requests)

    assert len(kept(server)) == 1
    assert server.get("configmaps", kept(server)[0])["immutable"] is True


async def test_what_somebody_else_put_under_that_name_is_not_read(
    server: ApiServer, kubelet: Kubelet, client: KubeClient
):
    kubelet.orders["only"] = Order(prints="hello\n")
    async with operating(server):
        ask(server)
        await ends(server)
        await eventually(lambda: kept(server))
    forged = server.get("configmaps", kept(server)[0])
    server.put("configmaps", {**forged, "metadata": {**forged["metadata"], "labels": {}}})
    lose_pods(server)

    with pytest.raises(NotFound, match="is gone with its pod"):
        await read(client)
