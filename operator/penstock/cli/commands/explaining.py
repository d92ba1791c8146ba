"""explain."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.frame import Call, Command
from penstock.cli.options import Output, OutputFormat


async def explain(
    call: Call,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run.")],
    output: Output = OutputFormat.TABLE,
) -> None:
    """Say why a run waits or failed, and what would move it.

    In a few sentences: gates and whom they wait for, pods that cannot start and why, what failed first, its code and
    the last lines of its log, what was skipped because of it. All codes: docs/reference/errors.md.
    """
    from penstock.application.explain_run import explain_run
    from penstock.cli.printing import key_of, show
    from penstock.cli.views.explanations import explanation_lines

    async with call.access() as access:
        explanation = await explain_run(access, key_of(call, run), call.tools.now())
    show(call.terminal, explanation.wire(), output, explanation_lines(explanation))


COMMANDS = (Command("explain", explain, ("penstock explain order-processing-1a2b3c4d",)),)
