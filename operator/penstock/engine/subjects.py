"""What exactly runs, as one JSON value: shown to approvers, hashed for gates and attempts, handed to runners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock.engine.digests import APPROVAL_SCHEME, ATTEMPT_SCHEME, CACHE_SCHEME, digest
from penstock.engine.draft import Draft
from penstock.engine.fan_out import Path
from penstock.engine.indices import Indices
from penstock.engine.model import AttemptId, StepKind, StepPlan
from penstock.engine.scope import run_view, step_outputs


def input_document(draft: Draft, step: StepPlan, attempt: int) -> Mapping[str, Any]:
    """The input document of an attempt, less the program and what the runner adds."""
    run = draft.facts.run
    return {
        "context": dict(run.context),
        "steps": step_outputs(draft.plan, draft.state, step),
        "item": None,
        "run": run_view(draft.plan, draft.state, run, step),
        "step": step.name,
        "attempt": attempt,
        "idempotencyKey": f"{run.uid}/{step.name}/{attempt}",
    }


class ItemSubjects:
    """What the attempts of one fanned-out step's batches run. What they share is hashed once, not for each of them.

    `program` is what the items have in common.
    """

    def __init__(self, draft: Draft, step: StepPlan, items: Sequence[Any], program: Mapping[str, Any]) -> None:
        assert step.fan_out is not None
        self._run = draft.facts.run
        self._step = step
        self._items = items
        document = dict(input_document(draft, step, 0))
        del document["item"], document["attempt"], document["idempotencyKey"]
        self._shared = _without_lists(document, step.fan_out.sources)
        self._shared_digest = digest(ATTEMPT_SCHEME, {"program": dict(program), "document": self._shared})

    def document(self, at: AttemptId, chosen: Indices) -> Mapping[str, Any]:
        """The input document of an attempt of a batch: as that of a single attempt, with `items` in place of `item`."""
        return {
            **self._shared,
            "items": [{"index": index, "value": self._items[index]} for index in chosen],
            "attempt": at.attempt,
            "idempotencyKey": f"{self._run.uid}/{at.step}/{at.attempt}",
        }

    def digest(self, at: AttemptId, chosen: Indices, program: Mapping[str, Any]) -> str:
        """attemptDigest: over the program, the document and whose attempt it is."""
        assert self._step.fan_out is not None
        items = [[index, self._items[index]] for index in chosen]
        subject: dict[str, Any] = {
            "runUID": self._run.uid,
            "shared": self._shared_digest,
            "batch": at.batch,
            "attempt": at.attempt,
            "items": items,
        }
        if own := {field: program[field] for field in self._step.fan_out.templates}:
            subject["own"] = own
        return digest(ATTEMPT_SCHEME, subject)


def _without_lists(document: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """The document less the lists at these paths: each pod gets its own items of them, not all of all of them."""
    shared = dict(document)
    for path in paths:
        holder: Any = shared
        for key in path[:-1]:
            inner = holder.get(key) if isinstance(holder, dict) and isinstance(key, str) else None
            if not isinstance(inner, Mapping):
                break
            # Copied on the way down, for the rest belongs to others.
            holder[key] = dict(inner)
            holder = holder[key]
        else:
            if isinstance(holder.get(path[-1]), list | tuple):
                del holder[path[-1]]
    return shared


def attempt_digest(draft: Draft, step: StepPlan, attempt: int, program: Mapping[str, Any]) -> str:
    """attemptDigest: over the program, its input and whose attempt it is."""
    return digest(
        ATTEMPT_SCHEME,
        {
            "runUID": draft.facts.run.uid,
            "program": dict(program),
            "document": input_document(draft, step, attempt),
        },
    )


_OF_THE_RUN = ("run", "attempt", "idempotencyKey")
"""What an input document says of the run and the attempt: differs in each run, whatever the step is given."""


def cache_digest(draft: Draft, step: StepPlan, program: Mapping[str, Any], key: Any) -> str:
    """cacheDigest: over the step's program, all that it is given of the run's data, and the key.

    A container is given nothing but its program, in which arguments and variables are filled in.
    """
    document = dict(input_document(draft, step, 1)) if step.kind is not StepKind.CONTAINER else {"step": step.name}
    for name in _OF_THE_RUN:
        document.pop(name, None)
    return digest(CACHE_SCHEME, {"program": dict(program), "document": document, "key": key})


def gate_subject(draft: Draft, step: StepPlan, attempt: int, program: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a gate binds: for `requiresApproval` its step's program and input, for an `approval` step all that is fixed.

    The attempt number is left out unless every attempt is to be decided on, so a retry of unchanged content needs
    no new vote.
    """
    run, gate = draft.facts.run, step.gate
    assert gate is not None
    subject: dict[str, Any] = {
        "namespace": run.namespace,
        "run": run.name,
        "runUID": run.uid,
        "step": step.name,
        "revision": draft.plan.digest,
        "requestedBy": {"user": run.user, "client": run.client},
        "approvers": {"users": list(gate.users), "groups": list(gate.groups)},
        "quorum": gate.quorum,
        "context": dict(run.context),
        "steps": step_outputs(draft.plan, draft.state, step),
    }
    if step.kind.has_program:
        subject["program"] = dict(program)
    items = draft.step(step.name).items
    if items is not None:
        subject["items"] = {"total": items.total, "digest": items.digest}
    if gate.each_attempt:
        subject["attempt"] = attempt
    return subject


def approval_digest(subject: Mapping[str, Any]) -> str:
    """approvalDigest: what a vote says yes to."""
    return digest(APPROVAL_SCHEME, dict(subject))
