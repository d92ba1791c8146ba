"""The tools, resources and prompts that the conformance suite calls by name, beside our own.

The suite cannot know a server's own tools, so it asks for these. They run on our own server: its settings, middlewares
and HTTP layer are what is tried.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from fastmcp import Context, FastMCP
from fastmcp.prompts import Message
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.utilities.types import Audio, Image
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)

from penstock_mcp.protocol import use_schema_lookup

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
SILENCE = base64.b64decode("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=")
SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def add_all(server: FastMCP) -> None:
    """Everything that the suite asks for."""
    _add_schemas(server)
    _add_contents(server)
    _add_messages(server)
    _add_questions(server)
    _add_resources(server)
    _add_prompts(server)


class _Plain(Tool):
    """A tool with a schema as it is written."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(content=json.dumps(arguments))


def _add_schemas(server: FastMCP) -> None:
    server.add_tool(_Plain(name="json_schema_2020_12_tool", description="A raw schema", parameters=SCHEMA_2020_12))
    header: dict[str, Any] = {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "query": {"type": "string"}},
        "required": ["region"],
    }
    server.add_tool(_Plain(name="test_x_mcp_header", description="A parameter in a header", parameters=header))
    ours = server._mcp_server.get_tool_input_schema
    assert ours is not None
    use_schema_lookup(server, lambda name: header if name == "test_x_mcp_header" else ours(name))


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def _add_contents(server: FastMCP) -> None:
    @server.tool(output_schema=None)
    def test_simple_text() -> str:
        """Answers with text."""
        return "This is a simple text response for testing."

    @server.tool
    def test_image_content() -> Image:
        """Answers with an image."""
        return Image(data=PIXEL, format="png")

    @server.tool
    def test_audio_content() -> Audio:
        """Answers with a sound."""
        return Audio(data=SILENCE, format="wav")

    @server.tool
    def test_embedded_resource() -> ToolResult:
        """Answers with a resource."""
        block = _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
        return ToolResult(content=[block])

    @server.tool
    def test_multiple_content_types() -> ToolResult:
        """Answers with text, an image and a resource."""
        resource = _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
        text = TextContent(text="Multiple content types test:")
        return ToolResult(content=[text, Image(data=PIXEL, format="png").to_image_content(), resource])

    @server.tool
    def test_error_handling() -> str:
        """Fails."""
        raise RuntimeError("This tool intentionally returns an error for testing")


def _add_messages(server: FastMCP) -> None:
    @server.tool(output_schema=None)
    async def test_tool_with_logging(ctx: Context) -> str:
        """Tells what it does."""
        for text in ("started", "processing data", "completed"):
            await ctx.info(f"Tool execution {text}")
        return "Tool with logging executed successfully"

    @server.tool(output_schema=None)
    async def test_logging_tool(ctx: Context) -> str:
        """Tells what it does where the request wants it."""
        await ctx.info("working")
        return "done"

    @server.tool(output_schema=None)
    async def test_tool_with_progress(ctx: Context) -> str:
        """Reports its progress."""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100, f"Completed step {done} of 100")
        return "done"

    @server.tool(output_schema=None)
    async def test_streaming_elicitation(ctx: Context) -> Any:
        """Reports its progress and then asks."""
        await ctx.report_progress(1, 2, "half")
        return _asking(who=_question("What is your name?", "name"))


