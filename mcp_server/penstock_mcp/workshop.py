"""What tools that begin with words work with: the caller's Workflows, as objects, and the means to run them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.errors import NotFound
from penstock.ports.access import Key
from penstock_mcp.applications import parse_uri
from penstock_mcp.calls import Callers
from penstock_mcp.following import Follower
from penstock_mcp.reach import Reach, endpoint_application


@dataclass(frozen=True, slots=True)
class Workshop:
    """The caller's Workflows, and the means to run them."""

    callers: Callers
    reach: Reach
    follower: Follower
    new_suffix: Callable[[], str]
    now: Callable[[], datetime]

    async def workflows(self, application: str) -> tuple[list[Workflow], Key | None]:
        """The Workflows that this caller finds, and the application that they are of, where one is meant.

        Raises InvalidInput for what is no URI, NotFound where there is no such application for this caller.
        """
        key = parse_uri(application) if application else endpoint_application()
        if endpoint_application() not in (None, key):
            raise NotFound(f"application {key} is not at this endpoint", hint="Leave `application` out here.")
        cards = await self.reach.cards(key)
        if key is not None and not cards:
            raise NotFound(f"there is no application {key} for you", hint="See list_applications.")
        where = key.namespace if key is not None else self.callers.scope("")
        names = {card.key for card in cards}
        listed = await self.callers.access().workflows.list(where)
        return [each for each in listed if Key(each.metadata.namespace, each.metadata.name) in names], key

    @staticmethod
    def key_of(run: WorkflowRun) -> Key:
        """Where a run is."""
        return Key(run.metadata.namespace, run.metadata.name)
