"""approve, reject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.frame import Call, Command

if TYPE_CHECKING:
    from penstock.engine.facts import Verdict

Request = Annotated[
    str, typer.Argument(metavar="REQUEST", help="Name of an approval, as `penstock list approvals` has it.")
]
Digest = Annotated[
    str | None,
    typer.Option("--digest", metavar="SHA256:…", help="What you looked at; refused if it is about something else now."),
]


async def approve(
    call: Call,
    request: Request,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="For the record.")] = "",
    digest: Digest = None,
    bypass: Annotated[
        str,
        typer.Option("--bypass", metavar="REASON", help="Pass the gate without being an approver, if you may at all."),
    ] = "",
) -> None:
    """Say yes at a gate.

    Your word counts for exactly what the request shows: look at it first with `penstock get approval REQUEST`.
    `--bypass` takes the verb `update` on `approvalrequests/bypass`, and stands in the record as what it is.
    """
    from penstock.engine.facts import Verdict

    if bypass:
        await _answer(call, request, Verdict.BYPASS, bypass, digest)
    else:
        await _answer(call, request, Verdict.APPROVE, comment, digest)


async def reject(
    call: Call,
    request: Request,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the requester reads it.")],
    digest: Digest = None,
) -> None:
    """Say no at a gate; one no ends it."""
    from penstock.engine.facts import Verdict

    await _answer(call, request, Verdict.REJECT, reason, digest)


async def _answer(call: Call, name: str, verdict: Verdict, comment: str, digest: str | None) -> None:
    from penstock.application.answer_approval import answer_approval
    from penstock.cli.printing import key_of
    from penstock.cli.views.gates import decided_line

    async with call.access() as access:
        request = await answer_approval(access, key_of(call, name), verdict, comment, digest=digest)
    call.terminal.say(decided_line(request, verdict))


COMMANDS = (
    Command(
        "approve",
        approve,
        (
            "penstock list approvals",
            "penstock get approval sales/order-processing-1a2b3c4d-release-0123456789",
            "penstock approve sales/order-processing-1a2b3c4d-release-0123456789 --comment 'checked with accounts'",
            "penstock approve sales/order-processing-1a2b3c4d-release-0123456789 --bypass 'the house is on fire'",
        ),
    ),
    Command(
        "reject",
        reject,
        ("penstock reject sales/order-processing-1a2b3c4d-release-0123456789 --reason 'over budget'",),
    ),
)
