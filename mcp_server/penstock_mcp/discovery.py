"""`/.well-known/mcp.json`: what this server is and how to call it, for programs that look for servers.

Anybody may read it, so it holds nothing of any tenant: which Workflows there are is told to proved callers only.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_request
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import penstock
from penstock.errors import NotPossible
from penstock.ports.access import Key
from penstock.wiring.assertions import published

log = logging.getLogger(__name__)

PATH = "/.well-known/mcp.json"
KEYS = "/.well-known/jwks.json"
ENDPOINT = "/mcp"
APPLICATION_ENDPOINT = "/apps/{namespace}/{application}/mcp"


def describe(base_url: str, learning: str) -> dict[str, Any]:
    """The document, for a server that is reached at `base_url`; `learning`: how to call it, in words."""
    base = base_url.rstrip("/")
    return {
        "name": "penstock",
        "title": "Penstock",
        "version": penstock.__version__,
        "description": "Workflows as typed tools, with gates that people hold.",
        "base_url": base,
        "protocol_versions": sorted(KNOWN_PROTOCOL_VERSIONS, reverse=True),
        "transport": {"type": "streamable-http", "url": f"{base}{ENDPOINT}"},
        "authentication": {
            "required": True,
            "schemes": ["bearer"],
            "resource_metadata": f"{base}/.well-known/oauth-protected-resource{ENDPOINT}",
        },
        "learning": learning,
        "resources": [
            {"name": "all Workflows", "path": ENDPOINT, "methods": ["POST"]},
            {"name": "the Workflows of one application", "path": APPLICATION_ENDPOINT, "methods": ["POST"]},
        ],
    }


def application_address(application: Key) -> dict[str, str]:
    """The endpoint of an application, as `endpoint`; nothing over stdio, where there are no addresses."""
    try:
        base = str(get_http_request().base_url).rstrip("/")
    except RuntimeError:
        return {}
    path = APPLICATION_ENDPOINT.format(namespace=application.namespace, application=application.name)
    return {"endpoint": f"{base}{path}"}


def add_application_endpoints(app: Starlette) -> Starlette:
    """Serve each application at an address of its own: the same endpoint, which looks at the path."""
    endpoint = next(route for route in app.routes if isinstance(route, Route) and route.path == ENDPOINT)
    app.router.routes.append(Route(APPLICATION_ENDPOINT, endpoint=endpoint.endpoint, methods=endpoint.methods))
    return app


def add_discovery(server: FastMCP, learning: str) -> None:
    """Serve the document, without a token."""

    @server.custom_route(PATH, methods=["GET"])
    async def mcp_json(request: Request) -> JSONResponse:
        return JSONResponse(describe(str(request.base_url), learning), headers={"Cache-Control": "max-age=300"})


def add_assertion_keys(server: FastMCP, files: Sequence[Path]) -> None:
    """Serve the keys by which outside systems check who asked for a run, without a token. The files are read anew."""

    @server.custom_route(KEYS, methods=["GET"])
    async def jwks(_request: Request) -> JSONResponse:
        try:
            return JSONResponse(published(files), headers={"Cache-Control": "max-age=300"})
        except NotPossible:
            log.exception("the keys of assertions cannot be published")
            return JSONResponse({"keys": []}, status_code=503)
