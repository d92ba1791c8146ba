"""An operator at work, and what a receiver of traces is told of it."""

from __future__ import annotations

import asyncio

from penstock.adapters.tracing import OtlpSpans
from penstock.application.run_spans import RunSpans
from penstock.application.trace_context import ANNOTATION
from penstock.testing.builders import a_step, a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import a_side, drive
from tests.integration.kube.stage import GATED, ask, ends, finished, status
from tests.support.eventually import eventually
from tests.support.otlp import receiving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


async def carry_out(server: ApiServer, url: str, headers: str = "", share: float = 1.0) -> None:
    """Drive what is asked for to its end, with spans sent to `url`."""
    spans = OtlpSpans(url, headers, "penstock-operator", "test", every=0.05)
    async with a_side(server, traces=RunSpans(spans, share)) as (side, reconciler):
        task = asyncio.create_task(drive(server, side, reconciler))
        await ends(server)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await spans.close()


def ask_within(server: ApiServer, traceparent: str) -> None:
    ask(server, GATED)
    run = server.get("workflowruns", "order-1")
    run["metadata"]["annotations"] = {ANNOTATION: traceparent}
    server.put("workflowruns", run)


def variable(server: ApiServer, step: str) -> str:
    """The TRACEPARENT that the step's program was given; empty for none."""
    for name in server.names("pods"):
        pod = server.get("pods", name)
        if pod["metadata"]["annotations"]["penstock.dev/step"] == step:
            found = [each["value"] for each in pod["spec"]["containers"][0]["env"] if each["name"] == "TRACEPARENT"]
            return found[0] if found else ""
    raise AssertionError(f"step {step} has no pod")


async def test_a_trace_leads_from_who_asked_to_each_program(server: ApiServer, kubelet: Kubelet):
    ask_within(server, f"00-{TRACE}-{SPAN}-01")
    async with receiving() as receiver:
        await carry_out(server, receiver.url, "Authorization=Bearer%20abc")
        await receiver.until("run order")

    run, first, gate = (receiver.named(name) for name in ("run order", "step first", "gate release"))
    assert {span.trace_id for span in receiver.spans} == {TRACE}
    assert run.parent_id == SPAN
    assert first.parent_id == gate.parent_id == receiver.named("queued").parent_id == run.span_id
    for part in ("pod start", "program"):
        assert [span.parent_id for span in receiver.spans if span.name == part] == [
            first.span_id,
            receiver.named("step last").span_id,
        ]
    assert variable(server, "first") == f"00-{TRACE}-{first.span_id}-01"
    assert run.start <= first.start <= first.end <= run.end
    assert run.attributes["penstock.phase"] == "Succeeded"
    assert (first.attributes["penstock.step"], first.attributes["penstock.attempt"]) == ("first", 1)
    assert gate.attributes["penstock.phase"] == "Approved"
    assert not any(span.error for span in receiver.spans)
    assert {headers["Authorization"] for headers in receiver.headers} == {"Bearer abc"}


async def test_no_value_is_in_a_span(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output={"card": "4000-1234"}, prints="token hunter2")
    run = a_workflow(a_step("only"))
    ask(server, run)
    asked = server.get("workflowruns", "order-1")
    asked["spec"]["context"] = {"password": "hunter2"}
    server.put("workflowruns", asked)
    async with receiving() as receiver:
        await carry_out(server, receiver.url)
        await receiver.until("run order")
    assert not [body for body in receiver.bodies if b"hunter2" in body or b"4000-1234" in body]


async def test_why_a_step_failed_is_its_code_alone(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(code="CARD_4000_1234", reason="no money on 4000-1234")
    ask(server)
    async with receiving() as receiver:
        await carry_out(server, receiver.url)
        await receiver.until("run order")
    failed = receiver.named("step only")
    assert failed.error
    assert failed.attributes["error.type"] == "SCRIPT_FAILED"
    assert not [body for body in receiver.bodies if b"4000" in body]


async def test_what_is_not_recorded_is_not_sent(server: ApiServer, kubelet: Kubelet):
    ask_within(server, f"00-{TRACE}-{SPAN}-00")
    async with receiving() as receiver:
        await carry_out(server, receiver.url)
    assert receiver.spans == []
    assert variable(server, "first").endswith("-00")


async def test_without_traces_a_program_hangs_on_what_asked(server: ApiServer, kubelet: Kubelet):
    ask_within(server, f"00-{TRACE}-{SPAN}-01")
    async with a_side(server) as (side, reconciler):
        task = asyncio.create_task(drive(server, side, reconciler))
        await ends(server)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert variable(server, "first") == f"00-{TRACE}-{SPAN}-01"


async def test_a_run_waits_for_no_receiver(server: ApiServer, kubelet: Kubelet):
    """One that hangs, one that refuses, and none at all: the run ends, and so does the process."""
    async with receiving() as receiver:
        receiver.holds = asyncio.Event()
        ask(server)
        await carry_out(server, receiver.url)
        assert status(server)["phase"] == "Succeeded"
        assert receiver.bodies
        assert receiver.spans == []


async def test_what_a_receiver_refuses_is_sent_again(server: ApiServer, kubelet: Kubelet):
    async with receiving() as receiver:
        receiver.answer = 503
        spans = OtlpSpans(receiver.url, "", "penstock-operator", "test", every=0.05)
        async with a_side(server, traces=RunSpans(spans, 1.0)) as (side, reconciler):
            task = asyncio.create_task(drive(server, side, reconciler))
            ask(server)
            await eventually(lambda: finished(server))
            await eventually(lambda: bool(receiver.bodies))
            receiver.answer = 200
            await receiver.until("run order")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await spans.close()
