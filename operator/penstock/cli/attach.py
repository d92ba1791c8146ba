"""Following a run from the terminal until it ends: progress, gates asked in place, the result printed."""

from __future__ import annotations

import asyncio

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.application.kept_outputs import with_output
from penstock.application.outcomes import outcome
from penstock.application.wait_for_run import wait_for_run
from penstock.cli import exit_codes
from penstock.cli.descendants import Descendants
from penstock.cli.frame import Call
from penstock.cli.gate_desk import Asking, GateDesk
from penstock.cli.options import OutputFormat
from penstock.cli.printing import show, where
from penstock.cli.progress import progress_on
from penstock.cli.views.runs import ending_lines
from penstock.ports.access import Access, Key


async def attach(call: Call, access: Access, key: Key, spec: WorkflowSpec | None, *, approve_all: bool) -> WorkflowRun:
    """The finished run. Ctrl-C leaves the run going and says so."""
    progress = progress_on(call.terminal, spec, call.tools.now)
    desk = GateDesk(access, Asking(call.terminal, call.tools.now, approve_all, where(call)), progress)

    descendants = Descendants(access, desk.notice)

    async def changed(run: WorkflowRun) -> None:
        progress.show(run)
        desk.notice(run)
        descendants.notice(run, spec)

    watching = asyncio.create_task(wait_for_run(access, key, seconds=None, at_gates=False, on_change=changed))
    serving = asyncio.create_task(desk.serve())
    try:
        await asyncio.wait({watching, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            # It never ends but by a mistake of ours, which must be seen.
            serving.result()
        return await watching
    except asyncio.CancelledError:
        progress.close()
        _say_goes_on(call, key)
        raise
    finally:
        for task in (watching, serving):
            task.cancel()
        await asyncio.gather(watching, serving, descendants.close(), return_exceptions=True)
        progress.close()


async def conclude(call: Call, access: Access, run: WorkflowRun, output: OutputFormat) -> int:
    """Print what the run came to; its exit code."""
    shown = await with_output(access, run)
    error = run.status.error
    if output is OutputFormat.TABLE:
        style = "green" if run.status.phase == "Succeeded" else "red"
        call.terminal.say(f"Run {run.metadata.namespace}/{run.metadata.name} {run.status.phase}", style)
        call.terminal.result(ending_lines(shown))
    else:
        show(call.terminal, outcome(shown.run, unread=shown.unread), output)
    return exit_codes.of_run(run.status.phase, error.code if error else None)


def _say_goes_on(call: Call, key: Key) -> None:
    call.terminal.say(f"\nRun {key} goes on.", "yellow")
    call.terminal.say(f"To follow it:  penstock wait {key}{where(call)}")
    call.terminal.say(f"To stop it:    penstock cancel {key}{where(call)}")
