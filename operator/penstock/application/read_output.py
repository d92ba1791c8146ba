"""What a run or one of its steps gave back; in parts where it is large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.output_reference import OutputReference
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.digests import canonical
from penstock.engine.model import RunPhase
from penstock.errors import InvalidInput, NotFound
from penstock.ports.access import Access


@dataclass(frozen=True, slots=True)
class OutputPart:
    """A stretch of an output's JSON."""

    text: str
    offset: int
    """Bytes before it."""
    next_offset: int | None
    """Where the next part begins; None at the end."""
    size: int
    """Bytes of the whole."""


async def output_of(access: Access, run: WorkflowRun, step: str = "") -> Any:
    """The output of the run, or of one of its steps. Raises NotFound where there is none yet, OutputLost, Forbidden."""
    if not step:
        if not RunPhase(run.status.phase).finished:
            raise NotFound(
                f"run {run.metadata.name} is {run.status.phase}: it has no output yet",
                hint="Wait for it with wait_for_run, or name a step that has ended.",
            )
        return await _value(access, run, run.status.output, run.status.output_ref)
    found = run.status.steps.get(step)
    if found is None or found.finished_at is None:
        ended = ", ".join(name for name, status in run.status.steps.items() if status.finished_at) or "none yet"
        raise NotFound(f"the run has no step `{step}` that ended", hint=f"Steps that ended: {ended}.")
    return await _value(access, run, found.output, found.output_ref)


async def _value(access: Access, run: WorkflowRun, inline: Any, kept: OutputReference | None) -> Any:
    ref = output_ref(kept)
    return inline if ref is None else await access.outputs.load(run, ref)


def part_of(output: Any, offset: int, max_bytes: int) -> OutputPart:
    """At most `max_bytes` of the output's JSON from `offset` on, cut between characters. Raises InvalidInput."""
    data = canonical(output)
    if offset > len(data):
        raise InvalidInput(f"the output has {len(data)} bytes; offset {offset} is beyond its end")
    text, length = _whole_characters(data[offset : offset + max_bytes], offset)
    following = offset + length
    return OutputPart(text, offset, following if following < len(data) else None, len(data))


def _whole_characters(chunk: bytes, offset: int) -> tuple[str, int]:
    """The text of a chunk without a character that is cut at its end, and how many bytes it has."""
    try:
        return chunk.decode(), len(chunk)
    except UnicodeDecodeError as error:
        if error.start == 0:
            raise InvalidInput(f"offset {offset} is within a character; take `next_offset` as it was given") from error
        return chunk[: error.start].decode(), error.start
