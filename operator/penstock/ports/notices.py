"""Telling people that a gate needs them: the side of whatever carries the words to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from penstock.api.v1alpha1.approval import ApprovalRequest


class Occasion(StrEnum):
    """What there is to tell of a gate."""

    OPENED = "opened"
    """People are asked."""
    EXPIRING = "expiring"
    """Nobody has answered, and the time is nearly up."""
    ENDED = "ended"
    """It is answered, or lapsed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell, in the words of every channel."""

    id: str
    """The same at every try, across restarts: whoever gets it twice can tell."""
    occasion: Occasion
    at: datetime
    """When there was something to tell."""
    subject: str
    """One line."""
    lines: tuple[str, ...]
    """Everything, for people."""
    data: Mapping[str, object]
    """Everything, for programs."""


class Channel(Protocol):
    """A way to people."""

    async def send(self, notice: Notice) -> None:
        """Hand it over. Raises Unavailable where that may work later, UserError where it never will."""


class Told(Protocol):
    """What was told of a gate, kept with the gate."""

    async def note(self, request: ApprovalRequest, told: tuple[Occasion, ...]) -> None:
        """Keep it. Harmless where the gate is gone. Raises TransientError."""
