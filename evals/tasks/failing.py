"""Reading failures, and doing the right thing about them."""

from __future__ import annotations

from evals.task import Solution, Task, call, follow, say, wrong
from evals.tasks.workflows import CHARGE, REFUND, workflow
from evals.world import World

FLAKY = workflow(
    "sync-prices",
    "import pathlib\n"
    "if not pathlib.Path(context.file).exists():\n"
    "    fail('SUPPLIER_OFFLINE', 'the price list of the supplier is not there')\n"
    "output('prices are up to date')",
    about="Takes over the supplier's prices.",
    inputs={"file": {"type": "string"}},
)
CHATTY = workflow(
    "nightly-backup",
    "print('copied 118 tables')\nprint('WARNING table `orders` was locked for 42 s')\noutput('done')",
    about="Backs the database up.",
)


async def _charge_failed(world: World) -> None:
    await world.call("execute_charge_card", context={"customer": "CUST-7", "cents": 250000})


async def _told_why(world: World, solution: Solution) -> list[str]:
    return [*wrong(nothing_new=len(await world.runs()) == 1), *solution.says("LIMIT_EXCEEDED", "100000")]


async def _charged_less(world: World, solution: Solution) -> list[str]:
    del solution
    contexts = [(run.spec.context["cents"], run.status.phase) for run in await world.runs("charge-card")]
    return wrong(one_new_run_with_less=contexts == [(250000, "Failed"), (100000, "Succeeded")])


async def _sync_failed(world: World) -> None:
    prices = world.folder / "prices"
    await world.call("execute_sync_prices", context={"file": str(prices)})
    prices.write_text("pear;3\n")


async def _retried(world: World, solution: Solution) -> list[str]:
    del solution
    runs = await world.runs("sync-prices")
    return wrong(
        one_retry=len(runs) == 2 and runs[1].spec.retry_of == runs[0].metadata.name,
        it_succeeded=await world.phases("sync-prices") == ["Failed", "Succeeded"],
    )


async def _backed_up(world: World) -> None:
    await world.call("execute_nightly_backup")


async def _read_the_log(world: World, solution: Solution) -> list[str]:
    return [*wrong(nothing_new=len(await world.runs()) == 1), *solution.says("orders", "42")]


async def _some_of_each(world: World) -> None:
    await _charge_failed(world)
    await world.call("execute_refund_order", context={"order": 4, "reason": "late"})
    await _charge_failed(world)


async def _only_good_ones_left(world: World, solution: Solution) -> list[str]:
    del solution
    phases = [run.status.phase for run in await world.runs()]
    return wrong(only_the_good_one_is_left=phases == ["Succeeded"])


TASKS = (
    Task(
        name="read-a-failure",
        goal="Charging CUST-7 did not work a moment ago. Why? Do not try again.",
        workflows=(CHARGE, REFUND),
        prepare=_charge_failed,
        check=_told_why,
        script=(
            call("list_runs", phase="Failed"),
            follow("explain_run", run="{0[output][runs][0][run]}"),
            say("{1[output][summary]}"),
        ),
    ),
    Task(
        name="try-again-with-other-values",
        goal="Charging CUST-7 did not work a moment ago. Charge as much as is possible at once instead.",
        workflows=(CHARGE, REFUND),
        prepare=_charge_failed,
        check=_charged_less,
        script=(
            call("list_runs", phase="Failed"),
            follow("explain_run", run="{0[output][runs][0][run]}"),
            call("execute_charge_card", context={"customer": "CUST-7", "cents": 100000}),
            say("Charged {2[output][charged]} cents."),
        ),
    ),
    Task(
        name="retry-when-the-cause-is-gone",
        goal="The last sync of the prices failed because the supplier was offline. He is back: have that same run done "
        "again, as a retry of it.",
        workflows=(FLAKY,),
        prepare=_sync_failed,
        check=_retried,
        script=(
            call("list_runs", workflow="sync-prices"),
            follow("retry_run", run="{0[output][runs][0][run]}"),
            say("{1[output]}."),
        ),
    ),
    Task(
        name="find-it-in-the-log",
        goal="Was a table locked during the last backup? Which one, and for how long?",
        workflows=(CHATTY,),
        prepare=_backed_up,
        check=_read_the_log,
        script=(
            call("list_runs", workflow="nightly-backup"),
            follow("get_run_logs", run="{0[output][runs][0][run]}", step="work"),
            say("The table orders, for 42 s."),
        ),
    ),
    Task(
        name="clear-up",
        goal="Remove all runs that failed, also those of just now; keep those that succeeded.",
        workflows=(CHARGE, REFUND),
        prepare=_some_of_each,
        check=_only_good_ones_left,
        script=(
            call("prune_runs", keep_completed=True, max_age_hours=0),
            say("{0[output][removed]} were removed."),
        ),
    ),
)
