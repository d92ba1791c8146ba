"""The spans of runs, made from recorded times when something has ended. Pure.

```
run order-processing
├─ queued
├─ gate release
└─ step charge
   ├─ pod start
   └─ program
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.application.trace_context import above, attempt_span, gate_span, run_span, step_span
from penstock.engine.failures import FailureCode
from penstock.engine.model import FINISHED_RUN, AttemptId, StepPhase
from penstock.ports.traces import Span, Spans

_TOLD = frozenset({StepPhase.SUCCEEDED, StepPhase.FAILED, StepPhase.CANCELLED, StepPhase.BACKOFF})
_CODES = frozenset(map(str, FailureCode))


@dataclass(frozen=True, slots=True)
class Measured:
    """How long an attempt took, up to the moment at which its result was read."""

    pod_start: timedelta
    """From asking for its Job to the beginning of its program."""
    program: timedelta
    read_at: datetime


class RunSpans:
    """Tells of the spans of runs that are recorded."""

    def __init__(self, spans: Spans, share: float) -> None:
        """`share`, 0 to 1: how many runs are recorded of those that nobody traces already."""
        self._spans = spans
        self.share = share

    def run_written(self, before: WorkflowRun, after: WorkflowRun, now: datetime) -> None:
        """The status of a run was written at `now`."""
        if above(after, self.share).sampled:
            for span in (*_step_spans(before, after, now, self.share), *_run_spans(before, after, self.share)):
                self._spans.send(span)

    def attempt_ended(self, run: WorkflowRun, at: AttemptId, measured: Measured) -> None:
        """The result of an attempt was read."""
        if above(run, self.share).sampled:
            for span in _attempt_spans(run, at, measured, self.share):
                self._spans.send(span)

    def gate_settled(self, run: WorkflowRun, request: ApprovalRequest, now: datetime) -> None:
        """How a gate ended was written at `now`."""
        asked, top = request.metadata.creation_timestamp, above(run, self.share)
        if asked is None or not top.sampled:
            return
        uid, name = run.metadata.uid, request.metadata.name
        attributes = {**_of(run), "penstock.gate": name, "penstock.phase": request.status.phase}
        span_id = gate_span(uid, name)
        title = f"gate {request.spec.request.step}"
        self._spans.send(Span(title, top.trace_id, span_id, run_span(uid), asked, now, attributes))


def _run_spans(before: WorkflowRun, after: WorkflowRun, share: float) -> Iterator[Span]:
    status, created = after.status, after.metadata.creation_timestamp
    ended = status.phase in FINISHED_RUN and before.status.phase not in FINISHED_RUN
    if not ended or created is None or status.finished_at is None:
        return
    top, own = above(after, share), run_span(after.metadata.uid)
    begun = status.started_at or status.finished_at
    attributes = {**_of(after), "penstock.phase": status.phase}
    code = _code(status.error.code) if status.error else ""
    yield Span("queued", top.trace_id, run_span(f"{after.metadata.uid} queued"), own, created, begun, _of(after))
    title = f"run {_workflow(after) or 'inline'}"
    yield Span(title, top.trace_id, own, top.span_id, created, status.finished_at, attributes, code)


def _step_spans(before: WorkflowRun, after: WorkflowRun, now: datetime, share: float) -> Iterator[Span]:
    for name, step in after.status.steps.items():
        old = before.status.steps.get(name)
        # A step that took an earlier output never started; nor did one that was skipped or carried over.
        if step.phase in _TOLD and step.started_at is not None and (old is None or old.phase != step.phase):
            yield _step_span(after, name, step, now, share)


def _step_span(run: WorkflowRun, name: str, step: StepStatus, now: datetime, share: float) -> Span:
    uid, attempt = run.metadata.uid, 0 if step.items else step.attempt
    begun = step.started_at
    assert begun is not None
    return Span(
        f"step {name}",
        above(run, share).trace_id,
        step_span(uid, name, attempt),
        run_span(uid),
        begun,
        step.finished_at or now,
        {**_of(run), "penstock.step": name, "penstock.attempt": step.attempt, "penstock.phase": step.phase},
        _code(step.error.code) if step.error else "",
    )


def _attempt_spans(run: WorkflowRun, at: AttemptId, measured: Measured, share: float) -> Iterator[Span]:
    uid, trace, own = run.metadata.uid, above(run, share).trace_id, attempt_span(run.metadata.uid, at)
    began = measured.read_at - measured.program
    asked = began - measured.pod_start
    attributes = {**_of(run), "penstock.step": at.step, "penstock.attempt": at.attempt}
    if at.batch is not None:
        attributes["penstock.batch"] = at.batch
        title = f"batch {at.batch} of {at.step}"
        yield Span(title, trace, own, step_span(uid, at.step, 0), asked, measured.read_at, attributes)
    for title, start, end in (("pod start", asked, began), ("program", began, measured.read_at)):
        yield Span(title, trace, run_span(f"{own} {title}"), own, start, end, attributes)


def _of(run: WorkflowRun) -> Mapping[str, str | int]:
    named = {"penstock.workflow": _workflow(run)} if _workflow(run) else {}
    return {"k8s.namespace.name": run.metadata.namespace, "penstock.run": run.metadata.name, **named}


def _workflow(run: WorkflowRun) -> str:
    return run.spec.workflow.name if run.spec.workflow else ""


def _code(code: str) -> str:
    """A code of ours; what a script made up stays out, for it may hold anything."""
    return code if code in _CODES else str(FailureCode.SCRIPT_FAILED)
