"""Pages of the list of tools: the fixed ones and the first Workflows, then Workflows by name.

A cursor is the last name that was given, so what comes or goes meanwhile neither shifts nor repeats the rest. It
carries no right: each page holds what its own caller may run. Only a page is made ready for the wire: thousands of
tools at once cost a second of processor in the framework.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from penstock.errors import InvalidInput
from penstock_mcp.catalogue import MAX_NAME, ToolCard

PAGE_SIZE = 250
"""Workflows on one page."""
_CURSOR = re.compile(rf"after:(?P<name>[A-Za-z0-9_-]{{1,{MAX_NAME}}})")


@dataclass(slots=True)
class Page:
    """One page of a list that is being made."""

    after: str
    """Name of the last tool before it; empty on the first page."""
    size: int
    names: set[str] = field(default_factory=set)
    """The tools of Workflows that are on it."""
    cursor: str | None = None
    """Of the next page; None on the last one."""

    def take(self, cards: Sequence[ToolCard]) -> Sequence[ToolCard]:
        """Those of the cards, which are in the order of names, that are on this page."""
        start = bisect_right(cards, self.after, key=lambda card: card.name) if self.after else 0
        taken = cards[start : start + self.size]
        self.names = {card.name for card in taken}
        self.cursor = f"after:{taken[-1].name}" if start + self.size < len(cards) else None
        return taken


_WANTED: ContextVar[Page | None] = ContextVar("penstock_mcp.page", default=None)


@contextmanager
def wanted_page(cursor: str | None, size: int) -> Iterator[Page]:
    """Within this, the list of tools is made for one page. Raises InvalidInput for a cursor that is none of ours."""
    found = _CURSOR.fullmatch(cursor) if cursor else None
    if cursor and found is None:
        raise InvalidInput("this cursor is none that tools/list gave")
    page = Page(found["name"] if found else "", size)
    token = _WANTED.set(page)
    try:
        yield page
    finally:
        _WANTED.reset(token)


def on_this_page(cards: Sequence[ToolCard]) -> Sequence[ToolCard]:
    """The cards of the page that is being made; all of them where none is."""
    page = _WANTED.get()
    return cards if page is None else page.take(cards)
