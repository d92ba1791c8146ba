"""What the server needs of the world: the caller's own reach, and which Workflows there are."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from penstock.api.v1alpha1.workflow import Workflow
from penstock.errors import Forbidden
from penstock.ports.access import Access, Actor, Key
from penstock_mcp.expiring import Expiring

ACCESS_SECONDS = 60.0
"""How long what the API server says of a caller's own name and groups is used."""

OnWorkflows = Callable[[Sequence[Workflow]], None]
"""Takes all Workflows as they are; cheap, never raises."""


class Backend(Protocol):
    """A cluster, or one person's machine."""

    @property
    def namespace(self) -> str | None:
        """The one namespace that is served; None spans them all."""

    def access_for(self, identity: Actor | None) -> Access:
        """Everything that this caller can reach; None is the person whose process this is."""

    async def watch_workflows(self, on_change: OnWorkflows) -> None:
        """Call `on_change` with all Workflows, at once and after each change, until cancelled.

        Runs under the server's own rights: the catalogue only, never a caller's business. May raise; it is called
        again after a while.
        """

    async def may_run(self, identity: Actor | None, workflows: Collection[Key]) -> Collection[Key]:
        """Those that this caller may run. For what is listed only: the API decides on the call itself."""


class OwnBackend:
    """One person's own reach, over stdio: local mode, or their own kubeconfig. Nobody is impersonated."""

    def __init__(self, access: Access, namespace: str | None) -> None:
        self._access = access
        self._namespace = namespace

    @property
    def namespace(self) -> str | None:
        """The one namespace that is served; None spans them all."""
        return self._namespace

    def access_for(self, identity: Actor | None) -> Access:
        """The person's own access. Nobody else is ever served by it."""
        if identity is not None:
            raise Forbidden("this server acts for the person who started it, for nobody else")
        return self._access

    async def watch_workflows(self, on_change: OnWorkflows) -> None:
        """What the person's own watch of Workflows brings."""
        async for found in self._access.workflows.watch(self._namespace):
            on_change(found)

    async def may_run(self, identity: Actor | None, workflows: Collection[Key]) -> Collection[Key]:
        """All that the person can see; the API decides on the call."""
        return workflows if identity is None else ()


class ImpersonatingBackend:
    """A cluster, over HTTP: every call under the rights of the caller that was proved."""

    def __init__(
        self,
        namespace: str | None,
        connect: Callable[[Actor], Access],
        watch_workflows: Callable[[OnWorkflows], Awaitable[None]],
        may_run: Callable[[Actor, Collection[Key]], Awaitable[Collection[Key]]],
    ) -> None:
        self._namespace = namespace
        self._connect = connect
        self._known: Expiring[Actor, Access] = Expiring(time.monotonic)
        self._watch_workflows = watch_workflows
        self._may_run = may_run

    @property
    def namespace(self) -> str | None:
        """The one namespace that is served; None spans them all."""
        return self._namespace

    def access_for(self, identity: Actor | None) -> Access:
        """The proved caller's access. Without one there is none: the server's own rights are never a fallback."""
        actor = _required(identity)
        known = self._known.get(actor)
        if known is None:
            # Kept, for it knows what the API server answered to "who am I"; it holds no right of its own.
            known = self._connect(actor)
            self._known.put(actor, known, ACCESS_SECONDS)
        return known

    async def watch_workflows(self, on_change: OnWorkflows) -> None:
        """What the adapter's watch of Workflows brings."""
        await self._watch_workflows(on_change)

    async def may_run(self, identity: Actor | None, workflows: Collection[Key]) -> Collection[Key]:
        """What the API server says of this caller and the verb `create` on `workflows/run`."""
        return await self._may_run(_required(identity), workflows)


def _required(identity: Actor | None) -> Actor:
    if identity is None:
        raise Forbidden("this call carries no identity", hint="Send a token: Authorization: Bearer …")
    return identity
