"""One bounded piece of a step's log: its end, or what came after a cursor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.item_logs import batch_of
from penstock.application.read_step_log import StepLog, read_step_log
from penstock.application.step_attempts import may_have_more, may_still_print, newest_attempt
from penstock.engine.model import AttemptId
from penstock.ports.access import Access, Key
from penstock.ports.logs import LogCursor, LogPiece


@dataclass(frozen=True, slots=True)
class LogPage:
    """A piece of a log."""

    data: bytes
    cursor: LogCursor
    """The place after it: for the next page."""
    skipped: int
    """Bytes right before it that are not shown; without a cursor all that the attempt printed before."""
    gone: bool
    """Of what came before it something cannot be had any more."""
    complete: bool
    """Nothing will ever be printed after it: by the attempt that was named, else by the step."""


async def log_page(access: Access, run: WorkflowRun, wanted: StepLog, max_bytes: int) -> LogPage:
    """At most `max_bytes`: the first ones after `wanted.after`, else the last ones. Raises NotFound, InvalidInput."""
    # Asked for before the log is read, so that a page is called complete only when it is.
    before = await access.runs.get(Key(run.metadata.namespace, run.metadata.name))
    read = _onwards if wanted.after else _end
    page = await read(access, before, wanted, max_bytes)
    at = AttemptId(wanted.step, page.cursor.attempt, page.cursor.batch)
    newest = newest_attempt(before, wanted.step) if at.batch is None else at.attempt
    last = wanted.attempt is not None or (newest <= at.attempt and not may_have_more(before, wanted.step, at.batch))
    return replace(page, complete=page.complete and last and not may_still_print(before, at))


async def _end(access: Access, run: WorkflowRun, wanted: StepLog, max_bytes: int) -> LogPage:
    kept = bytearray()
    # Where nothing was printed yet, the next page begins with the first byte.
    batch = batch_of(run, wanted.step, wanted.item) if wanted.item is not None else None
    cursor = LogCursor(wanted.attempt or max(1, newest_attempt(run, wanted.step)), batch=batch)
    gone = False
    async for piece in read_step_log(access, run, wanted):
        if piece.cursor.attempt != cursor.attempt:
            kept.clear()  # a page is of one attempt
        kept += piece.data
        del kept[:-max_bytes]
        cursor, gone = piece.cursor, gone or piece.missing != 0
    return LogPage(bytes(kept), cursor, cursor.offset - len(kept), gone, complete=True)


async def _onwards(access: Access, run: WorkflowRun, wanted: StepLog, max_bytes: int) -> LogPage:
    assert wanted.after is not None
    kept, cursor = bytearray(), wanted.after
    skipped, gone = 0, False
    async for piece in read_step_log(access, run, wanted):
        if kept and (len(kept) == max_bytes or not _follows(piece, cursor)):
            # A page is of one attempt, and has no hole in it.
            return LogPage(bytes(kept), cursor, skipped, gone, complete=False)
        if not kept:
            skipped, gone = piece.missing or 0, piece.missing != 0
        taken = piece.data[: max_bytes - len(kept)]
        kept += taken
        cursor = replace(piece.cursor, offset=piece.cursor.offset - len(piece.data) + len(taken))
        if len(taken) < len(piece.data):
            return LogPage(bytes(kept), cursor, skipped, gone, complete=False)
    return LogPage(bytes(kept), cursor, skipped, gone, complete=True)


def _follows(piece: LogPiece, cursor: LogCursor) -> bool:
    return (piece.cursor.attempt, piece.missing) == (cursor.attempt, 0)
