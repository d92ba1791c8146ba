"""Gates: asked once, settled once, opened by people only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.engine.commands import AskGate, SettleGate
from penstock.engine.draft import Draft
from penstock.engine.facts import Decision, GateFact, Verdict
from penstock.engine.failures import FailureCode
from penstock.engine.identifiers import gate_name
from penstock.engine.model import Failure, Gate, GateState, Origin, StepPhase, StepPlan
from penstock.engine.programs import program_of
from penstock.engine.rules.retries import fail_step
from penstock.engine.subjects import approval_digest, gate_subject

_CHANGED = "what would run changed after the request"
_CODES = {"Rejected": FailureCode.REJECTED, "Expired": FailureCode.APPROVAL_EXPIRED}


@dataclass(frozen=True, slots=True)
class _Matter:
    """What people are asked about."""

    step: StepPlan
    attempt: int
    subject: Mapping[str, Any]
    digest: str
    """approvalDigest."""

    @property
    def gate(self) -> Gate:
        assert self.step.gate is not None
        return self.step.gate


def open_gate(draft: Draft, step: StepPlan, attempt: int) -> Draft:
    """The draft with the step's gate asked or settled.

    A gate that was opened stays open for further attempts of the same content; a changed content supersedes it.
    """
    program = program_of(draft, step)
    if program.failure is not None:
        return fail_step(draft, step, program.failure)
    if program.content is None:
        return program.draft
    image = program.content.get("image")
    if image is not None and "@sha256:" not in image:
        reason = f"image {image} is not pinned by digest, so nobody can say what an approval would allow"
        return fail_step(draft, step, Failure(FailureCode.IMAGE_NOT_PINNED, reason, step.name))
    subject = gate_subject(draft, step, attempt, program.content)
    matter = _Matter(step, attempt, subject, approval_digest(subject))
    state = draft.step(step.name).gate
    if state is not None and state.digest != matter.digest:
        if state.outcome is None:
            draft = draft.emit(SettleGate(state.name, "Superseded", _CHANGED))
        return _ask(draft, matter, state.round + 1)
    if state is None:
        return _ask(draft, matter, 1)
    if state.outcome is not None:
        return draft
    return _settle(draft, matter, state)


def _ask(draft: Draft, matter: _Matter, asked: int) -> Draft:
    name = matter.step.name
    state = GateState(
        name=_gate_name(draft, name, asked),
        round=asked,
        digest=matter.digest,
        expires_at=draft.now + matter.gate.expires_after,
    )
    return _settle(draft.with_step(name, phase=StepPhase.WAITING, gate=state), matter, state)


def _settle(draft: Draft, matter: _Matter, state: GateState) -> Draft:
    fact = draft.facts.gates.get(state.name)
    if draft.now >= state.expires_at:
        return _close(draft, matter.step, state, "Expired", ())
    if fact is None or fact.digest != state.digest:
        return _emit_request(draft, matter, state)
    outcome, people = judge(matter.gate, fact, draft.facts.run, self_approval=draft.facts.self_approval)
    if outcome is None:
        return draft.wake(state.expires_at)
    return _close(draft, matter.step, state, outcome, people)


def _emit_request(draft: Draft, matter: _Matter, state: GateState) -> Draft:
    """(Again) ask for the ApprovalRequest to exist; its message is evaluated first."""
    step, message = matter.step, matter.gate.message
    if "{{" in message:
        value = draft.value(step.name, "message")
        if value is None:
            return draft.ask(step, "message", message, template=True).wake(state.expires_at)
        if value.error is not None:
            return fail_step(draft, step, Failure(FailureCode.EXPRESSION_ERROR, f"message: {value.error}", step.name))
        message = str(value.value)
    request = AskGate(
        step=step.name,
        attempt=matter.attempt,
        name=state.name,
        digest=state.digest,
        gate=matter.gate,
        message=message,
        expires_at=state.expires_at,
        subject=matter.subject,
    )
    return draft.emit(request).wake(state.expires_at)


def _close(draft: Draft, step: StepPlan, state: GateState, outcome: str, people: tuple[str, ...]) -> Draft:
    reason = _because(people)
    draft = draft.emit(SettleGate(state.name, outcome, reason))
    closed = GateState(state.name, state.round, state.digest, state.expires_at, outcome, people)
    draft = draft.with_step(step.name, gate=closed)
    if outcome in _CODES:
        text = f"approval {state.name} was {outcome.lower()}: {reason}"
        return fail_step(draft, step, Failure(_CODES[outcome], text, step.name))
    return draft


def settle_requests(draft: Draft) -> Draft:
    """Every ApprovalRequest that is open though its step is past its gate is (again) told how it ended.

    So nobody is asked about a step that a cancelled or overdue run will not take any more, and a death between the
    write of the run and that of the request leaves no request open for good.
    """
    told = {command.name for command in draft.commands if isinstance(command, SettleGate)}
    for name, step in draft.state.steps.items():
        gate = step.gate
        if gate is None:
            continue
        for earlier in range(1, gate.round):
            draft = _tell(draft, _gate_name(draft, name, earlier), "Superseded", _CHANGED, told)
        if gate.outcome is not None:
            draft = _tell(draft, gate.name, gate.outcome, _because(gate.decided_by), told)
        elif step.phase.finished:
            draft = _tell(draft, gate.name, "Superseded", "the run ended the step before anybody decided", told)
    return draft


def _tell(draft: Draft, name: str, outcome: str, reason: str, told: set[str]) -> Draft:
    fact = draft.facts.gates.get(name)
    if fact is None or not fact.open or name in told:
        return draft
    return draft.emit(SettleGate(name, outcome, reason))


def _gate_name(draft: Draft, step: str, asked: int) -> str:
    run = draft.facts.run
    return gate_name(run.name, run.uid, step, asked)


def _because(people: tuple[str, ...]) -> str:
    return f"by {', '.join(people)}" if people else "nobody decided in time"


def judge(gate: Gate, fact: GateFact, run: Origin, *, self_approval: bool) -> tuple[str | None, tuple[str, ...]]:
    """How the votes stand: an outcome (None while it is open) and the people who brought it about.

    One reject rejects, one bypass (admission allows it to few, with a reason) opens, `quorum` distinct people approve.
    Where the requester may decide there is only one person, who stands for the whole quorum.
    """
    votes: dict[str, Decision] = {}
    for vote in fact.decisions:
        if _counts(vote, gate, fact, run, self_approval=self_approval):
            votes.setdefault(vote.by, vote)
    rejects = tuple(by for by, vote in votes.items() if vote.verdict is Verdict.REJECT)
    if rejects:
        return "Rejected", rejects
    bypasses = tuple(by for by, vote in votes.items() if vote.verdict is Verdict.BYPASS)
    if bypasses:
        return "Bypassed", bypasses
    approvals = tuple(votes)
    needed = 1 if self_approval else gate.quorum
    return ("Approved", approvals) if len(approvals) >= needed else (None, approvals)


def _counts(vote: Decision, gate: Gate, fact: GateFact, run: Origin, *, self_approval: bool) -> bool:
    """Admission has checked the same and the voter's groups; here the rules hold even without it."""
    if vote.digest != fact.digest:
        return False
    if self_approval:
        return True
    own = vote.by == run.user or (run.client != "" and vote.client == run.client)
    listed = vote.by in gate.users or bool(gate.groups) or vote.verdict is Verdict.BYPASS
    return not own and listed
