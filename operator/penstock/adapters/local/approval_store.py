"""Gates in the database: what a cluster's admission checks of a vote is checked here.

There is one person, so who is listed does not matter: the person at this machine decides in everybody's place, also on
what he asked for himself, and the record says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from penstock.adapters.local.database import Database
from penstock.adapters.local.objects import ObjectTable, Place
from penstock.api.v1alpha1.approval import ApprovalRequest, ApprovalRequestSpec, ApprovalRequestStatus, Decision
from penstock.api.v1alpha1.gates import gate_fact, gate_request
from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import AskGate, SettleGate
from penstock.engine.facts import GateFact
from penstock.errors import AlreadyExists, Conflict, Forbidden, NotPossible
from penstock.ports.access import Actor, Caller, Key
from penstock.ports.engine import Clock

SELF_APPROVED = "selfApproved"
"""In the reason of a settled request: the requester himself decided."""


def approval_table(database: Database, clock: Clock, new_uid: Callable[[], str]) -> ObjectTable[ApprovalRequest]:
    """The ApprovalRequests of a database."""
    return ObjectTable(database, ApprovalRequest, _place, clock, new_uid)


def _place(request: ApprovalRequest) -> Place:
    run = request.spec.request.run
    return Place(run=run.name, run_uid=run.uid, finished=request.status.phase != "Pending")


class LocalApprovals:
    """Gates: looking at them and deciding."""

    def __init__(self, table: ObjectTable[ApprovalRequest], database: Database, caller: Caller, clock: Clock) -> None:
        self._table = table
        self._database = database
        self._caller = caller
        self._clock = clock

    async def get(self, key: Key) -> ApprovalRequest:
        """One ApprovalRequest. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None) -> tuple[ApprovalRequest, ...]:
        """The ApprovalRequests, oldest first; of all namespaces for None."""
        return self._table.list_readable("list_objects_oldest_first", namespace=namespace)

    async def decide(self, key: Key, decision: Decision) -> ApprovalRequest:
        """Append a decision. Raises Forbidden with the reason, NotFound, NotPossible when it is too late."""
        actor = await self._caller.whoami()
        with self._database.transaction():
            request = self._table.get(key)
            self._check_open(request)
            check_vote(request, decision, actor)
            vote = decision.model_copy(update={"client": actor.client})
            spec = request.spec.model_copy(update={"decisions": (*request.spec.decisions, vote)})
            return self._table.replace(request.model_copy(update={"spec": spec}), new_spec=True)

    def _check_open(self, request: ApprovalRequest) -> None:
        name = request.metadata.name
        if request.status.phase != "Pending":
            raise NotPossible(f"approval {name} is {request.status.phase} already")
        if self._clock.now() >= request.spec.request.expires_at:
            raise NotPossible(f"approval {name} has expired")


def check_vote(request: ApprovalRequest, decision: Decision, actor: Actor) -> None:
    """Raise Forbidden unless this person may cast this vote."""
    name = request.metadata.name
    if decision.by != actor.user:
        raise Forbidden(f"you are {actor.user}: `by` must be your own name, not {decision.by}")
    if decision.client not in ("", actor.client):
        raise Forbidden(f"you come through {actor.client}: `client` must say so, not {decision.client}")
    if decision.digest != request.spec.request.digest:
        raise Forbidden(f"approval {name} is about {request.spec.request.digest}, not {decision.digest}")
    if any(vote.by == decision.by for vote in request.spec.decisions):
        raise Forbidden(f"{decision.by} has decided on approval {name} already; a decision is final")
    if decision.verdict == "bypass":
        raise Forbidden("there is nobody to bypass in local mode; approve instead")


class LocalGates:
    """ApprovalRequests, as the engine needs them."""

    def __init__(self, table: ObjectTable[ApprovalRequest], database: Database, new_nonce: Callable[[], str]) -> None:
        self._table = table
        self._database = database
        self._new_nonce = new_nonce

    async def observe(self, run: WorkflowRun) -> Mapping[str, GateFact]:
        """The run's ApprovalRequests by name."""
        requests = self._table.list("list_objects_of_run", run_uid=run.metadata.uid)
        return {request.metadata.name: gate_fact(request) for request in requests}

    async def ask(self, run: WorkflowRun, command: AskGate) -> None:
        """Create the ApprovalRequest unless it is there. Raises Conflict where it is there for another run."""
        metadata = ObjectMeta(name=command.name, namespace=run.metadata.namespace)
        spec = ApprovalRequestSpec(request=gate_request(run, command, self._new_nonce()))
        try:
            self._table.insert(ApprovalRequest(metadata=metadata, spec=spec))
        except AlreadyExists:
            found = self._table.get(Key(metadata.namespace, metadata.name))
            if found.spec.request.run.uid != run.metadata.uid:
                raise Conflict(f"ApprovalRequest {command.name} is there and belongs to another run") from None

    async def settle(self, run: WorkflowRun, command: SettleGate) -> None:
        """Write how the ApprovalRequest ended into its status; harmless when it says so already or is gone."""
        with self._database.transaction():
            request = self._table.find(Key(run.metadata.namespace, command.name))
            if request is None or request.status.phase != "Pending":
                return
            reason = f"{command.reason} ({SELF_APPROVED})" if _self_approved(request, command) else command.reason
            status = ApprovalRequestStatus(phase=command.outcome, reason=reason)
            self._table.replace(request.model_copy(update={"status": status}))


def _self_approved(request: ApprovalRequest, command: SettleGate) -> bool:
    requester = request.spec.request.requested_by.user
    return command.outcome == "Approved" and any(
        vote.by == requester and vote.verdict == "approve" for vote in request.spec.decisions
    )
