"""Counts what a pass learns of a fanned-out step's items, and folds it into the step once.

Mutable, and never seen outside of the rule that made it: thousands of items may end in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from penstock.engine.draft import Draft
from penstock.engine.facts import ItemResult
from penstock.engine.failures import retried
from penstock.engine.fan_out import MAX_FAILURES, BatchState, ItemFailure, ItemsState
from penstock.engine.indices import Indices
from penstock.engine.keeping import unfit
from penstock.engine.model import Failure, StepPhase, StepPlan


class Tally:
    """One fanned-out step that is alive."""

    def __init__(self, draft: Draft, step: StepPlan, items: ItemsState) -> None:
        assert step.fan_out is not None
        self._draft = draft
        self._step = step
        self._fan_out = step.fan_out
        self._items = items
        self._failures = list(items.failures)
        self._outputs = dict(items.outputs)
        self._active = dict(items.active)
        self._running = False

    def alive(self, number: int, uid: str | None, *, running: bool) -> None:
        """The newest attempt of a batch lives."""
        batch = self._active[number]
        phase = StepPhase.RUNNING if running else batch.phase
        self._active[number] = replace(batch, uid=uid or batch.uid, phase=phase)
        self._running = self._running or running

    def ended(
        self, number: int, failure: Failure, results: Iterable[ItemResult] = (), begun: int | None = None
    ) -> None:
        """The newest attempt of a batch is over: what its items came to, and how the batch goes on.

        `failure` is that of every item that may have begun and has no result of its own. The first `begun` of the
        attempt's items had begun and the others had not; None where nobody knows.
        """
        self._running = True
        batch = self._active[number]
        given = self._items.left(self._fan_out, number, batch.reached)
        more = batch.round <= self._step.retry.limit
        succeeded, failed, silent = self._take(given, results, more=more)
        untouched = Indices() if begun is None else silent - Indices.of(list(given)[:begun])
        if untouched == given:
            untouched = Indices()  # nothing came of it at all, and the next attempt would come to as little
        if not (more and retried(failure.code)):
            failed |= silent - untouched
            for index in silent - untouched:
                self._note(index, failure)
        self._items = replace(
            self._items, succeeded=self._items.succeeded | succeeded, failed=self._items.failed | failed
        )
        self._go_on(number, batch, untouched)

    def draft(self) -> Draft:
        """The draft with all of it."""
        items = replace(
            self._items,
            active=MappingProxyType(self._active),
            failures=tuple(self._failures),
            outputs=MappingProxyType(self._outputs),
        )
        state = self._draft.step(self._step.name)
        phase = StepPhase.RUNNING if self._running else state.phase
        return self._draft.with_step(self._step.name, phase=phase, items=items)

    def _take(self, left: Indices, results: Iterable[ItemResult], *, more: bool) -> tuple[Indices, Indices, Indices]:
        """What items say of themselves, each one's first word: those that succeeded, failed for good, said nothing."""
        silent = set(left)
        succeeded, failed = [], []
        for result in results:
            if result.index not in silent:
                continue
            silent.discard(result.index)
            failure = result.failure or unfit(result.output)
            if failure is None:
                succeeded.append(result.index)
                if result.output is not None:
                    self._outputs[result.index] = result.output
            elif not (more and retried(failure.code)):
                failed.append(result.index)
                self._note(result.index, failure)
        return Indices.of(succeeded), Indices.of(failed), Indices.of(silent)

    def _note(self, index: int, failure: Failure) -> None:
        if len(self._failures) < MAX_FAILURES:
            self._failures.append(ItemFailure(index, replace(failure, step=self._step.name)))

    def _go_on(self, number: int, batch: BatchState, untouched: Indices) -> None:
        """The round goes on at once where some of its items had not begun; the next one comes after a wait."""
        if untouched:
            reached = next(iter(untouched))
            goes_on = BatchState(
                StepPhase.BACKOFF, batch.attempt, retry_at=self._draft.now, round=batch.round, reached=reached
            )
        elif self._items.left(self._fan_out, number):
            due = self._draft.now + self._step.retry.delay(batch.round)
            goes_on = BatchState(StepPhase.BACKOFF, batch.attempt, retry_at=due, round=batch.round + 1)
        else:
            del self._active[number]
            return
        self._active[number] = goes_on
