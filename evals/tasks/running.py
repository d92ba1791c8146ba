"""Starting runs, waiting for them, ending them; nothing twice."""

from __future__ import annotations

from evals.task import Solution, Task, call, follow, say, wrong
from evals.tasks.workflows import CHARGE, ENDLESS, REFUND, SLOW, workflow
from evals.world import World

CHARGED = {"customer": "CUST-7", "cents": 990}
KEY = "invoice-2026-117"
REPORT = workflow(
    "sales-report",
    "output([{'number': n, 'region': 'south' if n % 7 == 3 else 'north', 'note': 'x' * 60} for n in range(400)])",
    about="All sales of the year, one row each.",
)


async def _stock_counted(world: World, solution: Solution) -> list[str]:
    return [*wrong(one_run_that_ended=await world.phases("count-stock") == ["Succeeded"]), *solution.says("4711")]


async def _charge_cut_off(world: World) -> None:
    await world.call("execute_charge_card", context=CHARGED, idempotency_key=KEY)


async def _charged_once(world: World, solution: Solution) -> list[str]:
    charged = [run.spec.context for run in await world.runs("charge-card")]
    return wrong(charged_once=charged == [CHARGED], it_made_sure=bool(solution.calls))


async def _import_under_way(world: World) -> None:
    await world.call("execute_nightly_import", wait=False)
    await world.call("execute_count_stock", wait=False)


async def _import_cancelled(world: World, solution: Solution) -> list[str]:
    del solution
    imports, counts = await world.runs("nightly-import"), await world.runs("count-stock")
    return wrong(
        import_asked_to_end=[run.spec.cancel for run in imports] == [True],
        counting_left_alone=[run.spec.cancel for run in counts] == [False],
    )


async def _import_held(world: World, solution: Solution) -> list[str]:
    del solution
    asked = [(run.spec.suspend, run.spec.cancel) for run in await world.runs("nightly-import")]
    return wrong(import_held_and_not_cancelled=asked == [(True, False)])


async def _three_refunds(world: World) -> None:
    for order in (4, 5, 6):
        await world.call("execute_refund_order", context={"order": order, "reason": "late"}, job_label=f"order {order}")


async def _looked_up(world: World, solution: Solution) -> list[str]:
    return [*wrong(nothing_new=len(await world.runs()) == 3), *solution.says("5", "late")]


async def _counted(world: World, solution: Solution) -> list[str]:
    del world
    return solution.says("86")


TASKS = (
    Task(
        name="wait-for-a-long-run",
        goal="Have the stock counted and tell me how many boxes there are. It takes a moment: wait for it.",
        workflows=(SLOW,),
        check=_stock_counted,
        script=(
            call("execute_count_stock", timeout=1),
            follow("wait_for_run", run="{0[run]}"),
            say("There are {1[output][boxes]} boxes."),
        ),
    ),
    Task(
        name="cut-off-but-only-once",
        goal=f"I asked you to charge CUST-7 with 990 cents, with the idempotency key {KEY}, but our connection broke "
        "before you answered. Make sure that it is done, and on no account twice.",
        workflows=(CHARGE,),
        prepare=_charge_cut_off,
        check=_charged_once,
        script=(
            call("execute_charge_card", context=CHARGED, idempotency_key=KEY),
            say("It is done, once: {0[run]}."),
        ),
    ),
    Task(
        name="end-a-run",
        goal="The nightly import must stop now. Leave everything else alone.",
        workflows=(ENDLESS, SLOW),
        prepare=_import_under_way,
        check=_import_cancelled,
        script=(
            call("list_runs", workflow="nightly-import"),
            follow("cancel_run", run="{0[output][runs][0][run]}"),
            say("It was asked to stop."),
        ),
    ),
    Task(
        name="hold-a-run",
        goal="Hold the nightly import until I have looked at something; I will want it to go on later.",
        workflows=(ENDLESS, SLOW),
        prepare=_import_under_way,
        check=_import_held,
        script=(
            call("list_runs", workflow="nightly-import"),
            follow("suspend_run", run="{0[output][runs][0][run]}"),
            say("It is held; resume_run lets it go on."),
        ),
    ),
    Task(
        name="look-without-running",
        goal="Somebody refunded order 5 some time ago. What reason was given?",
        workflows=(REFUND,),
        prepare=_three_refunds,
        check=_looked_up,
        script=(
            call("list_runs", workflow="refund-order", job_label="order 5"),
            follow("get_run", run="{0[output][runs][0][run]}"),
            say("Order 5: {1[output][reason]}."),
        ),
    ),
    Task(
        name="an-output-in-parts",
        goal="Make the sales report and tell me how many of its rows have a number above 313 (count them).",
        workflows=(REPORT,),
        check=_counted,
        script=(
            call("execute_sales_report"),
            follow("get_run_output", run="{0[run]}"),
            say("86 rows."),
        ),
    ),
)
