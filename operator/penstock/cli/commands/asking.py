"""ask."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.commands.runs import ApproveAll
from penstock.cli.frame import Call, Command
from penstock.cli.options import Output, OutputFormat


async def ask(
    call: Call,
    sentence: Annotated[str, typer.Argument(metavar="SENTENCE", help="What is to be done, in your own words.")],
    application: Annotated[
        str, typer.Option("--application", metavar="NAME", help="The application that is meant, if several can plan.")
    ] = "",
    approve: ApproveAll = False,
    output: Output = OutputFormat.TABLE,
) -> int:
    """Have a sentence made into a plan, look at the plan, and run it.

    Runs the namespace's Workflow `ask` (any with the label penstock.dev/purpose: plan): a model writes the plan, the
    compiler checks it, its gate shows it, and once it is approved its steps run.

    Exit codes are those of `penstock run`.
    """
    from penstock.api.v1alpha1.labels import PLANS
    from penstock.application.planning import one_for, planning_request
    from penstock.application.submit_run import SubmitRun
    from penstock.cli.attach import attach, conclude
    from penstock.ports.access import Key

    async with call.access(drive=True) as access:
        workflows = await access.workflows.list(call.namespace)
        planner = one_for(PLANS, workflows, application)
        request = planning_request(planner, sentence, workflows)
        created = await SubmitRun(access, call.tools.new_suffix)(request)
        key = Key(created.metadata.namespace, created.metadata.name)
        call.terminal.say(f"Run {key}", "bold")
        ended = await attach(call, access, key, planner.spec, approve_all=approve)
        return await conclude(call, access, ended, output)


COMMANDS = (
    Command(
        "ask",
        ask,
        (
            'penstock ask "Get all orders for Alice. If any are over $500, alert the sales manager."',
            'penstock ask "Refund order 12" --application shop -n sales',
        ),
    ),
)