def _question(message: str, field: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sampling(text: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


def _asking(state: str | None = None, **requests: Any) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _answers(ctx: Context, *keys: str) -> dict[str, Any] | None:
    """The answers to these questions, as long as all are there."""
    given = ctx.input_responses or {}
    return {key: given[key] for key in keys} if all(key in given for key in keys) else None


def _add_questions(server: FastMCP) -> None:
    @server.tool(output_schema=None)
    async def test_input_required_result_elicitation(ctx: Context) -> Any:
        """Asks for a name."""
        answers = _answers(ctx, "user_name")
        if answers is None:
            return _asking(user_name=_question("What is your name?", "name"))
        return f"Hello, {(answers['user_name'].content or {}).get('name')}!"

    @server.tool(output_schema=None)
    async def test_input_required_result_sampling(ctx: Context) -> Any:
        """Asks a model."""
        answers = _answers(ctx, "capital_question")
        if answers is None:
            return _asking(capital_question=_sampling("What is the capital of France?"))
        return str(answers["capital_question"].content)

    @server.tool(output_schema=None)
    async def test_input_required_result_list_roots(ctx: Context) -> Any:
        """Asks for folders."""
        answers = _answers(ctx, "client_roots")
        if answers is None:
            return _asking(client_roots=ListRootsRequest())
        return str([str(root.uri) for root in answers["client_roots"].roots])

    @server.tool(output_schema=None)
    async def test_input_required_result_request_state(ctx: Context) -> Any:
        """Asks, and wants its state back."""
        if _answers(ctx, "confirm") is None:
            return _asking("state-1", confirm=_question("Please confirm", "ok", "boolean"))
        return f"state-ok: {ctx.request_state}"

    @server.tool(output_schema=None)
    async def test_input_required_result_tampered_state(ctx: Context) -> Any:
        """Asks, and notices a state that is not its own."""
        if _answers(ctx, "confirm") is None:
            return _asking("state-1", confirm=_question("Please confirm", "ok", "boolean"))
        return f"state-ok: {ctx.request_state}"

    @server.tool(output_schema=None)
    async def test_input_required_result_multiple_inputs(ctx: Context) -> Any:
        """Asks for three things at once."""
        if _answers(ctx, "user_name", "greeting", "client_roots") is None:
            name = _question("What is your name?", "name")
            more = {"greeting": _sampling("Generate a greeting"), "client_roots": ListRootsRequest()}
            return _asking("state-1", user_name=name, **more)
        return "thanks"

    @server.tool(output_schema=None)
    async def test_input_required_result_multi_round(ctx: Context) -> Any:
        """Asks twice."""
        if ctx.request_state is None:
            return _asking("round-1", step1=_question("Step 1: What is your name?", "name"))
        if ctx.request_state == "round-1":
            return _asking("round-2", step2=_question("Step 2: What is your favorite color?", "color"))
        return "thanks"

    @server.tool(output_schema=None)
    async def test_input_required_result_capabilities(ctx: Context) -> Any:
        """Asks only for what the client can do."""
        can = ctx.session.client_capabilities
        asked: dict[str, Any] = {}
        if can is not None and can.elicitation is not None:
            asked["user_name"] = _question("What is your name?", "name")
        if can is not None and can.sampling is not None:
            asked["greeting"] = _sampling("Generate a greeting")
        return _asking(**asked)

    @server.tool(output_schema=None)
    async def test_missing_capability(ctx: Context) -> str:
        """Needs a client with a model."""
        can = ctx.session.client_capabilities
        if can is None or can.sampling is None:
            data = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="the client has no model", data=data)
        return "Success"


def _add_resources(server: FastMCP) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        """A picture."""
        return PIXEL

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched_resource() -> str:
        """A text that may change."""
        return "Watched resource content"

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:  # noqa: A002 - the suite's own name for it
        """A text for each id."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _add_prompts(server: FastMCP) -> None:
    @server.prompt
    def test_simple_prompt() -> str:
        """A prompt without arguments."""
        return "This is a simple prompt for testing."

    @server.prompt
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """A prompt with arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803 - the suite's name for it
        """A prompt with a resource in it."""
        resource = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [Message(resource), Message("Please process the embedded resource above.")]

    @server.prompt
    def test_prompt_with_image() -> list[Message]:
        """A prompt with a picture in it."""
        image = Image(data=PIXEL, format="png").to_image_content()
        return [Message(image), Message("Please analyze the image above.")]

    @server.prompt
    async def test_input_required_result_prompt(ctx: Context) -> Any:
        """A prompt that asks first."""
        answers = _answers(ctx, "user_context")
        if answers is None:
            return _asking(user_context=_question("What context should the prompt use?", "context"))
        return f"Prompt with context: {(answers['user_context'].content or {}).get('context')}"

    @server.completion
    async def complete(ref: Any, argument: Any, context: Any) -> list[str]:
        return []
