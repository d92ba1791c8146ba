"""The tools by name, as the watched Workflows make them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from penstock.api.v1alpha1.workflow import Workflow
from penstock.ports.access import Key
from penstock_mcp.catalogue import ToolCard, by_name, offered, tool_card

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Share:
    """Some of the cards, with the keys of their Workflows."""

    cards: tuple[ToolCard, ...] = ()
    keys: frozenset[Key] = frozenset()


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
        self._all = Share()
        self._by_application: dict[Key, Share] = {}

    def get(self, name: str) -> ToolCard | None:
        """The card of a tool's name."""
        return self._cards.get(name)

    def share(self, application: Key | None = None) -> Share:
        """All cards, in the order of names; those of one application where one is given."""
        return self._all if application is None else self._by_application.get(application, Share())

    def replace(self, workflows: Sequence[Workflow]) -> None:
        """Take all Workflows as they are now. Never raises: one bad Workflow does not hide the others."""
        self._made = {
            Key(workflow.metadata.namespace, workflow.metadata.name): made
            for workflow in workflows
            if offered(workflow) and (made := self._make(workflow)) is not None
        }
        cards = by_name(card for _, card in self._made.values())
        changed = cards != self._cards
        self.synced.set()
        if changed:
            self._cards = cards
            self._all = _share(cards.values())
            self._by_application = _shares(self._all.cards)
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


def _share(cards: Iterable[ToolCard]) -> Share:
    kept = tuple(cards)
    return Share(kept, frozenset(card.key for card in kept))


def _shares(cards: Iterable[ToolCard]) -> dict[Key, Share]:
    found: dict[Key, list[ToolCard]] = {}
    for card in cards:
        if card.application_key is not None:
            found.setdefault(card.application_key, []).append(card)
    return {key: _share(mine) for key, mine in found.items()}


def _same(old: Workflow, new: Workflow) -> bool:
    # Comparing the contents of thousands of Workflows with each poll would be felt; their versions say the same.
    if old is new:
        return True
    versions = (old.metadata.uid, old.metadata.resource_version), (new.metadata.uid, new.metadata.resource_version)
    return versions[0] == versions[1] if all(versions[1]) else old == new
