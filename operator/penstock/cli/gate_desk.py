"""Gates asked in place: while a run is followed, each one that waits is put to the person at the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import GateStatus, WorkflowRun
from penstock.application.answer_approval import answer_approval
from penstock.application.safe_text import harmless_block, one_line
from penstock.cli.frame import report
from penstock.cli.progress import Progress
from penstock.cli.terminal import Terminal
from penstock.cli.views.gates import bounded, gate_lines, shown_digest
from penstock.engine.facts import Verdict
from penstock.errors import PenstockError
from penstock.ports.access import Access, Key

MAX_LINES = 400
"""Lines of a gate that are shown in place."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How the gates of a run are asked."""

    terminal: Terminal
    now: Callable[[], datetime]
    approve_all: bool
    """Answer yes to every gate, and say so."""
    where: str
    """Options that another command needs to reach the same place, such as ` --local`."""


class SettledElsewhere(Exception):
    """The gate that is being asked about was decided by somebody else, or expired."""


class GateDesk:
    """Puts each waiting gate of a run, and of the runs of its steps, to the person, once, one after another."""

    def __init__(self, access: Access, asking: Asking, progress: Progress) -> None:
        self._access = access
        self._asking = asking
        self._terminal = asking.terminal
        self._progress = progress
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._settled: dict[str, asyncio.Event] = {}
        self._of_run: dict[str, set[str]] = {}
        """By run: its gates that were noticed."""

    def notice(self, run: WorkflowRun) -> None:
        """Look at a run: queue the gates that are new, take back those that are settled."""
        waiting = {gate.name for gate in open_gates(run)}
        known = self._of_run.setdefault(run.metadata.uid, set())
        for name in waiting - known:
            self._settled[name] = asyncio.Event()
            self._queue.put_nowait(Key(run.metadata.namespace, name))
        for name in known - waiting:
            self._settled[name].set()
        known |= waiting

    async def serve(self) -> None:
        """Ask what was queued, without end."""
        while True:
            key = await self._queue.get()
            self._progress.pause()
            try:
                if not self._settled[key.name].is_set():
                    await self._decide(key)
            except SettledElsewhere:
                self._terminal.say(f"\nApproval {key.name} was settled elsewhere.")
            except PenstockError as error:
                # A gate that cannot be answered from here is no reason to stop following the run.
                report(self._terminal, error)
                self._say_how(key)
            finally:
                self._progress.resume()

    async def _decide(self, key: Key) -> None:
        request = await self._access.approvals.get(key)
        digest = shown_digest(request)
        if self._asking.approve_all:
            self._terminal.say(_summary(request), "yellow")
            await answer_approval(self._access, key, Verdict.APPROVE, "approved by --approve", digest=digest)
            self._terminal.say(f"Approved {key.name} ({digest}), because of --approve.", "green")
        elif self._terminal.can_ask and await self._may_decide(request):
            await self._ask(request, key, digest)
        else:
            self._terminal.say(_summary(request), "yellow")
            self._say_how(key)

    async def _ask(self, request: ApprovalRequest, key: Key, digest: str) -> None:
        lines = bounded(tuple(gate_lines(request, self._asking.now())), MAX_LINES, str(key))
        self._terminal.say("\n" + "\n".join(lines))
        while True:
            answer = await self._typed("Approve? [y/N] (a comment may follow) ", key)
            word, _, comment = (answer or "").strip().partition(" ")
            if word.lower() in ("y", "yes"):
                await answer_approval(self._access, key, Verdict.APPROVE, comment.strip(), digest=digest)
                self._terminal.say(f"Approved {key.name}.", "green")
                return
            if word.lower() in ("", "n", "no"):
                await self._refuse(key, comment.strip(), digest, ended=answer is None)
                return
            self._terminal.say("Please answer y or n.")

    async def _refuse(self, key: Key, reason: str, digest: str, *, ended: bool) -> None:
        """Not yes. A rejection ends the gate for good, so it needs a reason; without one the gate stays open."""
        if not reason and not ended:
            reason = (await self._typed("Reason for rejecting it (Enter leaves it open): ", key) or "").strip()
        if not reason:
            self._say_how(key)
            return
        await answer_approval(self._access, key, Verdict.REJECT, reason, digest=digest)
        self._terminal.say(f"Rejected {key.name}.", "red")

    async def _typed(self, question: str, key: Key) -> str | None:
        """What the person answers; None at the end of input. Raises SettledElsewhere when it no longer matters."""
        typing = asyncio.ensure_future(self._terminal.ask(question))
        settling = asyncio.ensure_future(self._settled[key.name].wait())
        try:
            await asyncio.wait({typing, settling}, return_when=asyncio.FIRST_COMPLETED)
            if not typing.done():
                raise SettledElsewhere
            return typing.result()
        finally:
            typing.cancel()
            settling.cancel()
            await asyncio.gather(typing, settling, return_exceptions=True)

    async def _may_decide(self, request: ApprovalRequest) -> bool:
        """In a cluster nobody decides on what he asked for himself, so he is not asked either."""
        if self._access.local:
            return True
        actor = await self._access.caller.whoami()
        return actor.user != request.spec.request.requested_by.user

    def _say_how(self, key: Key) -> None:
        where = self._asking.where
        self._terminal.say(f"The run waits. To look at it:  penstock get approval {key}{where}")
        self._terminal.say(f"To let it go on:               penstock approve {key}{where}")


def open_gates(run: WorkflowRun) -> Iterator[GateStatus]:
    """The gates that the run waits for."""
    for step in run.status.steps.values():
        if step.phase == "Waiting" and step.gate is not None and step.gate.outcome is None:
            yield step.gate


def _summary(request: ApprovalRequest) -> str:
    question = request.spec.request
    text = f"Step {question.step} waits for approval {request.metadata.name}"
    lines = harmless_block(question.message).strip().splitlines()
    if len(lines) > 1:
        # A plan, for instance: whoever says yes to everything still sees what to.
        return "\n".join([f"{text}:", *(f"  {line}" for line in lines)])
    return f"{text}: {one_line(question.message, 300)}" if lines else text
