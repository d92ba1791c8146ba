"""What every tool call begins with: whose call it is, what they can reach, and which object they mean."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations

from penstock.errors import InvalidInput
from penstock.ports.access import Access, Actor, Key
from penstock_mcp.backend import Backend
from penstock_mcp.errors import error_shape
from penstock_mcp.identity import Identities, namespace_of_account
from penstock_mcp.shapes import RUN_ANSWER, answers
from penstock_mcp.views import answer

P = ParamSpec("P")

READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
"""Of tools that change nothing."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
MAX_HANDLE = 317
"""`<namespace>/<name>`: 63 characters, a slash, 253 characters."""


class Callers:
    """The caller of this very call, and their reach."""

    def __init__(self, identities: Identities, backend: Backend) -> None:
        self._identities = identities
        self._backend = backend

    def identity(self) -> Actor | None:
        """Who calls; None is the person whose process this is. Raises Forbidden without an identity."""
        return self._identities.current()

    def may(self, scope: str) -> bool:
        """What the caller showed is good for this scope. Raises Forbidden without an identity."""
        return self._identities.may(scope)

    def person(self) -> bool:
        """A person signed in, or started this process. Raises Forbidden without an identity."""
        return self._identities.person()

    def signed_in_recently(self) -> bool:
        """They did so recently enough to vote. Raises Forbidden without an identity."""
        return self._identities.signed_in_recently()

    def access(self) -> Access:
        """What the caller can reach. Raises Forbidden without an identity."""
        return self._backend.access_for(self.identity())

    @property
    def namespace(self) -> str | None:
        """The one namespace that is served; None spans them all."""
        return self._backend.namespace

    def scope(self, namespace: str) -> str | None:
        """Where to list: what was asked for, else all that is served; a ServiceAccount's own namespace by default.

        Few ServiceAccounts may list everywhere, and all they would be told is that.
        """
        if namespace:
            return self.key(f"{namespace}/x").namespace
        identity = self.identity()
        if self.namespace is not None or identity is None:
            return self.namespace
        return namespace_of_account(identity.user)

    def key(self, handle: str) -> Key:
        """The object that a handle means: `namespace/name`, or `name` where one namespace is served."""
        namespace, slash, name = handle.strip().rpartition("/")
        where = namespace if slash else self.namespace
        if not where or not name or len(handle) > MAX_HANDLE or not _is_plain(where) or not _is_plain(name):
            raise InvalidInput(
                "this is no name of a run or request",
                hint="Write namespace/name, as execute_…, list_runs and list_pending_approvals give it.",
            )
        if self.namespace not in (None, where):
            raise InvalidInput(f"this server serves namespace {self.namespace} only")
        return Key(where, name)


def fixed_tool(
    function: Callable[..., Awaitable[ToolResult]],
    title: str,
    annotations: ToolAnnotations,
    output: Mapping[str, Any] | None = None,
) -> Tool:
    """A tool that is always there; its name, text and parameters are the function's own.

    `output`: the schema of what it gives back, where that is not a run's own output.
    """
    named = annotations.model_copy(update={"title": title})
    return Tool.from_function(
        answered(function), title=title, annotations=named, output_schema=answers(output) if output else RUN_ANSWER
    )


def answered(tool: Callable[P, Awaitable[ToolResult]]) -> Callable[P, Awaitable[ToolResult]]:
    """The tool, with whatever goes wrong in it as an answer that says what to do next."""

    @functools.wraps(tool)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> ToolResult:
        try:
            return await tool(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge: an agent needs an answer, the log gets the rest
            return answer(error_shape(error))

    return guarded


def _is_plain(name: str) -> bool:
    # These end up in paths of the API server.
    return _NAME.fullmatch(name) is not None
