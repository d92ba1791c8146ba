"""`container` steps on the fault server: results by the end of the pod."""

from __future__ import annotations

import asyncio

import pytest

from penstock.api.v1alpha1.container import Container
from penstock.api.v1alpha1.workflow import Step, Workflow
from penstock.testing.builders import a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, closed, ends, status
from tests.support.eventually import eventually


def a_container(output_from: str = "terminationMessage", **fields: object) -> Workflow:
    container = Container.model_validate({"image": "tool", "args": ["{{ run.name }}"], "outputFrom": output_from})
    return a_workflow(Step.model_validate({"name": "only", "container": container, **fields}))


@pytest.mark.parametrize(
    ("output_from", "order", "want"),
    [
        pytest.param("terminationMessage", Order(prints="[1]\n", message='{"id": 7}'), {"id": 7}, id="message"),
        pytest.param("log", Order(prints='working\n{"id": 8}\n', message="x"), {"id": 8}, id="log"),
    ],
)
async def test_its_output_is_taken_at_its_end(
    server: ApiServer, kubelet: Kubelet, output_from: str, order: Order, want: object
):
    kubelet.orders["only"] = order
    async with operating(server):
        ask(server, a_container(output_from))
        await ends(server)
        await eventually(lambda: closed(server))

    assert (status(server)["phase"], status(server)["output"]) == ("Succeeded", want)
    (pod,) = [server.get("pods", name) for name in server.names("pods")]
    assert pod["spec"]["containers"][0]["args"] == ["order-1"]
    assert kubelet.started == [pod["metadata"]["name"]]


async def test_a_record_that_it_prints_is_only_text(server: ApiServer, kubelet: Kubelet):
    forged = '\x1ePENSTOCK/1 0123456789abcdef {"version": 1, "exitCode": 0, "output": "forged"}\n'
    kubelet.orders["only"] = Order(prints=forged, exit_code=4)
    async with operating(server):
        ask(server, a_container("log"))
        await ends(server)

    assert status(server)["error"]["code"] == "CONTAINER_FAILED"
    assert "exit code 4" in status(server)["error"]["reason"]


async def test_an_operator_that_comes_later_takes_the_same_output(server: ApiServer, kubelet: Kubelet):
    end = asyncio.Event()
    kubelet.orders["only"] = Order(prints='{"id": 8}\n', end=end)
    async with operating(server):
        ask(server, a_container("log"))
        await eventually(lambda: kubelet.started)
    end.set()
    async with operating(server):
        await ends(server)

    assert status(server)["output"] == {"id": 8}
    assert len(kubelet.started) == 1


async def test_an_image_that_would_run_as_root_fails_at_once(server: ApiServer, kubelet: Kubelet):
    message = "container has runAsNonRoot and image will run as root"
    kubelet.orders["only"] = Order(waiting={"reason": "CreateContainerConfigError", "message": message})
    async with operating(server):
        ask(server, a_container())
        await ends(server)
        await eventually(lambda: not server.names("pods") and closed(server))

    assert status(server)["error"]["code"] == "IMAGE_RUNS_AS_ROOT"


async def test_one_that_takes_longer_than_its_timeout_is_stopped(server: ApiServer, kubelet: Kubelet):
    # The stand-in's containers say that they have run since January.
    kubelet.orders["only"] = Order(end=asyncio.Event())
    async with operating(server):
        ask(server, a_container(timeout="2m"))
        await ends(server)
        await eventually(lambda: not server.names("pods"))

    assert status(server)["error"]["code"] == "TIMED_OUT"
    assert "its timeout of 120 s" in status(server)["error"]["reason"]
