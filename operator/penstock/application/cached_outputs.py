"""Outputs that are kept beside their runs, in memory as well: each pass over a run looks at all of its outputs."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StoreOutput
from penstock.engine.model import OutputRef
from penstock.ports.engine import Outputs

MAX_CACHED = 32 * 1024 * 1024
"""Bytes of JSON that are kept in memory; as values they take several times as much."""


class CachedOutputs:
    """Outputs of ports.engine. What an output holds never changes: what was read or written once stays good."""

    def __init__(self, outputs: Outputs, limit: int = MAX_CACHED) -> None:
        self._outputs = outputs
        self._limit = limit
        self._values: OrderedDict[tuple[str, OutputRef], Any] = OrderedDict()
        self._size = 0

    async def store(self, run: WorkflowRun, command: StoreOutput) -> None:
        """Keep the output, and its value in memory. Raises what the store behind raises."""
        await self._outputs.store(run, command)
        self._remember((run.metadata.uid, command.ref), command.value)

    async def load(self, run: WorkflowRun, ref: OutputRef) -> Any:
        """The output, from memory where it is there. Raises what the store behind raises."""
        key = (run.metadata.uid, ref)
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = await self._outputs.load(run, ref)
        self._remember(key, value)
        return value

    def _remember(self, key: tuple[str, OutputRef], value: Any) -> None:
        if key in self._values or key[1].size > self._limit:
            return
        self._values[key] = value
        self._size += key[1].size
        while self._size > self._limit:
            (_, ref), _ = self._values.popitem(last=False)
            self._size -= ref.size
