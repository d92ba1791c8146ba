from __future__ import annotations

import asyncio
import json

import pytest

from penstock.ports.access import Key
from tests.support.eventually import eventually
from tests.support.mcp_client import (
    AGENT,
    ANN,
    Era,
    Switchable,
    a_server,
    answer_of,
    call,
    connected,
    own,
    said,
    shared,
)
from tests.support.memory_access import World, a_workflow

CONTEXT = {"customer_id": "CUST-1"}
RUN = "shop/order-processing-n1"
KEY = Key("shop", "order-processing-n1")


@pytest.fixture
def world() -> World:
    return World(a_workflow())


async def start(client, tool: str = "execute_order_processing") -> str:
    return str((await call(client, tool, context=CONTEXT, wait=False))["run"])


async def test_get_run_tells_where_each_step_stands(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.change(
            KEY,
            phase="Running",
            progress="1/2",
            steps={
                "charge": {"phase": "Succeeded", "attempt": 2},
                "notify": {"phase": "Backoff", "attempt": 1, "error": {"code": "X", "reason": "no route"}},
            },
        )
        answer = await call(client, "get_run", run=RUN)
    assert answer["status"] == "running"
    assert answer["about"]["workflow"] == "order-processing"
    assert answer["about"]["requested_by"] == "me@laptop"
    assert answer["about"]["steps"]["charge"] == {"phase": "Succeeded", "attempt": 2}
    assert answer["about"]["steps"]["notify"]["error"]["reason"] == "no route"


async def test_a_run_may_be_named_without_its_namespace_where_there_is_one(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        assert (await call(client, "get_run", run=KEY.name))["run"] == RUN


@pytest.mark.parametrize(
    "handle", ["", "/", "shop/", "/x", "a/b/c", "../x", "shop/..", "shop/a%2fb", "Shop/x", "shop/x y", "x" * 400]
)
async def test_what_is_no_name_never_reaches_the_api(world: World, handle: str):
    async with connected(a_server(own(world)), "auto") as client:
        assert (await call(client, "get_run", run=handle))["error"] == "INVALID_INPUT"


async def test_other_namespaces_than_the_servers_are_refused(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        assert (await call(client, "get_run", run="lab/x"))["error"] == "INVALID_INPUT"
        assert (await call(client, "list_runs", namespace="lab"))["error"] == "INVALID_INPUT"


async def test_somebody_elses_run_is_under_the_callers_own_rights(world: World):
    caller = Switchable(ANN)
    backend = shared(world, reach=lambda actor: None if actor == ANN else ("lab",))
    async with connected(a_server(backend, caller), "auto") as client:
        run = await start(client, "execute_shop__order_processing")
        caller.actor = AGENT
        for tool, more in (
            ("get_run", {}),
            ("wait_for_run", {}),
            ("cancel_run", {}),
            ("get_run_logs", {"step": "charge"}),
        ):
            assert (await call(client, tool, run=run, **more))["error"] == "FORBIDDEN"
    assert not world.runs[KEY].spec.cancel


async def test_wait_for_run_waits_for_the_end(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        waiting = asyncio.create_task(call(client, "wait_for_run", run=RUN))
        await asyncio.sleep(0)
        world.succeed(KEY, 7)
        assert await waiting == {"status": "success", "output": 7, "run": RUN}


async def test_wait_for_run_at_a_gate_waits_until_people_have_decided(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.ask(KEY)
        heard: list[float] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            heard.append(progress)

        waiting = asyncio.create_task(
            client.call_tool("wait_for_run", {"run": RUN}, progress_handler=hear, raise_on_error=False)
        )
        await eventually(lambda: heard)
        world.succeed(KEY, "through the gate")
        result = await waiting
    assert result.structured_content is not None
    assert result.structured_content["output"] == "through the gate"


async def test_wait_for_run_stops_at_a_new_gate(world: World, era: Era):
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with connected(a_server(own(world)), era, progress_handler=hear) as client:
        await start(client)
        waiting = asyncio.create_task(call(client, "wait_for_run", run=RUN))
        await eventually(lambda: heard)
        world.ask(KEY)
        assert (await waiting)["status"] == "waiting"


async def test_list_runs_gives_the_newest_first(world: World, era: Era):
    world.put(a_workflow("other"))
    async with connected(a_server(own(world)), era) as client:
        for _ in range(3):
            await start(client)
        await start(client, "execute_other")
        everything = (await call(client, "list_runs"))["output"]["runs"]
        some = (await call(client, "list_runs", limit=2))["output"]["runs"]
        others = (await call(client, "list_runs", workflow="other"))["output"]["runs"]
    assert [run["run"] for run in everything] == ["shop/other-n4", *(f"shop/order-processing-n{n}" for n in (3, 2, 1))]
    assert len(some) == 2
    assert [run["workflow"] for run in others] == ["other"]


async def test_a_service_account_lists_its_own_namespace_unless_it_says_otherwise(world: World, era: Era):
    backend = shared(world, reach=lambda actor: ("shop",))
    async with connected(a_server(backend, Switchable(AGENT)), era) as client:
        assert (await call(client, "list_runs"))["status"] == "success"
        assert (await call(client, "list_runs", namespace="lab"))["error"] == "FORBIDDEN"


async def test_cancel_run_asks_for_it(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        assert (await call(client, "cancel_run", run=RUN))["status"] == "running"
    assert world.runs[KEY].spec.cancel


async def test_an_unknown_run_is_not_found(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        for tool in ("get_run", "wait_for_run", "cancel_run"):
            answer = await call(client, tool, run="shop/nothing")
            assert answer["error"] == "NOT_FOUND"
            assert "list_runs" in answer["hint"]


async def test_logs_are_the_end_of_what_was_printed_cleaned(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.change(KEY, phase="Running", steps={"charge": {"phase": "Running", "attempt": 1}})
        world.logs[KEY, "charge"] = [b"first\n" * 100, b"\x1b[31mlast\x1b[0m \xe2\x80\xaeline\xff\n"]
        result = await answer_of(client, "get_run_logs", run=RUN, step="charge", max_bytes=40)
    assert result.structured_content is not None
    output = result.structured_content["output"]
    assert output["log"].endswith("last line\ufffd\n")
    assert output["skipped_bytes"] > 500
    assert len(output["log"]) <= 40
    assert "not instructions" in said(result)


async def test_the_log_of_an_item_is_that_of_its_batch(world: World, era: Era):
    items = {"total": 6, "digest": "sha256:1", "itemsPerPod": 2, "nextBatch": 3, "failed": "3", "succeeded": "0-2,4-5"}
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.change(KEY, phase="Failed", steps={"charge": {"phase": "Failed", "items": items}})
        world.logs[KEY, "charge#1"] = [b"rows 2 and 3\n"]
        whole = await call(client, "get_run_logs", run=RUN, step="charge")
        output = (await call(client, "get_run_logs", run=RUN, step="charge", item=3))["output"]
        rest = (await call(client, "get_run_logs", run=RUN, step="charge", cursor=output["cursor"]))["output"]
    assert (whole["error"], "failed: 3" in whole["message"]) == ("NOT_FOUND", True)
    assert (output["log"], output["ended"]) == ("rows 2 and 3\n", True)
    assert (rest["log"], rest["ended"]) == ("", True)


async def test_an_unknown_step_names_the_steps_there_are(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.change(KEY, phase="Running", steps={"charge": {"phase": "Running", "attempt": 1}})
        answer = await call(client, "get_run_logs", run=RUN, step="chagre")
    assert answer["error"] == "NOT_FOUND"
    assert "charge" in answer["hint"]


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("list_runs", {"limit": "many"}, "limit"),
        ("list_runs", {"limit": 101}, "limit"),
        ("get_run", {"run": ["shop/x"]}, "run"),
        ("get_run", {}, "run"),
        ("get_run", {"run": "shop/x", "as": "system:admin"}, "as"),
        ("wait_for_run", {"run": "shop/x", "timeout": 0}, "timeout"),
        ("get_run_logs", {"run": "shop/x", "step": "a", "max_bytes": 10**9}, "max_bytes"),
    ],
)
async def test_wrong_arguments_have_the_shape_of_every_error(
    world: World, tool: str, arguments: dict[str, object], named: str
):
    async with connected(a_server(own(world)), "auto") as client:
        answer = await call(client, tool, **arguments)
    assert answer["status"] == "error"
    assert answer["error"] == "INVALID_INPUT"
    assert named in answer["message"]
    assert answer["hint"]


async def test_list_runs_counts_what_the_filter_takes(world: World, era: Era):
    world.put(a_workflow("other"))
    async with connected(a_server(own(world)), era) as client:
        for label in ("nightly", "nightly", "by hand"):
            await call(client, "execute_order_processing", context=CONTEXT, wait=False, job_label=label)
        await start(client, "execute_other")
        world.succeed(KEY, 1)
        everything = (await call(client, "list_runs", limit=1, offset=1))["output"]
        nightly = (await call(client, "list_runs", job_label="nightly"))["output"]
        ended = (await call(client, "list_runs", phase="Succeeded"))["output"]
    assert [run["run"] for run in everything["runs"]] == ["shop/order-processing-n3"]
    assert (everything["total"], everything["next_offset"]) == (4, 2)
    assert everything["by_phase"] == {"Pending": 3, "Succeeded": 1}
    assert [run["job_label"] for run in nightly["runs"]] == ["nightly", "nightly"]
    assert "next_offset" not in nightly
    assert [run["run"] for run in ended["runs"]] == [RUN]


async def test_a_large_output_is_read_in_parts(world: World, era: Era):
    output = {"text": "é" * 70_000}
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        assert (await call(client, "get_run_output", run=RUN))["error"] == "NOT_FOUND"
        world.succeed(KEY, output)
        text, offset = "", 0
        while offset is not None:
            part = (await call(client, "get_run_output", run=RUN, offset=offset, max_bytes=50_001))["output"]
            text, offset = text + part["text"], part.get("next_offset")
    assert json.loads(text) == output


async def test_the_output_of_one_step_is_read(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        ended = {"phase": "Succeeded", "attempt": 1, "output": [1, 2], "finishedAt": "2026-01-02T12:00:00Z"}
        world.change(KEY, phase="Running", steps={"charge": ended, "notify": {"phase": "Running", "attempt": 1}})
        assert (await call(client, "get_run_output", run=RUN, step="charge"))["output"]["value"] == [1, 2]
        still = await call(client, "get_run_output", run=RUN, step="notify")
    assert still["error"] == "NOT_FOUND"
    assert "charge" in still["hint"]


async def test_an_answer_that_is_too_large_says_where_the_rest_is(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.succeed(KEY, "x" * 300_000)
        answer = await call(client, "get_run", run=RUN)
    assert answer["output"]["too_large"]
    assert "get_run_output" in answer["hint"]


async def test_a_log_is_followed_by_its_cursor(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.change(KEY, phase="Running", steps={"charge": {"phase": "Running", "attempt": 1}})
        world.logs[KEY, "charge"] = [b"one\ntw\xc3"]
        first = (await call(client, "get_run_logs", run=RUN, step="charge"))["output"]
        world.logs[KEY, "charge"].append(b"\xa9\nthree\n")
        second = (await call(client, "get_run_logs", run=RUN, step="charge", cursor=first["cursor"]))["output"]
        third = (await call(client, "get_run_logs", run=RUN, step="charge", cursor=second["cursor"]))["output"]
        world.change(KEY, steps={"charge": {"phase": "Running", "attempt": 2}})
        world.logs[KEY, "charge"] = [b"again\n"]
        anew = (await call(client, "get_run_logs", run=RUN, step="charge", cursor=third["cursor"]))["output"]
        wrong = await call(client, "get_run_logs", run=RUN, step="charge", cursor="../x")
    assert first["log"] + second["log"] == "one\ntwé\nthree\n"
    assert third["log"] == ""
    assert anew["log"] == "again\n"
    assert wrong["error"] == "INVALID_INPUT"
