"""The runs of schedules on this machine, started while somebody lets this go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from penstock.cli.frame import Call
from penstock.cli.lookup import in_namespace, store
from penstock.cli.views.schedules import schedule_table
from penstock.cli.workflow_files import valid_objects
from penstock.errors import NotPossible


async def keep_schedules(call: Call, files: Sequence[str]) -> None:
    """Store what the files hold, say what will start when, start it; without end.

    Raises InvalidInput for what the files hold, NotPossible in a cluster.
    """
    if not call.settings.local:
        hint = "`penstock list workflows` shows when the next one starts."
        raise NotPossible("in a cluster the operator starts the runs of schedules", hint=hint)
    objects = [in_namespace(call, found) for name in files for found in valid_objects(call, name)]
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
