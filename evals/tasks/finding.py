"""Which Workflow is meant, and how it wants its values."""

from __future__ import annotations

from evals.task import Solution, Task, call, follow, say, wrong
from evals.tasks.workflows import CANCEL, CHARGE, REFUND, workflow
from evals.world import World


async def _one_refund(world: World, solution: Solution) -> list[str]:
    del solution
    runs, others = await world.runs("refund-order"), await world.runs("cancel-order")
    return wrong(
        one_refund=len(runs) == 1 and runs[0].status.phase == "Succeeded",
        of_order_17=bool(runs) and runs[0].spec.context.get("order") == 17,
        nothing_cancelled=not others,
    )


async def _typed_charge(world: World, solution: Solution) -> list[str]:
    del solution
    runs = await world.runs()
    return wrong(
        one_run=len(runs) == 1,
        values_as_they_are_wanted=bool(runs) and runs[0].spec.context == {"customer": "CUST-42", "cents": 1250},
    )


async def _nothing_done(world: World, solution: Solution) -> list[str]:
    return wrong(nothing_ran=not await world.runs(), it_says_so=bool(solution.words))


async def _asked(world: World, solution: Solution) -> list[str]:
    return [*wrong(nothing_ran=not await world.runs()), *solution.says("reason")]


async def _of_the_application(world: World, solution: Solution) -> list[str]:
    del solution
    runs = await world.runs("set-price")
    return wrong(price_set=len(runs) == 1 and runs[0].status.output == {"pear": 3})


PRICE = workflow(
    "set-price",
    "output({context.article: context.price})",
    about="Sets the price of an article.",
    inputs={"article": {"type": "string"}, "price": {"type": "integer"}},
    labels={"app.kubernetes.io/part-of": "pricing"},
)

TASKS = (
    Task(
        name="one-of-two-alike",
        goal="The customer of order 17 wants the money back because it came broken. Please see to it.",
        workflows=(REFUND, CANCEL),
        check=_one_refund,
        script=(
            call("execute_refund_order", context={"order": 17, "reason": "it came broken"}),
            say("Order {0[output][refunded]} was refunded."),
        ),
    ),
    Task(
        name="values-as-they-are-wanted",
        goal="Charge customer number 42 twelve euros fifty.",
        workflows=(CHARGE, REFUND),
        check=_typed_charge,
        script=(
            call("execute_charge_card", context={"customer": "42", "cents": 12.5}),
            call("execute_charge_card", context={"customer": "CUST-42", "cents": 1250}),
            say("Charged {1[output][charged]} cents."),
        ),
    ),
    Task(
        name="no-such-workflow",
        goal="Delete the account of customer 9.",
        workflows=(CHARGE, REFUND),
        check=_nothing_done,
        script=(say("There is no Workflow that deletes accounts; nothing was done."),),
    ),
    Task(
        name="a-value-is-missing",
        goal="Refund order 17. If anything that you need for it is missing, ask me and do nothing yet.",
        workflows=(REFUND,),
        check=_asked,
        script=(say("What is the reason for the refund?"),),
    ),
    Task(
        name="by-application",
        goal="Open the application called pricing and use it to set the price of article `pear` to 3.",
        workflows=(PRICE, REFUND, CANCEL),
        check=_of_the_application,
        script=(
            call("list_applications"),
            follow("open_application", uri="{0[output][applications][0][uri]}"),
            follow(
                "execute_tool",
                session_id="{1[output][session_id]}",
                tool_id="{1[output][tools][0][tool_id]}",
                arguments={"context": {"article": "pear", "price": 3}},
            ),
            say("The price is set."),
        ),
    ),
)
