"""What the harness says of the items of an attempt: one record for each when its program has ended, and their sum.

Only imported when the input document holds `items`.
"""

from __future__ import annotations

import shutil

from . import lean_json
from .process import Ended
from .protocol import ITEM_MARK, ITEMS_FAILED, ITEMS_LIMIT, LINE_OVERHEAD, MIB, OUTPUT_TOO_LARGE, AttemptFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .environment import WorkFolder
    from .masking import Masker
    from .passthrough import Log
    from .records import Result

_NO_ROOM = (
    f"the outputs of the items that ran in this pod have more than {ITEMS_LIMIT // MIB} MiB together. Output less, "
    "write large results to a store and output their address, or lower itemsPerPod."
)


class ItemRecords:
    """Writes the records of items, and adds up what they used."""

    def __init__(self, log: Log, masker: Masker, nonce: str) -> None:
        self._log = log
        self._masker = masker
        self._head = f"{ITEM_MARK} {nonce} ".encode()
        self._room = ITEMS_LIMIT
        self._used = Ended()
        self._count = 0
        self._failed = 0
        self._first: tuple[int, AttemptFailed] | None = None
        self._interpreter = ""
        log.leave_room(ITEMS_LIMIT)

    def write(self, index: int, result: Result) -> None:
        """Say how one item ended. An output that has no room any more fails its item."""
        record = self._record(index, result)
        if result.has_output and len(record) + LINE_OVERHEAD > self._room:
            result.has_output = False
            result.failure = result.failure or AttemptFailed(OUTPUT_TOO_LARGE, _NO_ROOM)
            record = self._record(index, result)
        self._room -= len(record) + LINE_OVERHEAD
        self._log.record(record)
        self._add(index, result)

    def sum_up(self, result: Result, stopped: AttemptFailed | None) -> None:
        """The result of the attempt as a whole: what all items used, and whether one failed or was not run."""
        self._used.exit_code = 1 if self._failed or stopped else 0
        result.ended, result.interpreter = self._used, self._interpreter
        result.failure = stopped
        if result.failure is None and self._first is not None:
            index, failure = self._first
            reason = f"{self._failed} of {self._count} items failed; the first: item {index}: {failure.reason}"
            result.failure = AttemptFailed(ITEMS_FAILED, f"{reason} ({failure.code})")

    def _record(self, index: int, result: Result) -> bytes:
        whole = result.document(self._masker)
        parts = {name: whole[name] for name in ("output", "error", "usage") if name in whole}
        text = lean_json.dumps({"index": index, **parts}).encode("utf-8", "replace")
        return self._head + text + b"\n"

    def _add(self, index: int, result: Result) -> None:
        self._count += 1
        self._interpreter = result.interpreter or self._interpreter
        if result.failure is not None:
            self._failed += 1
            self._first = self._first or (index, result.failure)
        if result.ended is not None:
            self._used.wall_seconds += result.ended.wall_seconds
            self._used.cpu_seconds += result.ended.cpu_seconds
            self._used.peak_rss_bytes = max(self._used.peak_rss_bytes, result.ended.peak_rss_bytes)


def remove(folder: WorkFolder) -> None:
    """Take away what one item's program left behind: the next one must not find it, and there is little room."""
    shutil.rmtree(folder.path, ignore_errors=True)
    folder.forget()
