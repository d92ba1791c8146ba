"""Logs of steps on the terminal: one alone as it is, several with their names in front."""

from __future__ import annotations

import asyncio
import codecs

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.safe_text import harmless
from penstock.cli.terminal import Terminal
from penstock.engine.model import RunPhase, StepPhase
from penstock.errors import NotFound
from penstock.ports.access import Access, Key


class Lines:
    """Bytes as they come, cut into lines. What is not UTF-8 becomes U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, chunk: bytes, *, final: bool = False) -> list[str]:
        """The lines that are complete now; with `final` also the last one without a line feed."""
        *lines, self._rest = (self._rest + self._decoder.decode(chunk, final)).split("\n")
        if final and self._rest:
            lines.append(self._rest)
            self._rest = ""
        return [line.removesuffix("\r") for line in lines]


class StepLogs:
    """Prints the logs of one run's steps."""

    def __init__(self, access: Access, terminal: Terminal) -> None:
        self._access = access
        self._terminal = terminal

    async def one(self, run: WorkflowRun, step: str, *, follow: bool) -> None:
        """One step's log, without a prefix. Raises NotFound when there is none."""
        if step not in run.status.steps and RunPhase(run.status.phase) is not RunPhase.PENDING:
            names = ", ".join(run.status.steps)
            raise NotFound(f"run {run.metadata.name} has no step `{step}`", hint=f"It has: {names}")
        await self._print(run, step, "", follow=follow)

    async def all(self, run: WorkflowRun) -> None:
        """The logs of all steps that had an attempt, one step after another."""
        steps = [name for name, step in run.status.steps.items() if step.attempt > 0]
        steps.sort(key=lambda name: str(run.status.steps[name].started_at))
        for name in steps:
            await self._print_known(run, name, follow=False)

    async def follow_all(self, run: WorkflowRun) -> None:
        """The logs of all steps as they are printed, until the run ends."""
        readers: dict[tuple[str, int], asyncio.Task[None]] = {}
        try:
            async for latest in self._access.runs.watch(Key(run.metadata.namespace, run.metadata.name)):
                for name, step in latest.status.steps.items():
                    begun = step.attempt > 0 and StepPhase(step.phase) is not StepPhase.STARTING
                    if begun and (name, step.attempt) not in readers:
                        reader = self._print_known(latest, name, follow=True)
                        readers[name, step.attempt] = asyncio.create_task(reader)
                if RunPhase(latest.status.phase).finished:
                    break
            await asyncio.gather(*readers.values())
        finally:
            for task in readers.values():
                task.cancel()
            await asyncio.gather(*readers.values(), return_exceptions=True)

    async def _print_known(self, run: WorkflowRun, step: str, *, follow: bool) -> None:
        try:
            await self._print(run, step, f"[{harmless(step)}] ", follow=follow)
        except NotFound as error:
            self._terminal.say(f"[{harmless(step)}] {error}", "dim")

    async def _print(self, run: WorkflowRun, step: str, prefix: str, *, follow: bool) -> None:
        lines = Lines()
        async for chunk in self._access.logs.read(run, step, follow=follow):
            self._write(lines.feed(chunk), prefix)
        self._write(lines.feed(b"", final=True), prefix)

    def _write(self, lines: list[str], prefix: str) -> None:
        # A pipe gets what the program wrote; a terminal would obey it.
        shown = [harmless(line, keep="\t") for line in lines] if self._terminal.stdout.isatty() else lines
        if shown:
            self._terminal.result(f"{prefix}{line}" for line in shown)
