"""Finished runs go from a cluster when their time has come: paced, whatever fails, whoever is active."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from penstock.adapters.kube.revisions import revision_of
from penstock.api.v1alpha1.retention import Retention
from penstock.api.v1alpha1.run import ParentReference, RequestedBy
from penstock.testing.builders import a_run, a_step, a_workflow
from penstock.testing.clock import FakeClock
from tests.integration.kube.api_server import ApiServer, Fault
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import OURS, finished
from tests.support.eventually import eventually

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAY = Retention(succeeded="1d", failed="1d")


def ended(server: ApiServer, name: str, phase: str = "Succeeded", *, minutes: int = 0, **spec: Any) -> None:
    run = a_run(name=name, requested_by=RequestedBy(user="bob"), **spec).to_wire()
    at = (LONG_AGO + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    server.put("workflowruns", run)
    server.set_status("workflowruns", name, {"phase": phase, "finishedAt": at})


def lists(server: ApiServer) -> int:
    return server.requests.count(("GET", "/apis/apps/v1/namespaces/default/controllerrevisions"))


def removals(server: ApiServer) -> list[str]:
    return [path.removeprefix(f"{OURS}/workflowruns/") for method, path in server.writes() if method == "DELETE"]


async def test_the_oldest_go_first_each_with_one_request_and_what_lives_stays(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output=1)
    server.put("workflows", a_workflow(a_step("only"), retention=DAY).to_wire())
    server.put("workflows", a_workflow(a_step("only"), name="report").to_wire())
    ended(server, "second", "Failed", minutes=2)
    ended(server, "first", minutes=1)
    ended(server, "third", "Cancelled", minutes=3)
    ended(server, "for-ever", of="report")
    server.put("workflowruns", a_run(name="new", requested_by=RequestedBy(user="bob")).to_wire())

    async with operating(server):
        await eventually(lambda: server.names("workflowruns") == ["for-ever", "new"])
        await eventually(lambda: finished(server, "new"))

    assert removals(server) == ["first", "second", "third"]


async def test_one_that_cannot_be_removed_does_not_stop_the_rest(server: ApiServer, kubelet: Kubelet):
    server.put("workflows", a_workflow(a_step("only"), retention=DAY).to_wire())
    for number in range(4):
        ended(server, f"run-{number}", minutes=number)
    server.faults.append(Fault("DELETE", "/workflowruns/run-0$", status=500))

    async with operating(server):
        await eventually(lambda: server.names("workflowruns") == ["run-0"])

    assert removals(server) == ["run-0", "run-1", "run-2", "run-3"]


async def test_too_many_go_also_when_the_workflow_says_so_only_later(server: ApiServer, kubelet: Kubelet):
    server.put("workflows", a_workflow(a_step("only")).to_wire())
    for number in range(5):
        ended(server, f"run-{number}", minutes=number)

    async with operating(server):
        await eventually(lambda: server.get("workflows", "order").get("status"))
        found = server.get("workflows", "order")
        found["spec"]["retention"] = {"keep": 2}
        server.put("workflows", found)
        await eventually(lambda: server.names("workflowruns") == ["run-3", "run-4"])


async def test_the_next_operator_goes_on_where_one_was_stopped(server: ApiServer, kubelet: Kubelet):
    server.put("workflows", a_workflow(a_step("only"), retention=DAY).to_wire())
    for number in range(8):
        ended(server, f"run-{number}", minutes=number)

    async with operating(server):
        await eventually(lambda: removals(server))
    left = len(server.names("workflowruns"))
    assert 0 < left < 8
    async with operating(server):
        await eventually(lambda: not server.names("workflowruns"))

    assert sorted(removals(server)) == [f"run-{number}" for number in range(8)]


async def test_what_a_living_run_needs_stays(server: ApiServer):
    server.put("workflows", a_workflow(a_step("only"), retention=DAY).to_wire())
    ended(server, "retried", "Failed", minutes=1)
    ended(server, "top", "TimedOut", minutes=2)
    ended(server, "old", minutes=3)
    above = ParentReference(
        run="top", uid=server.get("workflowruns", "top")["metadata"]["uid"], step="a", attempt=1, digest="d", lineage=()
    )
    bob = RequestedBy(user="bob")
    server.put("workflowruns", a_run(name="again", retry_of="retried", suspend=True, requested_by=bob).to_wire())
    server.put("workflowruns", a_run(name="below", parent=above, suspend=True, requested_by=bob).to_wire())

    async with operating(server):
        await eventually(lambda: "old" not in server.names("workflowruns"))

    assert removals(server) == ["old"]


async def edit(server: ApiServer, number: int) -> str:
    """Give the Workflow other content; the name of its revision, once the operator has said it."""
    content = a_workflow(a_step("only", f"echo {number}"))
    name = revision_of("order", content.spec).name
    found = server.objects.get(("workflows", "default", "order"), content.to_wire())
    server.put("workflows", {**found, "spec": content.to_wire()["spec"]})
    await eventually(lambda: server.get("workflows", "order").get("status", {}).get("revision", {}).get("name") == name)
    return name


async def test_old_contents_of_a_workflow_go_but_for_those_that_a_run_names(server: ApiServer, kubelet: Kubelet):
    server.clock = clock = FakeClock()
    async with operating(server):
        first, second = await edit(server, 1), await edit(server, 2)
        server.put("workflowruns", a_run(name="new", requested_by=RequestedBy(user="bob")).to_wire())
        await eventually(lambda: finished(server, "new"))
        third = await edit(server, 3)
        before = lists(server)
        fourth = await edit(server, 4)
        await eventually(lambda: lists(server) > before)
        clock.advance(timedelta(minutes=1))
        fifth = await edit(server, 5)
        await eventually(lambda: not {first, third} & set(server.names("controllerrevisions")))

    assert sorted(server.names("controllerrevisions")) == sorted([second, fourth, fifth])


async def test_whoever_takes_over_finds_contents_that_nothing_names(server: ApiServer):
    server.clock = clock = FakeClock()
    async with operating(server):
        await edit(server, 1)
    left = {"metadata": {"name": "order-0123456789", "labels": {"penstock.dev/workflow": "order"}}, "data": {}}
    server.put("controllerrevisions", left)
    before = lists(server)
    async with operating(server):
        await eventually(lambda: lists(server) > before)
        clock.advance(timedelta(minutes=1))
        # Any news of the Workflow will do: there is no waiting for twenty seconds of a clock that stands still.
        current = await edit(server, 2)
        await eventually(lambda: "order-0123456789" not in server.names("controllerrevisions"))

    assert current in server.names("controllerrevisions")
