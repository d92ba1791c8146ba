"""A model's provider: speaks the chat-completions protocol over loopback, answers what a test wrote down.

The real client talks to it, so what is proved here holds for every endpoint that speaks the same.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.http_server import listening

Json = dict[str, Any]
INPUT_TOKENS, OUTPUT_TOKENS = 100, 20
"""What each answer says that it cost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the provider's."""

    arguments: str | None = None
    """Of the output tool, as text, so that it may be malformed."""
    text: str | None = None
    """Said in place of calling a tool."""
    status: int = 200
    body: bytes | None = None
    """All of the response, where it is no answer of the protocol's."""


def says(value: Any) -> Answer:
    """An answer by the output tool."""
    return Answer(arguments=json.dumps(value))


@dataclass
class Provider:
    """The answers that are left, and what was asked."""

    answers: list[Answer] | Callable[[Json], Answer]
    requests: list[Json] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def asked(self) -> str:
        """All that the model was given with the last request."""
        return json.dumps(self.requests[-1]["messages"], ensure_ascii=False)

    def said(self, role: str) -> list[str]:
        """The texts of one role in the last request."""
        return [str(message["content"]) for message in self.requests[-1]["messages"] if message["role"] == role]

    async def complete(self, request: Request) -> Response:
        """One exchange of the protocol."""
        asked = await request.json()
        self.requests.append(asked)
        self.keys.append(request.headers.get("authorization", ""))
        answer = self.answers(asked) if callable(self.answers) else self.answers.pop(0)
        if answer.body is not None:
            return Response(answer.body, answer.status, media_type="application/json")
        if answer.status != 200:
            return JSONResponse({"error": {"message": "refused by the provider"}}, answer.status)
        return JSONResponse(_completion(asked, answer, len(self.requests)))


@asynccontextmanager
async def serving_provider(*answers: Answer, by: Callable[[Json], Answer] | None = None) -> AsyncIterator[Provider]:
    """The provider, while it is served; it answers in this order, or as `by` says."""
    provider = Provider(by or list(answers))
    app = Starlette(routes=[Route("/v1/chat/completions", provider.complete, methods=["POST"])])
    async with listening(app) as address:
        provider.address = f"{address}/v1"
        yield provider


def _completion(asked: Json, answer: Answer, number: int) -> Json:
    message: Json = {"role": "assistant", "content": answer.text}
    if answer.arguments is not None:
        function = {"name": asked["tools"][0]["function"]["name"], "arguments": answer.arguments}
        message["tool_calls"] = [{"id": f"call-{number}", "type": "function", "function": function}]
    return {
        "id": f"completion-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if answer.arguments is not None else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    }
