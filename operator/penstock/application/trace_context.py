"""Which trace a run belongs to, in the words of W3C Trace Context. Pure.

The ids follow from the run's UID, so whichever replica tells of a run tells the same, nothing has to be remembered, and
a program can be told its own span before that has ended.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import AttemptId

ANNOTATION = "penstock.dev/traceparent"
"""Of a run: the span that asked for it."""
VARIABLE = "TRACEPARENT"
"""In which a program finds its own span."""
_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.{0,200})?")
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span that others can hang on to."""

    trace_id: str
    span_id: str
    """Empty: there is none yet, only its trace."""
    sampled: bool = True
    """Whether it is recorded; then those below it are too."""

    def __str__(self) -> str:
        """As a `traceparent`."""
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.sampled else 0:02x}"


def parse(text: str) -> TraceContext | None:
    """What a `traceparent` says; None where it is none, for the rule is to go on as if it were not there."""
    found = _FORM.fullmatch(text.strip())
    if found is None or (found[1] == "00" and found[5]):
        return None
    trace, span = found[2], found[3]
    if not trace.strip("0") or not span.strip("0"):
        return None
    return TraceContext(trace, span, sampled=bool(int(found[4], 16) & _SAMPLED))


def above(run: WorkflowRun, share: float = 1.0) -> TraceContext:
    """The span that the run's own hangs on; of a run that nobody traces yet, a trace without one.

    `share`, 0 to 1, is how many of those are recorded.
    """
    asked = parse(run.metadata.annotations.get(ANNOTATION, ""))
    return asked or new_trace(run.metadata.uid, share)


def new_trace(seed: str, share: float) -> TraceContext:
    """A trace of its own, which follows from `seed`."""
    trace = _digits(32, "trace", seed)
    return TraceContext(trace, "", sampled=int(trace[16:], 16) < share * 2**64)


def run_span(uid: str) -> str:
    """Id of the span of a run."""
    return _digits(16, uid)


def step_span(uid: str, step: str, attempt: int) -> str:
    """Id of the span of an attempt at a step; 0 stands for a step with items as a whole."""
    return _digits(16, uid, step, str(attempt))


def attempt_span(uid: str, at: AttemptId) -> str:
    """Id of the span in which a program runs."""
    return step_span(uid, at.step, at.attempt) if at.batch is None else _digits(16, uid, *map(str, at))


def gate_span(uid: str, name: str) -> str:
    """Id of the span of a gate."""
    return _digits(16, uid, "gate", name)


def handed_on(run: WorkflowRun, at: AttemptId, share: float | None) -> str:
    """The `traceparent` for an attempt's program, empty for none.

    `share` as in `above`; None where spans are not sent: then a program hangs on what asked for the run.
    """
    if share is None:
        asked = parse(run.metadata.annotations.get(ANNOTATION, ""))
        return str(asked) if asked else ""
    top = above(run, share)
    return str(TraceContext(top.trace_id, attempt_span(run.metadata.uid, at), top.sampled))


def _digits(count: int, *parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:count]
