"""Logs of steps on the terminal: one alone as it is, several with their names in front."""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from dataclasses import replace

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.application.item_logs import about_items
from penstock.application.read_step_log import StepLog, read_step_log
from penstock.application.safe_text import harmless, harmless_log_line
from penstock.cli.terminal import Terminal
from penstock.engine.model import RunPhase, StepPhase
from penstock.errors import NotFound
from penstock.ports.access import Access, Key
from penstock.ports.logs import LogCursor, LogPiece


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


def warn_of_unmasked(terminal: Terminal, spec: WorkflowSpec | None, step: str | None) -> None:
    """Say it where a log is shown of a step that has no harness to mask its secrets."""
    steps = (*spec.steps, *spec.finally_) if spec else ()
    names = [one.name for one in steps if one.container is not None and step in (None, one.name)]
    if names:
        plural = "s" if len(names) > 1 else ""
        terminal.say(f"[no secret is masked in what container step{plural} {', '.join(names)} printed]", "dim")


class StepLogs:
    """Prints the logs of one run's steps; with `tail` only so many lines at their ends."""

    def __init__(self, access: Access, terminal: Terminal, *, follow: bool, tail: int | None) -> None:
        self._access = access
        self._terminal = terminal
        self._follow = follow
        self._tail = tail

    async def one(self, run: WorkflowRun, wanted: StepLog) -> None:
        """One step's log, without a prefix. Raises NotFound when there is none."""
        await self._print(run, wanted, "")

    async def all(self, run: WorkflowRun) -> None:
        """The logs of all steps that had an attempt: one after another, or as they are printed until the run ends."""
        if self._follow:
            await self._follow_all(run)
            return
        steps = [name for name, step in run.status.steps.items() if step.attempt > 0]
        steps.sort(key=lambda name: str(run.status.steps[name].started_at))
        for name in steps:
            await self._print_known(run, StepLog(name))
        self._say_of_items(run)

    def _say_of_items(self, run: WorkflowRun) -> None:
        for name, step in run.status.steps.items():
            if step.items is not None and step.items.total:
                self._terminal.say(f"[{harmless(name)}] {about_items(name, step)}: --item N", "dim")

    async def _follow_all(self, run: WorkflowRun) -> None:
        readers: dict[str, asyncio.Task[None]] = {}
        first: LogCursor | None = None
        try:
            async for latest in self._access.runs.watch(Key(run.metadata.namespace, run.metadata.name)):
                for name, step in latest.status.steps.items():
                    begun = step.attempt > 0 and StepPhase(step.phase) is not StepPhase.STARTING
                    if begun and name not in readers:
                        reader = self._print_known(latest, StepLog(name, after=first))
                        readers[name] = asyncio.create_task(reader)
                # Of what begins from now on no attempt is left out, however soon the next one comes.
                first = LogCursor(1)
                if RunPhase(latest.status.phase).finished:
                    run = latest
                    break
            await asyncio.gather(*readers.values())
            self._say_of_items(run)
        finally:
            for task in readers.values():
                task.cancel()
            await asyncio.gather(*readers.values(), return_exceptions=True)

    async def _print_known(self, run: WorkflowRun, wanted: StepLog) -> None:
        try:
            await self._print(run, wanted, f"[{harmless(wanted.step)}] ")
        except NotFound as error:
            self._terminal.say(f"[{harmless(wanted.step)}] {error}", "dim")

    async def _print(self, run: WorkflowRun, wanted: StepLog, prefix: str) -> None:
        lines = Lines()
        if self._tail is not None:
            wanted = await self._print_tail(run, wanted, lines, prefix)
        if self._tail is None or self._follow:
            cursor = wanted.after
            async for piece in read_step_log(self._access, run, wanted, follow=self._follow):
                self._note(piece, cursor, prefix)
                cursor = piece.cursor
                self._write(lines.feed(piece.data), prefix)
        self._write(lines.feed(b"", final=True), prefix)

    async def _print_tail(self, run: WorkflowRun, wanted: StepLog, lines: Lines, prefix: str) -> StepLog:
        """The last lines of what is there now; what is to be read after them."""
        last: deque[str] = deque(maxlen=self._tail)
        try:
            async for piece in read_step_log(self._access, run, wanted):
                last.extend(lines.feed(piece.data))
                wanted = replace(wanted, after=piece.cursor)
        except NotFound:
            if not self._follow:
                raise
        if not self._follow:
            last.extend(lines.feed(b"", final=True))
        self._write(list(last), prefix)
        return wanted

    def _note(self, piece: LogPiece, before: LogCursor | None, prefix: str) -> None:
        """What a reader should know of the place between two pieces."""
        if before is not None and before.attempt != piece.cursor.attempt:
            self._terminal.say(f"{prefix}[attempt {piece.cursor.attempt}]", "dim")
        if piece.missing is None:
            self._terminal.say(f"{prefix}[what was printed before is gone]", "dim")
        elif piece.missing:
            first = "first " if piece.missing + len(piece.data) == piece.cursor.offset else ""
            self._terminal.say(f"{prefix}[the {first}{piece.missing:,} bytes are gone with the pod]", "dim")

    def _write(self, lines: list[str], prefix: str) -> None:
        # A pipe gets what the program wrote; a terminal would obey it.
        terminal = self._terminal
        if terminal.stdout.isatty():
            lines = [harmless_log_line(line, colours=terminal.shows_colours) for line in lines]
        if lines:
            terminal.result(f"{prefix}{line}" for line in lines)
