"""Logs of attempts: files that the attempts' own processes write, read while they grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from penstock.adapters.local.attempts import AttemptRecord, AttemptTable
from penstock.adapters.local.changes import Changes
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.objects import ObjectTable
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import RunPhase
from penstock.engine.result_records import Event, LogChunk, Progress, RecordParser, ResultRecord
from penstock.errors import NotFound
from penstock.ports.access import Key

GROWTH_SECONDS = 0.05
"""How often a followed log is looked at."""
_CHUNK = 1 << 20


class LogReader:
    """Reads on in one attempt's log, from its beginning; keeps the newest progress and the result."""

    def __init__(self, path: Path, nonce: str) -> None:
        self._path = path
        self._parser = RecordParser(nonce)
        self._position = 0
        self.progress: Progress | None = None
        self.result: ResultRecord | None = None

    def read(self) -> list[bytes]:
        """What was printed since the last call. Raises FileNotFoundError when the log is gone."""
        printed: list[bytes] = []
        with self._path.open("rb") as file:
            file.seek(self._position)
            while chunk := file.read(_CHUNK):
                self._position += len(chunk)
                printed.extend(self._take(self._parser.feed(chunk)))
        return printed

    def finish(self) -> list[bytes]:
        """What was printed since the last call, the log being complete."""
        return [*self.read(), *self._take(self._parser.close())]

    def _take(self, events: list[Event]) -> list[bytes]:
        printed: list[bytes] = []
        for event in events:
            match event:
                case LogChunk():
                    printed.append(event.data)
                case Progress():
                    self.progress = event
                case ResultRecord():
                    self.result = event
        return printed


class LocalLogs:
    """What steps printed."""

    def __init__(
        self, directory: DataDirectory, attempts: AttemptTable, runs: ObjectTable[WorkflowRun], changes: Changes
    ) -> None:
        self._directory = directory
        self._attempts = attempts
        self._runs = runs
        self._changes = changes

    async def read(self, run: WorkflowRun, step: str, *, follow: bool = False) -> AsyncIterator[bytes]:
        """The log of a step's newest attempt, without records, in chunks.

        With `follow` it goes on until the attempt ends (waiting for its start first). Raises NotFound where the step
        has no attempt yet (without `follow`), will never have one, or its log is gone.
        """
        record = await self._newest(run, step, follow=follow)
        path = self._directory.attempt(record.run_uid, record.id).log
        reader = LogReader(path, record.nonce)
        try:
            async for chunk in self._chunks(reader, record, follow=follow):
                yield chunk
        except FileNotFoundError:
            raise NotFound(f"the log of step {step} is gone") from None

    async def _newest(self, run: WorkflowRun, step: str, *, follow: bool) -> AttemptRecord:
        key = Key(run.metadata.namespace, run.metadata.name)
        while True:
            mark = self._changes.mark()
            record = self._attempts.newest(run.metadata.uid, step)
            if record is not None and self._has_log(record):
                return record
            status = self._runs.get(key).status
            unknown = bool(status.steps) and step not in status.steps
            if not follow or unknown or RunPhase(status.phase).finished:
                raise NotFound(f"step {step} of run {key} has no attempt")
            await self._changes.after(mark)

    def _has_log(self, record: AttemptRecord) -> bool:
        # Ended without a log means that it is gone, which the reader says in other words.
        files = self._directory.attempt(record.run_uid, record.id)
        return record.outcome is not None or files.log.exists()

    async def _chunks(self, reader: LogReader, record: AttemptRecord, *, follow: bool) -> AsyncIterator[bytes]:
        while True:
            mark = self._changes.mark()
            current = self._attempts.find(record.key)
            # Asked before the last look at the file: what is printed in between is not missed.
            ended = not follow or current is None or current.outcome is not None
            for chunk in reader.finish() if ended else reader.read():
                yield chunk
            if ended:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(GROWTH_SECONDS):
                    await self._changes.after(mark)
