"""kopf's handlers: one for each of our kinds but runs, and all they do is to hand the event over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from penstock.adapters.kube.credentials import Credentials, session_of
from penstock.api.v1alpha1 import GROUP, VERSION

KINDS = ("workflows", "approvalrequests", "connections")
"""Runs are not among them: there are too many events of them."""

HandOver = Callable[[str, str | None, Mapping[str, Any]], None]
"""(plural, type of the event or None for what was listed, the object). Called in kopf's thread."""


def make_registry(hand_over: HandOver, credentials: Callable[[], Credentials]) -> kopf.OperatorRegistry:
    """A registry of kopf with our handlers."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.AiohttpSession:
        server, session = await session_of(credentials())
        return kopf.AiohttpSession(server=server, aiohttp_session=session)

    async def handle(event: Mapping[str, Any], resource: kopf.Resource, **_: Any) -> None:
        hand_over(resource.plural, event["type"], event["object"])

    for plural in KINDS:
        kopf.on.event(GROUP, VERSION, plural, registry=registry)(handle)
    return registry
