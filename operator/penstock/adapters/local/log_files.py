"""Logs of attempts: files that the attempts' own processes write, read while they grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from penstock.adapters.local.attempts import AttemptRecord, AttemptTable
from penstock.adapters.local.changes import Changes
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.objects import ObjectTable
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.step_attempts import may_still_print
from penstock.engine.item_records import ItemCollector
from penstock.engine.model import AttemptId
from penstock.engine.result_records import Event, ItemRecord, LogChunk, Progress, RecordParser, ResultRecord
from penstock.errors import NotFound
from penstock.ports.access import Key
from penstock.ports.logs import LogCursor, LogPiece

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
        self.items = ItemCollector()

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
                case ItemRecord():
                    self.items.take(event)
                case ResultRecord():
                    self.result = event
        return printed


class LocalLogs:
    """Logs of ports.logs."""

    def __init__(
        self, directory: DataDirectory, attempts: AttemptTable, runs: ObjectTable[WorkflowRun], changes: Changes
    ) -> None:
        self._directory = directory
        self._attempts = attempts
        self._runs = runs
        self._changes = changes

    async def read(
        self, run: WorkflowRun, attempt: AttemptId, *, after: LogCursor | None = None, follow: bool = False
    ) -> AsyncIterator[LogPiece]:
        """What the attempt printed after the cursor; with `follow` until its end, waiting for its start."""
        record = await self._find(run, attempt, follow=follow)
        reader = LogReader(self._directory.attempt(record.run_uid, record.id).log, record.nonce)
        cursor, count = after or LogCursor(attempt.attempt, batch=attempt.batch), 0
        try:
            async for chunk in self._chunks(reader, record, follow=follow):
                count += len(chunk)
                if count > cursor.offset:
                    fresh = chunk[max(0, len(chunk) - (count - cursor.offset)) :]
                    cursor = replace(cursor, offset=count)
                    yield LogPiece(fresh, cursor)
        except FileNotFoundError:
            raise NotFound(f"the log of step {attempt.step} is gone") from None

    async def _find(self, run: WorkflowRun, attempt: AttemptId, *, follow: bool) -> AttemptRecord:
        key = Key(run.metadata.namespace, run.metadata.name)
        while True:
            mark = self._changes.mark()
            record = self._attempts.find_of_run(run.metadata.uid, attempt)
            if record is not None and self._has_log(record):
                return record
            if not follow or not may_still_print(self._runs.get(key), attempt):
                raise NotFound(f"step {attempt.step} of run {key} has no attempt {attempt.attempt}")
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
