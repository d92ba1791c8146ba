from __future__ import annotations

import asyncio
import contextlib

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.event_sink import KubeEvents
from penstock.adapters.kube.server_clock import ServerClock
from tests.integration.kube.api_server import ApiServer, Fault
from tests.support.eventually import eventually
from tests.unit.adapters.kube.samples import a_live_run


async def test_events_are_about_the_run_and_survive_a_refusal(server: ApiServer, client: KubeClient):
    suffixes = iter(["1", "2"])
    events = KubeEvents(client, ServerClock(), "replica-1", lambda: next(suffixes))
    server.faults.append(Fault("POST", "/events", status=403))
    events.emit(a_live_run(), "StepStarted", "Step charge started, attempt 1.")
    events.emit(a_live_run(), "StepFailed", "Step charge failed.", warning=True)
    task = asyncio.create_task(events.run())

    await eventually(lambda: server.names("events"))

    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    event = server.get("events", server.names("events")[0])
    assert (event["reason"], event["type"], event["note"]) == ("StepFailed", "Warning", "Step charge failed.")
    assert (event["regarding"]["kind"], event["regarding"]["uid"]) == ("WorkflowRun", "run-uid")


async def test_they_let_programs_start_first(server: ApiServer, client: KubeClient):
    asked: list[bool] = []
    starting = True

    def busy() -> bool:
        asked.append(starting)
        return starting

    events = KubeEvents(client, ServerClock(), "replica-1", lambda: "x", busy)
    events.emit(a_live_run(), "StepStarted", "Step charge started, attempt 1.")
    task = asyncio.create_task(events.run())
    await eventually(lambda: asked)
    assert not server.names("events")

    starting = False
    await eventually(lambda: server.names("events"))
    task.cancel()


async def test_one_too_many_is_dropped(client: KubeClient):
    events = KubeEvents(client, ServerClock(), "replica-1", lambda: "x")
    for _ in range(5000):
        events.emit(a_live_run(), "StepStarted", "It never waits.")


async def test_what_happens_in_quick_succession_is_told_in_one(server: ApiServer, client: KubeClient):
    suffixes = iter("123456")
    events = KubeEvents(client, ServerClock(), "replica-1", lambda: next(suffixes))
    run = a_live_run()
    events.emit(run, "StepStarted", "Step charge started, attempt 1.")
    events.emit(run, "StepSucceeded", "Step charge succeeded.")
    events.emit(run, "ApprovalNeeded", "Step ship waits for ApprovalRequest ship-1.")
    events.emit(run, "StepStarted", "Step ship started, attempt 1.")
    events.emit(run, "StepFailed", "Step ship failed: no stock.", warning=True)
    events.emit(run, "RunFailed", "The run ended Failed.", warning=True)
    task = asyncio.create_task(events.run())

    await eventually(lambda: len(server.names("events")) == 4)

    task.cancel()
    told = [server.get("events", name) for name in server.names("events")]
    assert sorted((event["reason"], event["note"]) for event in told) == [
        (
            "ApprovalNeeded",
            "Step charge started, attempt 1. Step charge succeeded. Step ship waits for ApprovalRequest ship-1.",
        ),
        ("RunFailed", "The run ended Failed."),
        ("StepFailed", "Step ship failed: no stock."),
        ("StepStarted", "Step ship started, attempt 1."),
    ]


async def test_a_note_that_would_be_too_long_is_one_of_its_own(server: ApiServer, client: KubeClient):
    suffixes = iter("123")
    events = KubeEvents(client, ServerClock(), "replica-1", lambda: next(suffixes))
    events.emit(a_live_run(), "StepStarted", "a" * 700)
    events.emit(a_live_run(), "StepSucceeded", "b" * 700)
    task = asyncio.create_task(events.run())

    await eventually(lambda: len(server.names("events")) == 2)

    task.cancel()
