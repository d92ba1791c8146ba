"""A model's provider over HTTP: speaks the protocols of OpenAI and Anthropic, answers what a test wrote down.

The real clients talk to it, so what is proved here holds for every endpoint that speaks the same.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.http_server import listening, listening_beside

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
    location: str | None = None
    """Where the client is sent to."""


def says(value: Any) -> Answer:
    """An answer by the output tool."""
    return Answer(arguments=json.dumps(value))


By = Callable[[Json], Answer]
"""What is answered to a request."""


@dataclass
class Provider:
    """The answers that are left, and what was asked."""

    answers: list[Answer] | By
    requests: list[Json] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """The credential of each request, without the word before it."""
    home: str = ""

    @property
    def address(self) -> str:
        """What OpenAI's clients are given; Anthropic's are given `home`."""
        return f"{self.home}/v1"

    def address_for(self, provider: str) -> str:
        """The `url` of a Connection to it, by the Connection's `provider`."""
        return self.home if provider == "anthropic" else self.address

    @property
    def asked(self) -> str:
        """All that the model was given with the last request."""
        return json.dumps(self.requests[-1]["messages"], ensure_ascii=False)

    def said(self, role: str) -> list[str]:
        """The texts of one role (system, user, assistant, tool) in the last request."""
        return [text for who, text in spoken(self.requests[-1]) if who == role]

    async def complete(self, request: Request) -> Response:
        """One exchange of OpenAI's protocol."""
        return await self._exchange(request, _completion, lambda message: {"error": {"message": message}})

    async def converse(self, request: Request) -> Response:
        """One exchange of Anthropic's."""
        refused = {"type": "error", "error": {"type": "invalid_request_error"}}
        return await self._exchange(
            request, _message, lambda message: {**refused, "error": {**refused["error"], "message": message}}
        )

    async def _exchange(
        self, request: Request, shaped: Callable[[Json, Answer, int], Json], refusal: Callable[[str], Json]
    ) -> Response:
        asked = await request.json()
        self.requests.append(asked)
        self.keys.append(request.headers.get("x-api-key") or request.headers.get("authorization", "").split(" ")[-1])
        answer = self.answers(asked) if callable(self.answers) else self.answers.pop(0)
        if answer.body is not None:
            return Response(answer.body, answer.status, media_type="application/json")
        if answer.location is not None:
            return Response(status_code=answer.status, headers={"location": answer.location})
        if answer.status != 200:
            return JSONResponse(refusal("refused by the provider"), answer.status)
        return JSONResponse(shaped(asked, answer, len(self.requests)))

    def application(self) -> Starlette:
        """What serves it."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.complete, methods=["POST"]),
                Route("/v1/messages", self.converse, methods=["POST"]),
            ]
        )


@asynccontextmanager
async def serving_provider(*answers: Answer, by: By | None = None) -> AsyncIterator[Provider]:
    """The provider, while it is served; it answers in this order, or as `by` says."""
    provider = Provider(by or list(answers))
    async with listening(provider.application()) as address:
        provider.home = address
        yield provider


@contextmanager
def provider_beside(host: str, *answers: Answer, by: By | None = None) -> Iterator[Provider]:
    """The same by a thread, at an address that pods reach."""
    provider = Provider(by or list(answers))
    with listening_beside(provider.application(), host) as address:
        provider.home = address
        yield provider


def spoken(asked: Json) -> Iterator[tuple[str, str]]:
    """Who said what, in either protocol."""
    if "system" in asked:
        yield "system", _text(asked["system"])
    for message in asked["messages"]:
        blocks = message["content"]
        if isinstance(blocks, str) or blocks is None:
            yield message["role"], str(blocks)
            continue
        for block in blocks:
            result = block["type"] == "tool_result"
            yield ("tool", _text(block["content"])) if result else (message["role"], _text([block]))


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


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


def _message(asked: Json, answer: Answer, number: int) -> Json:
    content: list[Json] = []
    if answer.text is not None:
        content.append({"type": "text", "text": answer.text})
    if answer.arguments is not None:
        # Arguments come as an object here, so malformed JSON cannot come at all.
        name = asked["tools"][0]["name"]
        content.append(
            {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": json.loads(answer.arguments)}
        )
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": content,
        "stop_reason": "tool_use" if answer.arguments is not None else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    }
