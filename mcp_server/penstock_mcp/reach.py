"""Which Workflows the caller of this very call finds: those that they may run, shown to them, at this endpoint.

For what is found only. The API server decides on each run itself, under the caller's own rights.
"""

from __future__ import annotations

from fastmcp.server.dependencies import get_http_request

from penstock.errors import PenstockError
from penstock.ports.access import Key
from penstock_mcp.calls import Callers
from penstock_mcp.catalogue import ToolCard
from penstock_mcp.index import WorkflowIndex
from penstock_mcp.rights import Rights


class Reach:
    """The caller's share of the index."""

    def __init__(self, index: WorkflowIndex, callers: Callers, rights: Rights) -> None:
        self._index = index
        self._callers = callers
        self._rights = rights

    async def cards(self, application: Key | None = None) -> list[ToolCard]:
        """All cards that the caller finds, by name; of one application where one is given.

        Raises Forbidden without an identity, Unavailable when nobody can say what they may run.
        """
        share = self._index.share(application)
        allowed = await self._rights.runnable(self._callers.identity(), share.keys)
        found = [card for card in share.cards if card.key in allowed]
        if not any(card.visible_to for card in found):
            return found
        groups = await self.groups()
        return [card for card in found if shown_to(card, groups)]

    async def card(self, name: str, application: Key | None = None) -> ToolCard | None:
        """The card of a tool's name, if the caller finds it. Raises like `cards`."""
        card = self._index.get(name)
        if card is None or (application is not None and card.application_key != application):
            return None
        allowed = await self._rights.runnable(self._callers.identity(), self._index.share(application).keys)
        if card.key not in allowed:
            return None
        return card if not card.visible_to or shown_to(card, await self.groups()) else None

    async def groups(self) -> frozenset[str]:
        """The caller's groups, as the API knows them; none where it cannot be asked now."""
        try:
            return frozenset((await self._callers.access().caller.whoami()).groups)
        except PenstockError:
            return frozenset()


def shown_to(card: ToolCard, groups: frozenset[str]) -> bool:
    """Whether a member of these groups finds the Workflow."""
    return not card.visible_to or not groups.isdisjoint(card.visible_to)


def endpoint_application() -> Key | None:
    """The application whose own endpoint is called; None at the endpoint of all, and over stdio."""
    try:
        parameters = get_http_request().path_params
    except RuntimeError:
        return None
    namespace, application = parameters.get("namespace"), parameters.get("application")
    return Key(namespace, application) if namespace and application else None
