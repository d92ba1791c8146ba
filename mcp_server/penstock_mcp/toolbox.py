"""All tools that are always there, by where they are offered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from fastmcp.tools.base import Tool

from penstock_mcp.calls import Callers
from penstock_mcp.deciding import Decider
from penstock_mcp.execution import Execution
from penstock_mcp.following import Follower
from penstock_mcp.reach import Reach
from penstock_mcp.tools.applications import ApplicationTools
from penstock_mcp.tools.approvals import ApprovalTools
from penstock_mcp.tools.gallery import GalleryTools
from penstock_mcp.tools.language import LanguageTools
from penstock_mcp.tools.runs import RunTools
from penstock_mcp.tools.scripts import ScriptTools
from penstock_mcp.tools.steering import SteeringTools
from penstock_mcp.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Parts:
    """What tools are made of."""

    callers: Callers
    reach: Reach
    execution: Execution
    follower: Follower
    decider: Decider
    new_suffix: Callable[[], str]
    now: Callable[[], datetime]
    announce: Callable[[], Awaitable[None]]
    """Tells clients that the list of tools changed."""


def at_every_endpoint(parts: Parts) -> list[Tool]:
    """Tools for runs and gates: there wherever a run can be started."""
    return [
        *RunTools(parts.callers, parts.follower).all(),
        *ApprovalTools(parts.callers, parts.decider).all(),
        *SteeringTools(parts.callers, parts.follower, parts.new_suffix, parts.now).all(),
        *LanguageTools(Workshop(parts.callers, parts.reach, parts.follower, parts.new_suffix, parts.now)).all(),
    ]


def of_the_whole_server(parts: Parts) -> list[Tool]:
    """Tools about all Workflows: not there at the endpoint of one application."""
    return [
        *ApplicationTools(parts.callers, parts.reach, parts.execution).all(),
        *GalleryTools(parts.callers, parts.reach, parts.announce).all(),
        *ScriptTools(parts.callers, parts.follower, parts.new_suffix).all(),
    ]
