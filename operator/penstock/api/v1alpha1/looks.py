"""Runs by which the operator looks at a Connection, and what a Connection's status says of what one found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from penstock.api.v1alpha1.calls import DiscoverStep
from penstock.api.v1alpha1.connection import MAX_NAMES, Connection, ConnectionStatus
from penstock.api.v1alpha1.meta import Condition, ObjectMeta, OwnerReference
from penstock.api.v1alpha1.retention import Retention
from penstock.api.v1alpha1.run import ErrorStatus, RequestedBy, WorkflowRun, WorkflowRunSpec
from penstock.api.v1alpha1.workflow import Step, Tool, WorkflowSpec
from penstock.engine.digests import DISCOVERY_SCHEME, digest
from penstock.engine.failures import FailureCode
from penstock.engine.identifiers import look_name

LOOK_LABEL = "penstock.dev/look"
"""Label of a run: the Connection that it looks at. Only the operator may set it."""
LOOKER = "system:penstock:connections"
"""Who asks for such a run. Admission lets nobody else take this name."""
_ANSWERED = (FailureCode.ANSWER_UNEXPECTED,)
_SILENT = (FailureCode.CALL_FAILED, FailureCode.TIMED_OUT)
_Verdict = tuple[str, Literal["True", "False", "Unknown"], str, str]
"""Type, status, reason and message of a condition."""
_NOT_ASKED: _Verdict = ("Reachable", "Unknown", "NotAsked", "Its document is kept here, so nobody asked it.")
_LONGEST = 128
"""Characters of a name that are kept."""


def look_run(connection: Connection) -> WorkflowRun:
    """The run that looks at a Connection next: its name follows from the last look, so there is one of it."""
    meta, status = connection.metadata, connection.status
    owner = OwnerReference(
        api_version=connection.api_version, kind=connection.kind, name=meta.name, uid=meta.uid, controller=False
    )
    return WorkflowRun(
        metadata=ObjectMeta(
            name=look_name(meta.name, meta.uid, meta.generation, status.last_run or ""),
            namespace=meta.namespace,
            labels={LOOK_LABEL: meta.name},
            owner_references=(owner,),
        ),
        spec=WorkflowRunSpec(inline=_definition(meta.name), requested_by=RequestedBy(user=LOOKER)),
    )


def is_look(run: WorkflowRun, wanted: WorkflowRun) -> bool:
    """The run is the look that was to be made, whatever others call theirs."""
    return run.spec == wanted.spec and run.metadata.labels.get(LOOK_LABEL) == wanted.metadata.labels[LOOK_LABEL]


def found_status(connection: Connection, run: WorkflowRun, output: Any, now: datetime) -> ConnectionStatus:
    """What is to be said of a Connection after a look that has ended."""
    if run.status.error is None and isinstance(output, Mapping):
        resources = [each for each in output.get("resources", ()) if isinstance(each, Mapping)]
        names = tuple(str(each.get("name", ""))[:_LONGEST] for each in resources[:MAX_NAMES])
        more = "" if output.get("complete", True) else " or more"
        asked = connection.spec.document is None
        verdict: tuple[_Verdict, ...] = (
            ("Reachable", "True", "Answered", "It answers.") if asked else _NOT_ASKED,
            ("Discovered", "True", "Described", f"It offers {len(resources)}{more} resources."),
        )
        return _status(
            connection,
            run,
            verdict,
            now,
            reachable=True if asked else None,
            resources=len(resources),
            names=names,
            digest=digest(DISCOVERY_SCHEME, output),
        )
    return _unsuccessful(connection, run, now)


def untrusted_status(connection: Connection, run: WorkflowRun, now: datetime) -> ConnectionStatus:
    """What is to be said where somebody else's run has the name of the look."""
    message = f"Run {run.metadata.name} is not the operator's, and has the name of its look. It looks again later."
    return _status(connection, run, (("Reachable", "Unknown", "NameTaken", message),), now)


def _unsuccessful(connection: Connection, run: WorkflowRun, now: datetime) -> ConnectionStatus:
    error = run.status.error or ErrorStatus(code="UNKNOWN", reason=f"The look ended as {run.status.phase}.")
    step = next((each.error for each in run.status.steps.values() if each.error is not None), None) or error
    reason = "".join(word.capitalize() for word in step.code.split("_"))
    if step.code in _ANSWERED:
        answers: tuple[_Verdict, ...] = (
            ("Reachable", "True", "Answered", "It answers."),
            ("Discovered", "False", reason, step.reason),
        )
        return _status(connection, run, answers, now, reachable=True)
    if step.code in _SILENT:
        silent: tuple[_Verdict, ...] = (("Reachable", "False", reason, step.reason),)
        return _status(connection, run, silent, now, reachable=False)
    unknown: tuple[_Verdict, ...] = (("Reachable", "Unknown", reason, step.reason),)
    return _status(connection, run, unknown, now)


def _status(
    connection: Connection, run: WorkflowRun, verdicts: tuple[_Verdict, ...], now: datetime, **found: Any
) -> ConnectionStatus:
    return ConnectionStatus(
        observed_generation=connection.metadata.generation,
        checked_at=now,
        last_run=run.metadata.name,
        conditions=tuple(_conditions(connection, verdicts, now)),
        **found,
    )


def _conditions(connection: Connection, verdicts: tuple[_Verdict, ...], now: datetime) -> Iterator[Condition]:
    before = {each.type: each for each in connection.status.conditions}
    for kind, status, reason, message in verdicts:
        known = before.get(kind)
        yield Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message[:4096],
            last_transition_time=known.last_transition_time if known and known.status == status else now,
            observed_generation=connection.metadata.generation,
        )


def _definition(connection: str) -> WorkflowSpec:
    step = Step(name="look", timeout="2m", discover=DiscoverStep(connection=connection))
    return WorkflowSpec(
        description="The operator looks at what a Connection offers.",
        tool=Tool(enabled=False),
        timeout="10m",
        retention=Retention(succeeded="10m", failed="10m"),
        steps=(step,),
    )
