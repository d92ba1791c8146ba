from __future__ import annotations

import json
from datetime import timedelta

import pytest

from penstock.ports.access import Key
from tests.support.mcp_client import ANN, Era, Switchable, a_server, call, connected, own, shared
from tests.support.memory_access import World, a_workflow

CONTEXT = {"customer_id": "CUST-1"}
RUN = "shop/order-processing-n1"
KEY = Key("shop", "order-processing-n1")


@pytest.fixture
def world() -> World:
    return World(a_workflow(), a_workflow("other"))


async def start(client, tool: str = "execute_order_processing") -> str:
    return str((await call(client, tool, context=CONTEXT, wait=False))["run"])


async def test_a_run_is_held_and_let_go_on(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        await call(client, "suspend_run", run=RUN)
        assert world.runs[KEY].spec.suspend
        await call(client, "resume_run", run=RUN)
    assert not world.runs[KEY].spec.suspend


async def test_a_failed_run_is_retried_as_a_new_one(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        assert (await call(client, "retry_run", run=RUN))["error"] == "NOT_POSSIBLE"
        world.fail(KEY)
        answer = await call(client, "retry_run", run=RUN, wait=False)
    assert answer["status"] == "running"
    retry = world.runs[Key("shop", answer["run"].partition("/")[2])]
    assert retry.spec.retry_of == KEY.name
    assert retry.spec.context == CONTEXT


async def test_old_runs_are_removed_by_age_and_state(world: World, era: Era):
    clock = world.memory.clock
    async with connected(a_server(own(world), now=clock.now), era) as client:
        for _ in range(4):
            await start(client)
        ended = clock.now().isoformat()
        world.change(Key("shop", "order-processing-n1"), phase="Succeeded", finishedAt=ended)
        world.change(Key("shop", "order-processing-n2"), phase="Failed", finishedAt=ended)
        clock.advance(timedelta(hours=30))
        world.change(Key("shop", "order-processing-n3"), phase="Failed", finishedAt=clock.now().isoformat())
        kept = await call(client, "prune_runs", keep_completed=True)
        all_but_new = await call(client, "prune_runs")
        everything = await call(client, "prune_runs", max_age_hours=0)
    assert kept["output"] == {"removed": 1, "remaining": 3}
    assert all_but_new["output"] == {"removed": 1, "remaining": 2}
    assert everything["output"] == {"removed": 1, "remaining": 1}
    assert set(world.runs) == {Key("shop", "order-processing-n4")}


async def test_only_the_runs_of_one_workflow_are_removed(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        await start(client, "execute_other")
        world.succeed(KEY)
        world.succeed(Key("shop", "other-n2"))
        answer = await call(client, "prune_runs", workflow="other", max_age_hours=0)
    assert answer["output"]["removed"] == 1
    assert set(world.runs) == {KEY}


async def test_runs_of_others_are_steered_under_the_callers_own_rights(world: World, era: Era):
    caller = Switchable(ANN)
    backend = shared(world, reach=lambda actor: None if actor == ANN else ("lab",))
    async with connected(a_server(backend, caller), era) as client:
        await start(client, "execute_shop__order_processing")
        world.succeed(KEY)
        caller.actor = type(ANN)("oidc:bob", "web")
        for tool in ("suspend_run", "resume_run", "retry_run"):
            assert (await call(client, tool, run=RUN))["error"] == "FORBIDDEN"
        assert (await call(client, "prune_runs", namespace="shop", max_age_hours=0))["error"] == "FORBIDDEN"
    assert set(world.runs) == {KEY}


async def test_a_failed_run_is_explained_with_what_to_do(world: World, era: Era):
    async with connected(a_server(own(world), now=world.memory.clock.now), era) as client:
        await start(client)
        world.fail(KEY)
        answer = await call(client, "explain_run", run=RUN)
        unknown = await call(client, "explain_run", run="shop/nothing")
    assert answer["status"] == "success"
    assert "charge" in json.dumps(answer["output"])
    assert answer["output"]["phase"] == "Failed"
    assert unknown["error"] == "NOT_FOUND"
