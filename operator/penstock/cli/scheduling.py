"""The runs of schedules on this machine, started while somebody lets this go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.workflow import Workflow
from penstock.cli.frame import Call
from penstock.cli.lookup import in_namespace, store
from penstock.cli.views.schedules import schedule_table
from penstock.cli.workflow_files import checked
from penstock.errors import InvalidInput, NotPossible


async def keep_schedules(call: Call, files: Sequence[str]) -> None:
    """Store what the files hold, say what will start when, start it; without end.

    Raises InvalidInput for what the files hold, NotPossible in a cluster.
    """
    if not call.settings.local:
        hint = "`penstock list workflows` shows when the next one starts."
        raise NotPossible("in a cluster the operator starts the runs of schedules", hint=hint)
    objects = [in_namespace(call, found) for name in files for found in _objects(call, name)]
    terminal = call.terminal
    async with call.tools.open_scheduling(call.settings, lambda line: terminal.result([line])) as access:
        for found in objects:
            await store(access, found)
        table = schedule_table(await access.workflows.list(None), call.tools.now())
        if not table.rows:
            terminal.say("No Workflow here has a schedule yet; one that is stored later is taken up at once.", "yellow")
        else:
            terminal.result(table.lines())
        terminal.say("Runs are started while this command runs. Ctrl-C ends it; runs that have begun go on.", "dim")
        await asyncio.Event().wait()


def _objects(call: Call, name: str) -> tuple[Workflow | Connection, ...]:
    report = checked(call, name)
    if report.problems:
        raise InvalidInput(f"{report.name} is not valid", problems=report.problems)
    return report.objects
