"""Tools for gates: see what waits and exactly what it is about, decide. The guard is the API, not these."""

from __future__ import annotations

from typing import Annotated

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from penstock.engine.facts import Verdict
from penstock_mcp.asking import Word, word_of_person
from penstock_mcp.calls import READS, Callers, fixed_tool
from penstock_mcp.deciding import Decider, require_showable
from penstock_mcp.tools.runs import Namespace
from penstock_mcp.views import (
    APPROVAL_SCHEMA,
    APPROVALS_SCHEMA,
    DECISION_SCHEMA,
    answer,
    answer_with_subject,
    approval_details,
    approval_line,
)

RequestId = Annotated[str, Field(description="The request: namespace/name, as list_pending_approvals gives it.")]
Comment = Annotated[str, Field(max_length=4096, description="Why, in the words of the person who decides.")]

_DECIDES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False)


class ApprovalTools:
    """The tools for gates."""

    def __init__(self, callers: Callers, decider: Decider) -> None:
        self._callers = callers
        self._decider = decider

    def all(self) -> list[Tool]:
        """The tools, ready to be added to a server."""
        return [
            fixed_tool(self.list_pending_approvals, "List gates that wait", READS, APPROVALS_SCHEMA),
            fixed_tool(self.get_approval, "Look at a gate", READS, APPROVAL_SCHEMA),
            fixed_tool(self.approve_workflow, "Approve a gate", _DECIDES, DECISION_SCHEMA),
            fixed_tool(self.reject_workflow, "Reject a gate", _DECIDES, DECISION_SCHEMA),
        ]

    async def list_pending_approvals(self, namespace: Namespace = "") -> ToolResult:
        """List the gates that wait for people, the oldest first.

        Use it when a run answers `waiting`, or when a person asks what there is to decide. Gives for each its
        `request_id`, run, step, message, who asked, who may decide and until when. Next: get_approval before anybody
        decides.
        """
        requests = await self._callers.access().approvals.list(self._callers.scope(namespace))
        lines = [approval_line(request) for request in requests if request.status.phase == "Pending"]
        return answer({"status": "success", "output": {"approvals": lines}}, f"{len(lines)} gates wait for people.")

    async def get_approval(self, request_id: RequestId) -> ToolResult:
        """Look at a gate: who may decide, and exactly what will run, complete.

        Use it before a person decides, and show them `subject` as it is: their decision binds these bytes by their
        digest. Next: approve_workflow or reject_workflow, on that person's word only.
        """
        request = await self._callers.access().approvals.get(self._callers.key(request_id))
        require_showable(request)
        signing = await self._decider.signing(request)
        return answer_with_subject({**approval_details(request), **({"signing": signing} if signing else {})})

    async def approve_workflow(self, request_id: RequestId, comment: Comment = "") -> ToolResult:
        """Approve a gate for the person whose identity this call carries, on that person's word only.

        Use it only when that person said so after seeing get_approval. Whoever asked for the run may not, nor may the
        client that asked for it, nor a ServiceAccount. A decision is final. Next: wait_for_run to see the run go on.
        """
        return await self._decide(Verdict.APPROVE, request_id, comment)

    async def reject_workflow(self, request_id: RequestId, reason: Comment) -> ToolResult:
        """Reject a gate for the person whose identity this call carries, on that person's word only. Ends the step.

        Use it only when that person said so, with their reason: the requester and the audit will read it. One rejection
        is enough, and it is final. Next: get_run shows how the run ends.
        """
        return await self._decide(Verdict.REJECT, request_id, reason)

    async def _decide(self, verdict: Verdict, request_id: str, comment: str) -> ToolResult:
        request = await self._decider.decidable(self._callers.key(request_id))
        word = Word(verdict, comment)
        if not self._callers.access().local:
            asked = await word_of_person(request, word)
            if isinstance(asked, ToolResult):
                return asked
            word = asked
        return await self._decider.decide(request, word.verdict, word.comment)
