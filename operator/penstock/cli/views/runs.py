"""A run and its steps as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from penstock.api.v1alpha1.item_codec import items_line
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.application.kept_outputs import ShownRun
from penstock.application.outcomes import run_id
from penstock.application.safe_text import harmless, one_line
from penstock.cli.views.documents import listing
from penstock.cli.views.tables import age, span
from penstock.engine.failures import meaning_of
from penstock.engine.model import RunPhase, StepPhase

MARKS: Mapping[str, tuple[str, str]] = {
    StepPhase.PENDING: ("·", "."),
    StepPhase.WAITING: ("?", "?"),
    StepPhase.STARTING: ("▸", ">"),
    StepPhase.RUNNING: ("▸", ">"),
    StepPhase.BACKOFF: ("↻", "~"),
    StepPhase.SUCCEEDED: ("✓", "+"),
    StepPhase.FAILED: ("✗", "x"),
    StepPhase.SKIPPED: ("–", "-"),
    StepPhase.CANCELLED: ("–", "-"),
}
"""By phase: the mark, and the one for terminals that know only ASCII."""

STYLES: Mapping[str, str] = {
    StepPhase.PENDING: "dim",
    StepPhase.WAITING: "yellow",
    StepPhase.BACKOFF: "yellow",
    StepPhase.STARTING: "cyan",
    StepPhase.RUNNING: "cyan",
    StepPhase.SUCCEEDED: "green",
    StepPhase.FAILED: "red",
    StepPhase.SKIPPED: "dim",
    StepPhase.CANCELLED: "dim",
}
"""By phase: how the step's line is painted."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step as it stands."""

    name: str
    phase: str
    took: str
    note: str
    cached: bool = False
    """Its output is that of an earlier run."""

    @property
    def word(self) -> str:
        """What people read of its phase."""
        return "Cached" if self.cached else self.phase

    def text(self, width: int, *, ascii_only: bool) -> str:
        """The row as one line; `width` is that of the longest name."""
        mark = MARKS.get(self.phase, ("·", "."))[1 if ascii_only else 0]
        return f"{mark} {self.name.ljust(width)}  {self.word.ljust(9)}  {self.took.ljust(6)}  {self.note}".rstrip()


def step_rows(run: WorkflowRun, spec: WorkflowSpec | None, now: datetime) -> tuple[StepRow, ...]:
    """All steps in the order of the Workflow; without its spec, in the order in which they started."""
    needs = {step.name: step.needs for step in (*spec.steps, *spec.finally_)} if spec else {}
    known = run.status.steps
    names = [*needs, *sorted((name for name in known if name not in needs), key=lambda name: _start(known[name], name))]
    return tuple(_row(name, known.get(name, _UNTOUCHED), needs.get(name, ()), run, now) for name in names)


def step_lines(rows: tuple[StepRow, ...], *, ascii_only: bool = False) -> tuple[str, ...]:
    """The rows with their columns aligned."""
    width = max((len(row.name) for row in rows), default=0)
    return tuple(row.text(width, ascii_only=ascii_only) for row in rows)


def change_line(row: StepRow) -> str:
    """One step's change, for output that is not redrawn."""
    took = f" after {row.took}" if row.took and StepPhase(row.phase).finished else ""
    note = f": {row.note}" if row.note else ""
    return f"{row.name} {row.word}{took}{note}"


def run_lines(shown: ShownRun, spec: WorkflowSpec | None, now: datetime, *, ascii_only: bool = False) -> Iterator[str]:
    """Everything about a run that a person looks for first."""
    run = shown.run
    status, meta = run.status, run.metadata
    yield f"Run        {meta.namespace}/{meta.name}"
    if run.spec.workflow is not None:
        revision = f" (revision {status.revision.name})" if status.revision else ""
        yield f"Workflow   {run.spec.workflow.name}{revision}"
    cached = f"  {status.cached} Cached" if status.cached else ""
    yield f"Phase      {status.phase}  {status.progress}{cached}".rstrip()
    if status.waiting_for:
        yield f"Waits for  {one_line(status.waiting_for)}"
    if run.spec.requested_by is not None:
        yield f"Asked by   {one_line(run.spec.requested_by.user)}"
    if status.started_at is not None:
        yield f"Started    {status.started_at:%Y-%m-%d %H:%M:%S} UTC, {age(status.started_at, now)} ago"
    if status.started_at is not None and status.finished_at is not None:
        yield f"Took       {precise(status.started_at, status.finished_at)}"
    if run.spec.context:
        yield "Context"
        yield from listing(run.spec.context, "  ")
    rows = step_rows(run, spec, now)
    if rows:
        yield "Steps"
        yield from (f"  {line}" for line in step_lines(rows, ascii_only=ascii_only))
    yield from ending_lines(shown)


