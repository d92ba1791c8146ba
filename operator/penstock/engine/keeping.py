"""Where an output goes: into the run object while that has room, else beside it, by reference.

The run object is written at every step of its run, so it stays small: what is large is written once, elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock.engine.commands import StoreOutput
from penstock.engine.digests import OUTPUT_SCHEME, canonical, digest_of, size_of
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.identifiers import output_name
from penstock.engine.model import Failure, OutputRef
from penstock.engine.result_records import OUTPUT_LIMIT

INLINE_OUTPUT = 4096
"""Bytes of canonical JSON that one output may have in the run object."""
LIST_LIMIT = 8 * 1024 * 1024
"""Bytes of canonical JSON that a fanned-out step's list of outputs may have, and so a run's own output."""
INLINE_OUTPUTS = 65_536
"""Bytes of canonical JSON that all outputs in the run object may have together."""
_SHORT = 256
"""Bytes of JSON in which nothing can be wrong with an output: not its size, nor a number beyond 1e308."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an output goes."""

    draft: Draft
    """With the question to keep it, where that is still to be done."""
    ref: OutputRef | None = None
    """None where it stands in the run object."""
    failure: Failure | None = None
    """Set where it cannot be kept at all."""


def keep_output(draft: Draft, value: Any, *, limit: int = OUTPUT_LIMIT) -> Kept:
    """Find a place for an output of at most `limit` bytes of canonical JSON. None, which is no output, needs none."""
    if value is None:
        return Kept(draft)
    text, failure = text_of(value, limit)
    if failure is not None:
        return Kept(draft, failure=failure)
    if len(text) <= INLINE_OUTPUT and len(text) + _inline(draft) <= INLINE_OUTPUTS:
        return Kept(draft)
    return _beside(draft, value, text)


def keep_beside(draft: Draft, value: Any) -> Kept:
    """Find a place beside the run object for a part of an output, whatever its size."""
    return _beside(draft, value, canonical(value))


def text_of(value: Any, limit: int = OUTPUT_LIMIT) -> tuple[bytes, Failure | None]:
    """The canonical JSON of an output; a failure where there is none, or one over the limit."""
    try:
        text = canonical(value)
    except ValueError:
        reason = "the output is not JSON: it has NaN, infinity or a number beyond 1e308"
        return b"", Failure(FailureCode.OUTPUT_INVALID, reason)
    if len(text) <= limit:
        return text, None
    reason = f"the output has {len(text):,} bytes; {limit:,} is the limit. "
    return text, Failure(FailureCode.OUTPUT_TOO_LARGE, f"{reason}Write large data elsewhere and output where it is")


def unfit(value: Any) -> Failure | None:
    """Why an output could not be kept anywhere; None where it can."""
    try:
        # Thousands of items may end in one pass, nearly all with little to say.
        if size_of(value) <= _SHORT:
            return None
    except ValueError:
        pass
    return text_of(value)[1]


def _beside(draft: Draft, value: Any, text: bytes) -> Kept:
    run, content = draft.facts.run, digest_of(OUTPUT_SCHEME, text)
    ref = OutputRef(output_name(run.name, run.uid, content), content, len(text))
    answer = draft.facts.stored.get(ref.name)
    if answer is None and not _refers(draft, ref):
        return Kept(draft.emit(StoreOutput(ref, value, text)), ref)
    if answer is not None and answer.error is not None:
        return Kept(draft, failure=Failure(FailureCode.OUTPUT_NOT_STORED, f"the output cannot be kept: {answer.error}"))
    return Kept(draft, ref)


def _refers(draft: Draft, ref: OutputRef) -> bool:
    """The run keeps this very output already."""
    return any(step.stored == ref for step in draft.state.steps.values())


def _inline(draft: Draft) -> int:
    """Bytes of the outputs that stand in the run object."""
    outputs = [step.output for step in draft.state.steps.values() if step.stored is None and step.output is not None]
    # Less the brackets and commas of the list, which are not in the run object.
    return size_of(outputs) - len(outputs) - 1 if outputs else 0
