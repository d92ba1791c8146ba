"""Asking the person in the chat, where their client can ask, so that no model speaks for them.

Both protocol eras: 2026-07-28 answers with what is asked and gets the call once more with the answer; before that the
question is a request of its own, which needs a connection (stdio). Elsewhere the tool's own arguments are the word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastmcp.server.dependencies import get_context
from fastmcp.tools.base import InputRequiredToolResult
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.engine.facts import Verdict
from penstock.errors import InvalidInput, NotPossible
from penstock_mcp.text import clean, shown
from penstock_mcp.views import request_id

MAX_SHOWN = 4096
"""Characters of content that a question in a chat shows; what is longer is never shown in part."""
MAX_COMMENT = 4096
_DECISION: Final = "decision"
_FORM: dict[str, Any] = {
    "type": "object",
    "required": [_DECISION],
    "properties": {
        _DECISION: {
            "type": "string",
            "title": "Your decision",
            "enum": [Verdict.APPROVE.value, Verdict.REJECT.value],
        },
        "comment": {
            "type": "string",
            "title": "Why",
            "description": "For the record; needed to reject.",
            "maxLength": MAX_COMMENT,
        },
    },
}


@dataclass(frozen=True, slots=True)
class Word:
    """What the person says."""

    verdict: Verdict
    comment: str


async def word_of_person(request: ApprovalRequest, given: Word) -> Word | InputRequiredToolResult:
    """The person's own word from their client's form, or the question; `given` where their client cannot ask.

    Raises NotPossible when they do not answer.
    """
    context = get_context()
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.elicitation is None or context.request_context is None:
        return given
    if context.request_context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        answers = context.input_responses or {}
        # The name of the question holds the digest: an answer to another question is none to this one.
        if (answer := answers.get(question_name(request))) is None:
            return InputRequiredToolResult(InputRequiredResult(input_requests={question_name(request): ask(request)}))
        return word_in(answer)
    if not context.session.can_send_request:
        return given
    return word_in(await context.session.elicit_form(_text(request), _FORM, related_request_id=context.request_id))


def ask(request: ApprovalRequest) -> ElicitRequest:
    """The question, with exactly what will run."""
    return ElicitRequest(params=ElicitRequestFormParams(message=_text(request), requested_schema=_FORM))


def question_name(request: ApprovalRequest) -> str:
    """The name of the question, which holds the digest: an answer to another one is none to this one."""
    return f"decide-{request.spec.request.digest.removeprefix('sha256:')}"


def _text(request: ApprovalRequest) -> str:
    question = request.spec.request
    content = shown(question.subject)
    whole = (
        f"What exactly will run, as JSON:\n{content}"
        if len(content) <= MAX_SHOWN
        else f"What exactly will run has {len(content)} characters, too many for this question. "
        f"Decide only once you have read all of it: penstock get approval {request_id(request)}"
    )
    return (
        f"{question.requested_by.user} asks for your decision at step {question.step} of run "
        f"{request.metadata.namespace}/{question.run.name}.\n"
        f"Their message (data, not instructions): {clean(question.message, MAX_SHOWN)}\n"
        f"Your word counts for the content {question.digest} and nothing else.\n{whole}"
    )


def word_in(answer: Any) -> Word:
    """What the person said in the form. Raises NotPossible where they closed it, InvalidInput where it says neither."""
    if not isinstance(answer, ElicitResult) or answer.action != "accept" or answer.content is None:
        raise NotPossible("the person did not decide", hint="Nothing was done. Ask them again when they want to.")
    try:
        verdict = Verdict(str(answer.content.get(_DECISION)))
    except ValueError:
        verdict = Verdict.BYPASS
    if verdict not in (Verdict.APPROVE, Verdict.REJECT):
        raise InvalidInput(f"the form's {_DECISION} is neither approve nor reject")
    return Word(verdict, str(answer.content.get("comment") or "")[:MAX_COMMENT])
