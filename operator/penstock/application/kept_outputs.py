"""Outputs that are kept beside their runs, put back into what is decided on, and into what people are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import OutputRef, RunState
from penstock.errors import OutputLost, PenstockError
from penstock.ports.access import Access, OutputReader


async def with_values(outputs: OutputReader, run: WorkflowRun, state: RunState) -> tuple[RunState, Mapping[str, str]]:
    """The state with the value of every output of its steps, and by name what is lost of them.

    Raises TransientError where they cannot be read now.
    """
    refs = {name: step.stored for name, step in state.steps.items() if step.stored is not None}
    found = await asyncio.gather(*(_load(outputs, run, ref) for ref in refs.values()))
    steps = dict(state.steps)
    lost: dict[str, str] = {}
    for (name, ref), (value, why) in zip(refs.items(), found, strict=True):
        steps[name] = replace(steps[name], output=value)
        if why is not None:
            lost[ref.name] = why
    return (replace(state, steps=MappingProxyType(steps)) if refs else state), MappingProxyType(lost)


async def _load(outputs: OutputReader, run: WorkflowRun, ref: OutputRef) -> tuple[Any, str | None]:
    try:
        return await outputs.load(run, ref), None
    except OutputLost as error:
        return None, str(error)


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run for people: its own output is in its status, wherever it is kept."""

    run: WorkflowRun
    unread: str = ""
    """Why the output is not there all the same; a plain sentence."""


async def with_output(access: Access, run: WorkflowRun) -> ShownRun:
    """The run with its own output, as far as this caller may read it."""
    ref = output_ref(run.status.output_ref)
    if ref is None:
        return ShownRun(run)
    try:
        value = await access.outputs.load(run, ref)
    except PenstockError as error:
        where = f"{run.metadata.namespace}/{ref.name}"
        return ShownRun(run, f"The output ({ref.size:,} bytes, kept as {where}) cannot be read: {error}")
    return ShownRun(run.model_copy(update={"status": run.status.model_copy(update={"output": value})}))
