"""The server as an OAuth 2.1 protected resource (RFC 9728): its address, who signs people in, what to ask them for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.application.scopes import ASKED_AT_SIGN_IN
from penstock.errors import InvalidInput

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_APPLICATION = re.compile(rf"/apps/{_LABEL}/[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?/mcp")
"""Endpoints of applications: the same server with fewer tools."""


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """The server as clients know it from outside."""

    url: str
    """Canonical address of the endpoint, without a slash at its end: what tokens are issued for."""
    issuer: str
    audience: str = ""
    """What providers with names of their own write into `aud` instead."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise InvalidInput(f"`{self.url}` is no address of an MCP endpoint", hint="https://mcp.example.com/mcp")

    def means_us(self, audience: str) -> bool:
        """Whether an entry of a token's `aud` is this server: its audience, its address, or an application's."""
        if audience in (self.audience or self.url, self.url):
            return True
        origin, path = self._origin, audience.removeprefix(self._origin)
        return audience.startswith(origin) and _APPLICATION.fullmatch(path) is not None

    def challenge(self, path: str) -> str:
        """Where a client that was refused at this path finds out how to sign in, as parameters of a challenge."""
        scope = " ".join(ASKED_AT_SIGN_IN)
        return f'scope="{scope}", {self.metadata_parameter(path)}'

    def metadata_parameter(self, path: str) -> str:
        """`resource_metadata="…"` for this path."""
        own = path if _APPLICATION.fullmatch(path) else self._path
        return f'resource_metadata="{self._origin}{WELL_KNOWN}{own}"'

    def routes(self) -> list[Route]:
        """The metadata, at its own place for each endpoint, and where clients look that know no better."""
        return [
            Route(WELL_KNOWN, self._serve, methods=["GET"]),
            Route(WELL_KNOWN + "/{path:path}", self._serve, methods=["GET"]),
        ]

    def metadata(self, path: str) -> dict[str, Any] | None:
        """The document for the endpoint at this path; None where there is no endpoint."""
        if path not in ("", self._path) and _APPLICATION.fullmatch(path) is None:
            return None
        return {
            "resource": self._origin + path if _APPLICATION.fullmatch(path) else self.url,
            "resource_name": "Penstock",
            "authorization_servers": [self.issuer],
            "scopes_supported": list(ASKED_AT_SIGN_IN),
            "bearer_methods_supported": ["header"],
        }

    async def _serve(self, request: Request) -> Response:
        found = self.metadata(request.url.path.removeprefix(WELL_KNOWN))
        if found is None:
            return Response("no such resource\n", 404)
        # Anybody may read it, scripts of web pages too: it holds nothing but addresses.
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}
        return Response(json.dumps(found), media_type="application/json", headers=headers)

    @property
    def _origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def _path(self) -> str:
        return urlsplit(self.url).path
