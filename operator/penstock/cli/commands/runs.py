"""run, submit, wait, cancel, suspend, resume, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.frame import Call, Command
from penstock.cli.options import ContextOptions, Output, OutputFormat, SourceOptions
from penstock.errors import NotPossible

if TYPE_CHECKING:
    from penstock.api.v1alpha1.run import WorkflowRun
    from penstock.api.v1alpha1.workflow import Workflow
    from penstock.ports.access import Access

Target = Annotated[str, typer.Argument(metavar="FILE|NAME", help="A file with a Workflow, or a Workflow's name.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run.")]
ApproveAll = Annotated[bool, typer.Option("--approve", help="Answer yes to every gate, and say so.")]


async def run(
    call: Call,
    target: Target,
    values: ContextOptions,
    source: SourceOptions,
    approve: ApproveAll = False,
    output: Output = OutputFormat.TABLE,
) -> int:
    """Run a Workflow and follow it to its end.

    Shows each step as it goes, asks about gates in place, prints the result. In local mode the file's Workflow is
    stored first. On a cluster the Workflow must be there already, with the same content, unless --apply is given.

    Ctrl-C stops following; the run goes on.

    Exit codes: 0 succeeded, 1 failed, 2 wrong usage or input, 3 cancelled, 4 timed out, 5 a gate was rejected or
    expired, 75 no answer from the other side, 130 Ctrl-C.
    """
    from penstock.cli.attach import attach, conclude
    from penstock.ports.access import Key

    async with call.access(drive=True) as access:
        workflow, created = await _submitted(call, access, target, values, source)
        key = Key(created.metadata.namespace, created.metadata.name)
        call.terminal.say(f"Run {key}", "bold")
        ended = await attach(call, access, key, workflow.spec, approve_all=approve)
        return await conclude(call, access, ended, output)


async def submit(
    call: Call, target: Target, values: ContextOptions, source: SourceOptions, output: Output = OutputFormat.TABLE
) -> None:
    """Start a run and return at once, with its name.

    Files are treated as by `penstock run`.
    """
    from penstock.application.outcomes import outcome, run_id
    from penstock.cli.printing import show

    async with call.access() as access:
        _, created = await _submitted(call, access, target, values, source)
    show(call.terminal, outcome(created), output, [run_id(created)])


async def wait(call: Call, run: RunName, approve: ApproveAll = False, output: Output = OutputFormat.TABLE) -> int:
    """Follow a run that was started before, to its end.

    The same as the second half of `penstock run`: progress, gates asked in place, the result, the exit codes.
    """
    from penstock.application.definitions import definition_of
    from penstock.cli.attach import attach, conclude
    from penstock.cli.printing import key_of

    async with call.access(drive=True) as access:
        key = key_of(call, run)
        spec = await definition_of(access, await access.runs.get(key))
        ended = await attach(call, access, key, spec, approve_all=approve)
        return await conclude(call, access, ended, output)


async def cancel(call: Call, run: RunName) -> None:
    """Ask for a run to be stopped.

    What runs is stopped, nothing more is started but the steps of `finally`.
    """
    from penstock.cli.printing import key_of
    from penstock.engine.model import RunPhase

    async with call.access() as access:
        key = key_of(call, run)
        phase = (await access.runs.request_cancel(key)).status.phase
    if RunPhase(phase).finished:
        raise NotPossible(f"run {key} is {phase} already")
    call.terminal.say(f"Run {key} will be cancelled.")


async def suspend(call: Call, run: RunName) -> None:
    """Hold a run: what runs goes on to its end, nothing more is started.

    Time limits of the run go on meanwhile. `penstock resume` lets it go on.
    """
    await _set_suspend(call, run, suspend=True)


async def resume(call: Call, run: RunName) -> None:
    """Let a run that was suspended go on."""
    await _set_suspend(call, run, suspend=False)


async def _set_suspend(call: Call, run: str, *, suspend: bool) -> None:
    from penstock.cli.printing import key_of
    from penstock.engine.model import RunPhase

    async with call.access() as access:
        key = key_of(call, run)
        phase = (await access.runs.set_suspend(key, suspend=suspend)).status.phase
    if RunPhase(phase).finished:
        raise NotPossible(f"run {key} is {phase} already")
    call.terminal.say(f"Run {key} {'is held: penstock resume lets it go on.' if suspend else 'goes on.'}")


async def retry(call: Call, run: RunName, output: Output = OutputFormat.TABLE) -> None:
    """Start a run that does what another one did not get done.

    Same content, same context. The outputs of what succeeded are taken over; what failed, what came after it and the
    steps of `finally` run again. Of a step with forEach only the items run that had not succeeded. Gates that something
    is still behind are asked anew.
    """
    from penstock.application.outcomes import outcome, run_id
    from penstock.application.retry_run import retry_run
    from penstock.cli.printing import key_of, show

    async with call.access() as access:
        created = await retry_run(access, key_of(call, run), call.tools.new_suffix)
    show(call.terminal, outcome(created), output, [run_id(created)])


async def _submitted(
    call: Call, access: Access, target: str, values: ContextOptions, source: SourceOptions
) -> tuple[Workflow, WorkflowRun]:
    from penstock.application.submit_run import RunRequest, SubmitRun
    from penstock.cli.lookup import context_of, workflow_for

    workflow = await workflow_for(call, access, target, source)
    request = RunRequest(
        namespace=workflow.metadata.namespace,
        workflow=workflow.metadata.name,
        context=context_of(call, values, workflow.spec.inputs),
        no_cache=values.no_cache,
        traceparent=call.settings.traceparent,
    )
    return workflow, await SubmitRun(access, call.tools.new_suffix)(request)


COMMANDS = (
    Command(
        "run",
        run,
        (
            "penstock run examples/hello.yaml",
            "penstock run order.yaml --set customer_id=CUST-1 --set order_total=99.5",
            "penstock run order.yaml --context inputs.json -o json | jq .output",
            "penstock run order-processing --cluster -n sales",
        ),
    ),
    Command(
        "submit",
        submit,
        ("penstock submit order.yaml --set customer_id=CUST-1", "penstock submit order-processing -o json"),
    ),
    Command("wait", wait, ("penstock wait order-processing-1a2b3c4d",)),
    Command("cancel", cancel, ("penstock cancel order-processing-1a2b3c4d",)),
    Command("suspend", suspend, ("penstock suspend order-processing-1a2b3c4d",)),
    Command("resume", resume, ("penstock resume order-processing-1a2b3c4d",)),
    Command("retry", retry, ("penstock retry order-processing-1a2b3c4d", "penstock wait $(penstock retry RUN)")),
)
