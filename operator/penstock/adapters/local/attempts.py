"""Attempts in the database: the fence before the start, the outcome after the end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from penstock.adapters.local.database import Database, Row
from penstock.api.v1alpha1.awaited import awaited
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StartAttempt
from penstock.engine.facts import AttemptFact, AttemptPhase, ItemResult
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId, Failure
from penstock.ports.access import Key


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended."""

    phase: AttemptPhase
    output: Any = None
    failure: Failure | None = None
    items: tuple[ItemResult, ...] = ()
    items_begun: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt, as it is written down."""

    namespace: str
    name: str
    uid: str
    run: str
    run_uid: str
    id: AttemptId
    digest: str
    nonce: str
    outcome: Outcome | None = None
    """None while it has not ended, as far as anybody saw."""

    @property
    def key(self) -> Key:
        """Of the attempt."""
        return Key(self.namespace, self.name)

    @property
    def run_key(self) -> Key:
        """Of its run."""
        return Key(self.namespace, self.run)

    def fact(self, phase: AttemptPhase, message: str | None = None, items: tuple[ItemResult, ...] = ()) -> AttemptFact:
        """What the engine is told of the attempt while it is alive."""
        return AttemptFact(phase, self.digest, self.uid, message=message, items=items)

    def ended(self, outcome: Outcome) -> AttemptFact:
        """What the engine is told of the attempt once it has ended."""
        return AttemptFact(
            outcome.phase,
            self.digest,
            self.uid,
            output=outcome.output,
            failure=outcome.failure,
            items=outcome.items,
            items_begun=outcome.items_begun,
        )


class AttemptTable:
    """The attempts of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fence(self, run: WorkflowRun, command: StartAttempt, uid: str, nonce: str) -> AttemptRecord:
        """Write the attempt down unless one of its name is there; the one that is there."""
        key = Key(run.metadata.namespace, command.name)
        with self._database.transaction():
            self._database.row(
                "insert_attempt",
                namespace=key.namespace,
                name=key.name,
                uid=uid,
                run=run.metadata.name,
                run_uid=run.metadata.uid,
                step=command.id.step,
                attempt=command.id.attempt,
                batch=command.id.batch,
                digest=command.digest,
                nonce=nonce,
            )
            record = self.find(key)
        assert record is not None
        return record

    def find(self, key: Key) -> AttemptRecord | None:
        """One attempt by its name."""
        row = self._database.row("find_attempt", namespace=key.namespace, name=key.name)
        return _record(row) if row else None

    def find_of_run(self, run_uid: str, at: AttemptId) -> AttemptRecord | None:
        """One attempt of a run."""
        row = self._database.row("find_attempt_of_run", run_uid=run_uid, **at._asdict())
        return _record(row) if row else None

    def of_run(self, run: WorkflowRun) -> tuple[AttemptRecord, ...]:
        """The attempts of a run, less those of batches that it has taken the results of."""
        meta = run.metadata
        names = [attempt_name(meta.name, meta.uid, *at) for at in awaited(run.status) if at.batch is not None]
        rows = self._database.rows(
            "list_attempts_of_run", run_uid=meta.uid, namespace=meta.namespace, awaited=json.dumps(names)
        )
        return tuple(_record(row) for row in rows)

    def end(self, key: Key, outcome: Outcome) -> None:
        """Write down how an attempt ended; the first word counts."""
        fields: dict[str, Any] = {"phase": str(outcome.phase)}
        if outcome.output is not None:
            fields["output"] = outcome.output
        if outcome.failure is not None:
            fields["failure"] = _written(outcome.failure)
        if outcome.items or outcome.items_begun is not None:
            fields["items"] = [
                [each.index, each.output, _written(each.failure) if each.failure else None] for each in outcome.items
            ]
            fields["begun"] = outcome.items_begun
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        with self._database.transaction():
            self._database.rows("end_attempt", namespace=key.namespace, name=key.name, outcome=text)


def _record(row: Row) -> AttemptRecord:
    namespace, name, uid, run, run_uid, step, attempt, batch, digest, nonce, written = row
    outcome = _outcome(json.loads(written)) if written else None
    return AttemptRecord(namespace, name, uid, run, run_uid, AttemptId(step, attempt, batch), digest, nonce, outcome)


def _written(failure: Failure) -> list[str | None]:
    return [failure.code, failure.reason, failure.step]


def _outcome(fields: dict[str, Any]) -> Outcome:
    failure = fields.get("failure")
    items = tuple(
        ItemResult(index, output, Failure(*why) if why else None) for index, output, why in fields.get("items", ())
    )
    return Outcome(
        AttemptPhase(fields["phase"]),
        fields.get("output"),
        Failure(*failure) if failure else None,
        items,
        fields.get("begun"),
    )
