"""Gates that wait, as questions to the very person whose client asks about a run.

Only whoever may decide is asked: a person, named by the gate, who did not ask for the run, through another client than
the one that did; in local mode the one person there is. The API server's guard has the last word all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mcp_types import ElicitRequest, ElicitResult

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.errors import PenstockError
from penstock.ports.access import Access, Actor
from penstock_mcp.asking import ask, question_name, word_in
from penstock_mcp.calls import Callers
from penstock_mcp.deciding import Decider, require_not_asking, require_person, require_showable
from penstock_mcp.following import open_requests


class Questions(Protocol):
    """What a run asks of the client that looks at it."""

    async def pending(self, access: Access, run: WorkflowRun) -> Mapping[str, ElicitRequest]:
        """The questions that this caller may answer and has not, by a name that never means another one."""

    async def answer(self, access: Access, run: WorkflowRun, answers: Mapping[str, Any]) -> None:
        """Take the answers to pending questions; others are left alone. Raises InvalidInput, Forbidden."""


class GateQuestions:
    """The gates that a run waits at."""

    def __init__(self, callers: Callers, decider: Decider) -> None:
        self._callers = callers
        self._decider = decider

    async def pending(self, access: Access, run: WorkflowRun) -> Mapping[str, ElicitRequest]:
        """One question for each gate that this caller may open."""
        return {question_name(request): ask(request) for request in await self._askable(access, run)}

    async def answer(self, access: Access, run: WorkflowRun, answers: Mapping[str, Any]) -> None:
        """Vote as the person said; a form that was declined or closed is no vote."""
        for request in await self._askable(access, run):
            given = answers.get(question_name(request))
            if isinstance(given, Mapping) and given.get("action") == "accept":
                word = word_in(ElicitResult.model_validate(given))
                await self._decider.decide(request, word.verdict, word.comment)

    async def _askable(self, access: Access, run: WorkflowRun) -> list[ApprovalRequest]:
        requests = await open_requests(access, run)
        if not requests:
            return []
        identity = self._callers.identity()
        actor = identity or await access.caller.whoami()
        try:
            await require_person(self._callers, identity, access)
        except PenstockError:
            return []
        return [request for request in requests if _may_ask(request, actor, local=access.local)]


def _may_ask(request: ApprovalRequest, actor: Actor, *, local: bool) -> bool:
    voted = any(vote.by == actor.user for vote in request.spec.decisions)
    if request.status.phase != "Pending" or voted:
        return False
    try:
        require_showable(request)
        if not local:
            require_not_asking(request, actor)
    except PenstockError:
        return False
    approvers = request.spec.request.approvers
    return local or actor.user in approvers.users or not set(actor.groups).isdisjoint(approvers.groups)
