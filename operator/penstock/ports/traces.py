"""Spans of traces, as they are told to whoever sends them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that something took. It holds names and codes, never a value of a context or an output."""

    name: str
    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""
    parent_id: str
    """16 hex digits; empty where it is the first of its trace."""
    start: datetime
    end: datetime
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    failed: str = ""
    """Code of what went wrong; empty where nothing did."""
    serves: bool = False
    """Somebody's call was answered; else it is work of our own."""


class Spans(Protocol):
    """Where spans go."""

    def send(self, span: Span) -> None:
        """Take a span; never raises, never waits. What cannot be sent in time is dropped."""
