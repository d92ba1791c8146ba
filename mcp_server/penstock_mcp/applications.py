"""Applications: the Workflows of a namespace that share the label app.kubernetes.io/part-of.

A session with one is a name that follows from the caller and the application. Nothing is kept, so every replica knows
every session, and it survives restarts. It carries no rights: it is good for its own caller only, and what they may run
is asked of the API each time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.errors import InvalidInput, NotFound
from penstock.ports.access import Actor, Key
from penstock_mcp.catalogue import ToolCard
from penstock_mcp.text import one_line

SCHEME = "application"
_SESSION_SCHEME = "penstock-session/1"
_HEX = 24


@dataclass(frozen=True, slots=True)
class Application:
    """One application, as far as the caller finds it."""

    key: Key
    cards: tuple[ToolCard, ...]

    @property
    def uri(self) -> str:
        """How it is named when it is opened."""
        return f"{SCHEME}://{self.key}"

    def line(self) -> dict[str, Any]:
        """The application in a list."""
        groups = sorted({group for card in self.cards for group in card.visible_to})
        public = any(not card.visible_to for card in self.cards)
        return {
            "uri": self.uri,
            "title": one_line(self.key.name.replace("-", " ").replace("_", " ").capitalize(), 128),
            "namespace": self.key.namespace,
            "visibility": "public" if public else "groups",
            **({} if public else {"groups": groups}),
            "tools": len(self.cards),
        }


def applications(cards: Sequence[ToolCard]) -> list[Application]:
    """The applications of these cards, by namespace and name."""
    found: dict[Key, list[ToolCard]] = {}
    for card in cards:
        if card.application_key is not None:
            found.setdefault(card.application_key, []).append(card)
    return [Application(key, tuple(found[key])) for key in sorted(found)]


def parse_uri(uri: str) -> Key:
    """The application that a URI names. Raises InvalidInput."""
    scheme, _, rest = uri.strip().partition("://")
    namespace, slash, name = rest.strip("/").partition("/")
    if scheme != SCHEME or not slash or not namespace or not name or "/" in name:
        raise InvalidInput(
            "this is no URI of an application",
            hint=f"Give it as list_applications does: {SCHEME}://<namespace>/<application>.",
        )
    return Key(namespace, name)


def session_of(application: Key, caller: Actor) -> str:
    """The caller's session with an application: the same at every call, another for everybody else."""
    seed = f"{_SESSION_SCHEME}\n{caller.user}\n{caller.client}\n{application.namespace}\n{application.name}"
    return f"{application.namespace}.{application.name}.{hashlib.sha256(seed.encode()).hexdigest()[:_HEX]}"


def application_of_session(session: str, caller: Actor) -> Key:
    """The application of a session of this caller. Raises NotFound for everybody else's, and for what is none."""
    namespace, _, rest = session.strip().partition(".")
    name, _, _ = rest.rpartition(".")
    application = Key(namespace, name)
    if not namespace or not name or not hmac.compare_digest(session_of(application, caller), session.strip()):
        raise NotFound("you have no such session", hint="Open the application with open_application; it gives one.")
    return application


def tool_line(card: ToolCard) -> dict[str, Any]:
    """A tool of an application, with all that is needed to call it."""
    return {
        "tool_id": str(card.key),
        "name": card.name,
        "title": card.title,
        "description": card.description,
        "parameters": card.parameters,
    }


def named(cards: Sequence[ToolCard], tool_id: str) -> ToolCard:
    """The card that an identifier, or a tool's name, means. Raises NotFound."""
    for card in cards:
        if tool_id in (str(card.key), card.name):
            return card
    known = ", ".join(str(card.key) for card in cards) or "none"
    raise NotFound(f"the application has no tool `{one_line(tool_id, 128)}`", hint=f"Tools: {known}.")
