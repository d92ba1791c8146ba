"""The tools by name, as the watched Workflows make them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from penstock.api.v1alpha1.workflow import Workflow
from penstock.ports.access import Key
from penstock_mcp.catalogue import ToolCard, by_name, offered, tool_card

log = logging.getLogger(__name__)


class WorkflowIndex:
    """Holds one card for each offered Workflow and says when that changed."""

    def __init__(self, *, spanning: bool) -> None:
        self._spanning = spanning
        self._made: dict[Key, tuple[Workflow, ToolCard]] = {}
        self._cards: dict[str, ToolCard] = {}
        self.synced = asyncio.Event()
        """Set once the Workflows were seen for the first time."""
        self.changed = asyncio.Event()
        """Set when a card came, went or changed; whoever announces that clears it."""
        self.keys: frozenset[Key] = frozenset()
        """Of all Workflows that have a card."""

    @property
    def cards(self) -> tuple[ToolCard, ...]:
        """All cards, by name."""
        return tuple(self._cards.values())

    def get(self, name: str) -> ToolCard | None:
        """The card of a tool's name."""
        return self._cards.get(name)

    def replace(self, workflows: Sequence[Workflow]) -> None:
        """Take all Workflows as they are now. Never raises: one bad Workflow does not hide the others."""
        self._made = {
            Key(workflow.metadata.namespace, workflow.metadata.name): made
            for workflow in workflows
            if offered(workflow) and (made := self._make(workflow)) is not None
        }
        cards = by_name(card for _, card in self._made.values())
        changed = cards != self._cards
        self._cards = cards
        self.keys = frozenset(card.key for card in cards.values())
        self.synced.set()
        if changed:
            self.changed.set()

    def _make(self, workflow: Workflow) -> tuple[Workflow, ToolCard] | None:
        # Thousands of Workflows come with every change of one: only what differs is made anew.
        known = self._made.get(Key(workflow.metadata.namespace, workflow.metadata.name))
        if known is not None and _same(known[0], workflow):
            return known
        try:
            return workflow, tool_card(workflow, spanning=self._spanning)
        except Exception:
            log.exception("no tool for Workflow %s/%s", workflow.metadata.namespace, workflow.metadata.name)
            return None


def _same(old: Workflow, new: Workflow) -> bool:
    # Comparing the contents of thousands of Workflows with each poll would be felt; their versions say the same.
    if old is new:
        return True
    versions = (old.metadata.uid, old.metadata.resource_version), (new.metadata.uid, new.metadata.resource_version)
    return versions[0] == versions[1] if all(versions[1]) else old == new
