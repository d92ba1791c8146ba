"""What a harness says of single items: their records in the log of an attempt that runs several, gathered as they come.

Pure, like `result_records`, which finds the lines.
"""

from __future__ import annotations

from penstock.engine.facts import ItemResult
from penstock.engine.failures import FailureCode, claimed
from penstock.engine.result_records import ItemRecord, ResultRecord

MOST_ITEMS = 1000
"""Items of one attempt: more are not from a harness."""


class ItemCollector:
    """The items of one attempt that came to a result so far. The first word on an item counts."""

    def __init__(self) -> None:
        self._results: dict[int, ItemResult] = {}
        self._all: tuple[ItemResult, ...] = ()

    def take(self, record: ItemRecord) -> bool:
        """Take a record in; whether it says something new."""
        if record.index in self._results or len(self._results) >= MOST_ITEMS:
            return False
        failure = claimed(record.error_code, record.error_reason or "") if record.error_code is not None else None
        self._results[record.index] = ItemResult(record.index, None if failure else record.output, failure)
        return True

    @property
    def results(self) -> tuple[ItemResult, ...]:
        """What is known, in the order in which it came."""
        if len(self._all) != len(self._results):
            self._all = tuple(self._results.values())
        return self._all

    def begun(self, record: ResultRecord | None, *, whole_log: bool) -> int | None:
        """How many items had begun when the attempt ended; None where that is not certain.

        `record` is the attempt's result record, `whole_log` says that the log was read to its end after the attempt
        had ended. A harness that ended without a record was running the item after the last that it told of.
        """
        if record is None:
            return len(self._results) + 1 if whole_log else None
        if record.error_code in (None, FailureCode.ITEMS_FAILED, FailureCode.CANCELLED):
            return len(self._results)
        return None
