"""The one person that local mode works for."""

from __future__ import annotations

from penstock.ports.access import Actor

LOCAL_CLIENT = "local"
"""Name of the client that everything local comes through."""


class LocalCaller:
    """The person at this machine."""

    def __init__(self, user: str) -> None:
        self._actor = Actor(user=user, client=LOCAL_CLIENT)

    async def whoami(self) -> Actor:
        """The user of the operating system."""
        return self._actor
