"""One attempt whose process lives: watched to its end, stopped when asked."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from penstock.adapters.local import processes
from penstock.adapters.local.attempts import AttemptRecord, Outcome
from penstock.adapters.local.layout import AttemptFiles
from penstock.adapters.local.log_files import LogReader
from penstock.engine.facts import AttemptPhase, ItemResult
from penstock.engine.failures import FailureCode, claimed
from penstock.engine.model import Failure
from penstock.engine.result_records import Progress

PROGRESS_SECONDS = 0.2
"""How often the log is looked at for progress; the harness writes it no more often."""
KILL_MARGIN_SECONDS = 2.0
"""What the harness has, beyond its program's time to end, before it is killed with everything that it started."""

log = logging.getLogger(__name__)


class LivingAttempt:
    """Watches one attempt's process; `process` is None for one that another driver started."""

    def __init__(
        self, record: AttemptRecord, files: AttemptFiles, process: subprocess.Popen[bytes] | None, grace: float
    ) -> None:
        self._record = record
        self._files = files
        self._process = process
        self._grace = grace
        self._log = LogReader(files.log, record.nonce)
        self._following: asyncio.Task[Outcome] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def message(self) -> str | None:
        """The newest progress, in words."""
        return in_words(self._log.progress) if self._log.progress else None

    @property
    def items(self) -> tuple[ItemResult, ...]:
        """The items that came to a result so far, where it runs several."""
        return self._log.items.results

    def follow(self, on_news: Callable[[], None], on_end: Callable[[Outcome | None], None]) -> None:
        """Watch from now on; `on_end` is called once, with None where watching itself failed."""

        def done(task: asyncio.Task[Outcome]) -> None:
            if task.cancelled():
                return
            error = task.exception()
            if error is not None:
                log.error("cannot watch %s", self._record.name, exc_info=error)
            on_end(None if error else task.result())

        self._following = asyncio.create_task(self._follow(on_news))
        self._following.add_done_callback(done)

    def stop(self) -> None:
        """Ask the process to end, and kill it with everything that it started if it does not; once."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())

    async def abandon(self) -> None:
        """Stop watching; the process goes on."""
        for task in (self._following, self._stopping):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._process is not None:
            # It outlives us on purpose; without a return code, Popen complains that it was forgotten.
            self._process.returncode = 0

    def outcome(self) -> Outcome:
        """How the attempt ended, by its complete log."""
        with suppress(FileNotFoundError):
            self._log.finish()
        outcome = self._by_result()
        if self._record.id.batch is None:
            return outcome
        items = self._log.items
        begun = items.begun(self._log.result, whole_log=True)
        return replace(outcome, items=items.results, items_begun=begun)

    def _by_result(self) -> Outcome:
        result = self._log.result
        if result is None:
            return Outcome(AttemptPhase.LOST, failure=self._unexplained())
        if result.error_code is not None:
            return Outcome(AttemptPhase.FAILED, failure=claimed(result.error_code, result.error_reason or ""))
        return Outcome(AttemptPhase.SUCCEEDED, output=result.output)

    async def _follow(self, on_news: Callable[[], None]) -> Outcome:
        ending = asyncio.create_task(processes.wait_until_ended(self._files, self._process))
        try:
            while not (await asyncio.wait({ending}, timeout=PROGRESS_SECONDS))[0]:
                self._look_for_progress(on_news)
        finally:
            ending.cancel()
        self._clean_up()
        return self.outcome()

    def _look_for_progress(self, on_news: Callable[[], None]) -> None:
        before, known = self._log.progress, len(self._log.items.results)
        with suppress(FileNotFoundError):
            self._log.read()
        if self._log.progress is not before or len(self._log.items.results) > known:
            on_news()

    def _clean_up(self) -> None:
        """Collect the process; where its harness was killed, end what that could not."""
        with suppress(FileNotFoundError):
            self._log.finish()
        pid = processes.process_id(self._files)
        if self._log.result is None and pid is not None:
            # Before it is collected, for until then the number cannot be another's.
            processes.kill_session(pid)
        if self._process is not None:
            self._process.wait()

    async def _stop(self) -> None:
        assert self._following is not None
        pid = await self._pid()
        if pid is None:
            return
        processes.terminate(pid)
        await asyncio.wait({self._following}, timeout=self._grace + KILL_MARGIN_SECONDS)
        if not self._following.done() and processes.lives(self._files):
            log.warning("%s did not end when asked to and is killed", self._record.name)
            processes.kill_session(pid)

    async def _pid(self) -> int | None:
        """The process to ask; None once it has ended."""
        while processes.lives(self._files):
            pid = processes.process_id(self._files)
            if pid is not None:
                return pid
            await asyncio.sleep(processes.POLL_SECONDS)
        return None

    def _unexplained(self) -> Failure:
        code = self._process.returncode if self._process else None
        unknown = "how far it came is unknown"
        if code is not None and code < 0:
            return Failure(FailureCode.SIGNALLED, f"{_name_of(-code)} ended its process before a result; {unknown}")
        how = f" (exit code {code})" if code is not None else ""
        return Failure(FailureCode.LOST, f"its process ended without a result{how}; {unknown}")


def _name_of(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def in_words(progress: Progress) -> str:
    """How far the program says it is, for people."""
    share = ""
    if progress.current is not None:
        share = f"{progress.current:g}/{progress.total:g}" if progress.total is not None else f"{progress.current:g}"
    return " ".join(part for part in (share, progress.message) if part)