def ending_lines(shown: ShownRun) -> Iterator[str]:
    """Output or error of a finished run."""
    status = shown.run.status
    if not RunPhase(status.phase).finished:
        return
    if status.error is not None:
        where = f" in step {status.error.step}" if status.error.step else ""
        yield f"Error      {harmless(status.error.code)}{where}: {one_line(status.error.reason)}"
        meaning = meaning_of(status.error.code)
        yield f"Next       {meaning.advice if meaning else f'penstock explain {run_id(shown.run)}'}"
    if status.output is not None:
        yield "Output"
        yield from listing(status.output, "  ")
    if shown.unread:
        yield one_line(shown.unread)


def precise(start: datetime, end: datetime) -> str:
    """A length of time for steps: `0.42s` below ten seconds, else as everywhere."""
    length = end - start
    seconds = max(0.0, length.total_seconds())
    return f"{seconds:.2f}s" if seconds < 10 else span(length)


def _row(name: str, step: StepStatus, needs: tuple[str, ...], run: WorkflowRun, now: datetime) -> StepRow:
    ended = step.finished_at or (now if StepPhase(step.phase).alive else None)
    took = precise(step.started_at, ended) if step.started_at and ended else ""
    waits = [need for need in needs if not StepPhase(run.status.steps.get(need, _UNTOUCHED).phase).finished]
    note = one_line(_note(step, waits, now), 200)
    return StepRow(harmless(name), step.phase, took, note, cached=step.cached is not None)


def _note(step: StepStatus, waits: list[str], now: datetime) -> str:
    reason = f"{step.error.code}: {step.error.reason}" if step.error else ""
    match StepPhase(step.phase):
        case StepPhase.PENDING:
            return f"after {', '.join(waits)}" if waits else ""
        case StepPhase.WAITING:
            return f"for approval {step.gate.name}" if step.gate else _until(step, now)
        case StepPhase.BACKOFF:
            again = f"; again in {span(step.retry_at - now)}" if step.retry_at else ""
            return f"attempt {step.attempt} failed: {reason}{again}"
        case StepPhase.SKIPPED:
            return reason or "its `when` is false"
        case StepPhase.FAILED:
            return reason
        case StepPhase.SUCCEEDED:
            return _how_it_succeeded(step, now)
        case _:
            attempt = f"attempt {step.attempt}" if step.attempt > 1 else ""
            return "  ".join(part for part in (attempt, step.message or "") if part)


def _how_it_succeeded(step: StepStatus, now: datetime) -> str:
    if step.cached is not None:
        return f"from run {step.cached.run}, {age(step.cached.finished_at, now)} ago"
    if step.items is not None:
        return items_line(step.items)
    return "taken over" if step.carried else _gate_note(step)


def _until(step: StepStatus, now: datetime) -> str:
    return f"until {step.until:%Y-%m-%d %H:%M:%S} UTC, in {span(step.until - now)}" if step.until else ""


def _gate_note(step: StepStatus) -> str:
    if step.gate is not None and step.gate.outcome:
        by = f" by {', '.join(step.gate.decided_by)}" if step.gate.decided_by else ""
        return f"{step.gate.outcome.lower()}{by}"
    return f"attempt {step.attempt}" if step.attempt > 1 else ""


def _start(step: StepStatus, name: str) -> tuple[bool, str, str]:
    return (step.started_at is None, step.started_at.isoformat() if step.started_at else "", name)


_UNTOUCHED = StepStatus(phase="Pending")
