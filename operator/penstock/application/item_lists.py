"""The lists that steps are fanned out over: worked out and hashed once, for what they are made of stays as it is."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from penstock.engine.commands import Evaluate
from penstock.engine.digests import ITEMS_SCHEME, digest
from penstock.engine.facts import Value
from penstock.ports.engine import Evaluator

MAX_REMEMBERED = 64
"""Lists that are kept; another one costs a steady pass some milliseconds, up to half a second for 8 MiB."""
FIELD = "forEach"


class ItemLists:
    """Answers the question for a step's list. One that is remembered is never wrong: outputs and contexts are fixed."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: OrderedDict[tuple[str, str], Value] = OrderedDict()

    async def answer(self, run_uid: str, question: Evaluate) -> Value:
        """The list of a step of a run, with its digest. Whatever else comes of it is not remembered."""
        key = (run_uid, question.step)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        value = await self._evaluator.evaluate(question.expression, question.scope)
        if value.error is not None or not isinstance(value.value, list | tuple):
            return value
        try:
            value = replace(value, digest=digest(ITEMS_SCHEME, value.value))
        except ValueError:
            return Value(error="the list holds what JSON cannot say: NaN, infinity or a number beyond 1e308")
        self._known[key] = value
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return value

    def forget(self, run_uid: str) -> None:
        """A run has ended."""
        for key in [key for key in self._known if key[0] == run_uid]:
            del self._known[key]
