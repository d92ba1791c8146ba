"""A model that plays a task's script: the same loop, tools and checks as with a real one, without a key."""

from __future__ import annotations

from pathlib import Path

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from evals.task import FOLDER, Call, Turn
from evals.toolset import Tools


def scripted(turns: tuple[Turn, ...], tools: Tools, folder: Path) -> FunctionModel:
    """The model. It takes one turn a request, from what the tools have answered so far."""
    left = list(turns)

    def respond(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        said = left.pop(0)(tools.answers)
        if isinstance(said, Call):
            arguments = {name: str(folder) if v == FOLDER else v for name, v in said.arguments.items()}
            return ModelResponse(parts=[ToolCallPart(said.tool, arguments)])
        return ModelResponse(parts=[TextPart(said)])

    return FunctionModel(respond, model_name="scripted")
