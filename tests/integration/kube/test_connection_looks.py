"""Looks at Connections on the fault server: what is said of them, how many are under way, and who cannot meddle."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from penstock.api.v1alpha1.looks import LOOK_LABEL, LOOKER
from penstock.testing.clock import FakeClock
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.support.eventually import eventually

HOUR = timedelta(hours=1)
FOUND = {"learning": "Ask nicely.", "resources": [{"name": "Order"}, {"name": "Customer"}], "complete": True}


@pytest.fixture
def clock(server: ApiServer) -> FakeClock:
    server.clock = FakeClock()
    return server.clock


def a_connection(name: str = "shop", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "Connection",
        "metadata": {"name": name, "namespace": namespace, "generation": 1},
        "spec": {"type": "json-api", "url": "http://shop.example", **spec},
    }


def status(server: ApiServer, name: str = "shop") -> dict[str, Any]:
    found: dict[str, Any] = server.get("connections", name).get("status", {})
    return found


def said(server: ApiServer) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in status(server).get("conditions", [])}


def touched(server: ApiServer, **spec: Any) -> None:
    """Somebody writes the Connection anew; with another spec it is another generation."""
    found = copy.deepcopy(server.get("connections", "shop"))
    found["spec"].update(spec)
    found["metadata"]["generation"] += bool(spec)
    server.put("connections", found)


async def test_a_connection_says_what_it_offers_and_is_looked_at_again(server: ApiServer, kubelet: Kubelet, clock):
    kubelet.orders["look"] = Order(output=FOUND)
    server.put("connections", a_connection())
    async with operating(server, look_every=HOUR):
        await eventually(lambda: status(server).get("resources") == 2)
        first = status(server)
        assert (first["reachable"], first["names"]) == (True, ["Order", "Customer"])
        assert said(server) == {"Reachable": ("True", "Answered"), "Discovered": ("True", "Described")}
        (look,) = server.names("workflowruns")
        run = server.get("workflowruns", look)
        assert run["spec"]["requestedBy"]["user"] == LOOKER
        assert run["metadata"]["labels"] == {LOOK_LABEL: "shop"}
        assert run["metadata"]["ownerReferences"][0]["uid"] == server.get("connections", "shop")["metadata"]["uid"]
        # Not before its time, but at once for another spec.
        touched(server)
        kubelet.orders["look"] = Order(output={**FOUND, "resources": []})
        touched(server, url="http://shop.example/api")
        await eventually(lambda: status(server).get("resources") == 0)
        assert len(server.names("workflowruns")) == 2
        assert status(server)["observedGeneration"] == 2
        assert status(server)["digest"] != first["digest"]
        kubelet.orders["look"] = Order(output=FOUND)
        clock.advance(HOUR)
        touched(server)
        await eventually(lambda: status(server).get("resources") == 2)
        assert status(server)["digest"] == first["digest"]


async def test_what_nobody_asked_is_not_said_to_answer(server: ApiServer, kubelet: Kubelet, clock):
    kubelet.orders["look"] = Order(output=FOUND)
    server.put("connections", a_connection(document={"resources": []}))
    async with operating(server, look_every=HOUR):
        await eventually(lambda: status(server).get("resources") == 2)
    assert said(server) == {"Reachable": ("Unknown", "NotAsked"), "Discovered": ("True", "Described")}
    assert "reachable" not in status(server)


@pytest.mark.parametrize(
    ("code", "reachable", "reason"),
    [
        ("CALL_FAILED", "False", "CallFailed"),
        ("ANSWER_UNEXPECTED", "True", "Answered"),
        ("CALL_REFUSED", "Unknown", "CallRefused"),
    ],
)
async def test_what_a_look_came_to_is_told_apart(
    server: ApiServer, kubelet: Kubelet, clock, code: str, reachable: str, reason: str
):
    kubelet.orders["look"] = Order(code=code, reason="the words of the call")
    server.put("connections", a_connection())
    async with operating(server, look_every=HOUR):
        await eventually(lambda: "checkedAt" in status(server))
    assert said(server)["Reachable"] == (reachable, reason)
    messages = [each["message"] for each in status(server)["conditions"]]
    assert any("the words of the call" in message for message in messages)


async def test_nobody_looks_where_there_is_nothing_to_see_or_nobody_wants_it(server: ApiServer, kubelet, clock):
    server.put("connections", a_connection("model", type="llm", provider="openai"))
    server.put("connections", a_connection())
    async with operating(server):
        server.put("workflowruns", _inline("order-1"))
        await eventually(lambda: server.get("workflowruns", "order-1").get("status", {}).get("phase") == "Succeeded")
    assert server.names("workflowruns") == ["order-1"]
    async with operating(server, look_every=HOUR):
        await eventually(lambda: "checkedAt" in status(server))
    assert len(server.names("workflowruns")) == 2


async def test_a_run_of_somebody_else_under_the_name_of_a_look_is_not_believed(server: ApiServer, kubelet, clock):
    kubelet.orders["look"] = Order(output=FOUND)
    server.put("connections", a_connection())
    async with operating(server, look_every=HOUR):
        await eventually(lambda: status(server).get("resources") == 2)
    (name,) = server.names("workflowruns")
    # The same name once more, taken by somebody before the operator comes to it.
    forged = _inline(name)
    forged["metadata"]["labels"] = {LOOK_LABEL: "shop"}
    forged["spec"]["requestedBy"] = {"user": "mallory"}
    server.remove("workflowruns", name)
    kept = server.get("connections", "shop")
    server.put("connections", {**kept, "status": {}})
    server.put("workflowruns", forged)
    async with operating(server, look_every=HOUR):
        await eventually(lambda: said(server).get("Reachable") == ("Unknown", "NameTaken"))
    assert "resources" not in status(server)


async def test_one_look_at_a_time_in_a_namespace(server: ApiServer, kubelet: Kubelet, clock):
    kubelet.orders["look"] = Order(waiting={"reason": "ContainerCreating"})
    for number in range(5):
        server.put("connections", a_connection(f"shop-{number}"))
    async with operating(server, look_every=HOUR):
        await eventually(lambda: len(server.names("pods")) == 1)
        server.put("workflowruns", _inline("order-1"))
        await eventually(lambda: server.get("workflowruns", "order-1").get("status", {}).get("phase") == "Succeeded")
    assert len(server.names("workflowruns")) == 2


def _inline(name: str) -> dict[str, Any]:
    step = {"name": "only", "script": {"runtime": "python", "source": "output(1)"}}
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "WorkflowRun",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"inline": {"steps": [step]}, "requestedBy": {"user": "bob"}},
    }
