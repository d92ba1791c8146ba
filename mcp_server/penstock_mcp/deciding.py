"""What must hold before a decision is passed on, and what is said after it.

The API server's guard decides for itself; this says the same earlier and in plainer words.
"""

from __future__ import annotations

import hashlib

from fastmcp.tools.base import ToolResult

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.engine.digests import APPROVAL_SCHEME
from penstock.engine.facts import Verdict
from penstock.errors import Forbidden, NotPossible
from penstock.ports.access import Access, Actor
from penstock_mcp.identity import is_machine
from penstock_mcp.text import shown
from penstock_mcp.views import answer, request_id

MAX_SUBJECT = 600_000
"""Characters that an answer can show at once; clients refuse a message beyond 1 MiB."""

_BY_A_PERSON = (
    "A person decides, in a client of their own: over stdio with their own kubeconfig, with `penstock approve` or "
    "`penstock reject`, or with kubectl."
)


async def require_person(identity: Actor | None, access: Access) -> None:
    """Raise Forbidden unless a person decides, through a client that is known."""
    actor = identity if identity is not None else await access.caller.whoami()
    if is_machine(actor):
        raise Forbidden("ServiceAccounts and API keys may not decide on gates", hint=_BY_A_PERSON)
    if identity is not None and not identity.client:
        # Without it nobody could tell that the client which asked for the run is not the one that decides.
        raise Forbidden("the token does not prove which client this call comes through", hint=_BY_A_PERSON)


def require_showable(request: ApprovalRequest) -> None:
    """Raise NotPossible unless all that the gate binds can be shown, and is what its digest says."""
    question = request.spec.request
    if len(shown(question.subject)) > MAX_SUBJECT:
        raise NotPossible(
            "what this gate is about is too long to be shown here, and nobody should decide on less",
            hint=f"See all of it with `penstock get approval {request_id(request)} -o yaml`, and decide there.",
        )
    content = f"{APPROVAL_SCHEME}\n{question.subject}".encode()
    if question.digest != "sha256:" + hashlib.sha256(content).hexdigest():
        raise NotPossible(
            "the digest of this gate is not that of the content it shows",
            hint="Do not decide on it; tell who runs the cluster.",
        )


def decided(request: ApprovalRequest, verdict: Verdict) -> ToolResult:
    """The answer after a decision: what exactly was decided on, and what to do next."""
    question = request.spec.request
    run = f"{request.metadata.namespace}/{question.run.name}"
    word = "Approved" if verdict is Verdict.APPROVE else "Rejected"
    output = {
        "request_id": request_id(request),
        "verdict": verdict.value,
        "step": question.step,
        "digest": question.digest,
        "phase": request.status.phase,
    }
    said = f"{word}: step {question.step} of run {run}, content {question.digest}. Use wait_for_run to see it go on."
    return answer({"status": "success", "output": output, "run": run}, said)
