"""What happened in one play: every change that the API server made, and what its programs came to. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

BEGAN = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
"""The server's time when a play in memory begins."""
RUN = "penstock.dev/run"
_STEP = "penstock.dev/step"
_ATTEMPT = "penstock.dev/attempt"
_BATCH = "penstock.dev/batch"
_DIGEST = "penstock.dev/digest"
_DOCUMENT = "penstock.dev/document"

LATE = "late "
"""What the name of a writer begins with whose request was long under way: he may have given it up meanwhile."""
FINISHED = ("Succeeded", "Failed", "Cancelled", "TimedOut")
"""Phases that a run ends in."""
STEP_ENDS = ("Succeeded", "Failed", "Skipped", "Cancelled")
"""Phases that a step ends in."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write that the server carried out."""

    at: float
    """Seconds since the play began, by the server's clock."""
    who: str
    kind: str
    """ADDED, MODIFIED or DELETED."""
    plural: str
    object: Json
    """As it is from here on; of what was deleted, as it was last."""

    @property
    def uid(self) -> str:
        """Of the object."""
        return str(self.object["metadata"]["uid"])


@dataclass(frozen=True, slots=True)
class Program:
    """What the program of one pod came to, as its node knows."""

    job: str
    """UID of the Job."""
    recorded: bool
    """It ended by itself and left its record where the operator can read it."""
    output: Any = None
    code: str = ""
    """Of its failure; empty where it succeeded."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote that the server accepted."""

    request: str
    """UID of the ApprovalRequest."""
    by: str
    verdict: str


@dataclass(slots=True)
class History:
    """Everything, in its order."""

    changes: list[Change] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    calm: bool = True
    """At its end nothing was faulty any more and everybody had had time."""
    began: datetime = BEGAN
    """The server's time when it begins."""

    def steps_of(self, plural: str) -> Iterator[tuple[Json | None, Change]]:
        """Each change of a kind with what the object was before; None for what is new."""
        before: dict[str, Json] = {}
        for change in self.changes:
            if change.plural == plural:
                yield before.get(change.uid), change
                before[change.uid] = change.object

    def last(self, plural: str | None = None) -> list[tuple[str, Json]]:
        """The objects that are left at the end, with their kinds."""
        left: dict[str, tuple[str, Json]] = {}
        for change in self.changes:
            if change.kind == "DELETED":
                left.pop(change.uid, None)
            else:
                left[change.uid] = change.plural, change.object
        return [found for found in left.values() if plural in (None, found[0])]

    def deleted(self) -> set[str]:
        """UIDs of what was deleted."""
        return {change.uid for change in self.changes if change.kind == "DELETED"}


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt, as its Job or the run of its own says it."""

    run: str
    """UID of the run."""
    step: str
    attempt: int
    batch: int | None
    digest: str

    def __str__(self) -> str:
        batch = "" if self.batch is None else f", batch {self.batch}"
        return f"attempt {self.attempt} of step {self.step}{batch} in run {self.run}"


def started(plural: str, found: Json) -> Started | None:
    """The attempt that a Job, a pod or a run of its own is; None where it is none of ours."""
    if plural == "workflowruns":
        parent = found["spec"].get("parent")
        if not parent:
            return None
        return Started(parent["uid"], parent["step"], parent["attempt"], parent.get("batch"), parent["digest"])
    notes = found["metadata"].get("annotations") or {}
    if plural not in ("jobs", "pods") or _STEP not in notes:
        return None
    batch = int(notes[_BATCH]) if _BATCH in notes else None
    return Started(owner(found), notes[_STEP], int(notes[_ATTEMPT]), batch, notes[_DIGEST])


def owner(found: Json) -> str:
    """UID of the object that controls this one; empty where none does."""
    for each in found["metadata"].get("ownerReferences", ()):
        if each.get("controller"):
            return str(each["uid"])
    return ""


def document(pod: Json) -> Mapping[str, Any] | None:
    """The input document of a pod, where it travels in an annotation."""
    text = (pod["metadata"].get("annotations") or {}).get(_DOCUMENT)
    found: Mapping[str, Any] | None = json.loads(text) if text else None
    return found
