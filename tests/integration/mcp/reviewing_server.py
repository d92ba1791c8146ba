"""The small API server, which also answers TokenReviews and access reviews, and stamps who asked for a run."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from tests.integration.kube.api_server import ApiServer, Target, serving

AUDIENCE = "penstock-mcp"
OWN_TOKEN = "the-servers-own"
OWN_USER = "system:serviceaccount:penstock-system:penstock-mcp"


def a_token(name: str, audience: Any = AUDIENCE) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"aud": audience, "sub": name}).encode()).decode().rstrip("=")
    return f"e30.{payload}.{name}"


class ReviewingServer(ApiServer):
    """`users`: whom a token proves, by its last part. `may_run(user, namespace, name)`."""

    def __init__(self) -> None:
        super().__init__()
        self.users = {"agent": "system:serviceaccount:shop:agent", "other": "system:serviceaccount:lab:other"}
        self.grants: set[tuple[str, str]] = set()
        """(user, namespace): may run everything there."""
        self.reviewed: list[str] = []
        self.down = False
        self.locked_out: set[str] = set()
        """Users to whom RBAC gives nothing at all."""

    def ask_log(self, part: str) -> list[Mapping[str, str]]:
        """The headers of all requests whose path has this part."""
        return [headers for (_, path), headers in zip(self.requests, self.headers, strict=True) if part in path]

    def finish(self, namespace: str, name: str, output: Any) -> None:
        """As the operator would when all is done."""
        run = dict(self.get("workflowruns", name, namespace))
        self.put("workflowruns", {**run, "status": {"phase": "Succeeded", "progress": "1/1", "output": output}})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return web.json_response({"kind": "Status", "code": 503, "message": "down"}, status=503)
        return await super().handle(request)

    async def _serve(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.plural == "tokenreviews":
            return self._review(await request.json())
        if target.plural == "selfsubjectreviews":
            return web.json_response({"status": {"userInfo": _user(request)}}, status=201)
        if request.headers.get("Impersonate-User") in self.locked_out and target.plural != "selfsubjectaccessreviews":
            message = f"{target.plural}.penstock.dev is forbidden: {request.headers['Impersonate-User']} may not"
            return web.json_response({"kind": "Status", "code": 403, "message": message}, status=403)
        if target.plural == "selfsubjectaccessreviews":
            return self._may(request, await request.json())
        if target.plural == "workflowruns" and request.method == "POST":
            run = await request.json()
            user = _user(request)
            client = user["extra"].get("penstock.dev/client", [])
            run["spec"]["requestedBy"] = {"user": user["username"], **({"client": client[0]} if client else {})}
            return web.json_response(self._create(target, run), status=201)
        return await super()._serve(request, target)

    def _review(self, body: dict[str, Any]) -> web.Response:
        token = body["spec"]["token"]
        self.reviewed.append(token)
        user = self.users.get(token.rpartition(".")[2])
        status: dict[str, Any] = {"authenticated": user is not None}
        if user is not None:
            status |= {"audiences": body["spec"]["audiences"], "user": {"username": user, "groups": ["system:masters"]}}
        return web.json_response({**body, "status": status}, status=201)

    def _may(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        asked = body["spec"]["resourceAttributes"]
        assert (asked["group"], asked["resource"], asked["subresource"]) == ("penstock.dev", "workflows", "run")
        allowed = (request.headers["Impersonate-User"], asked["namespace"]) in self.grants
        return web.json_response({**body, "status": {"allowed": allowed}}, status=201)


def _user(request: web.Request) -> dict[str, Any]:
    """Whom the API server takes the request for."""
    client = request.headers.get("Impersonate-Extra-penstock.dev%2Fclient")
    return {
        "username": request.headers.get("Impersonate-User", OWN_USER),
        "groups": request.headers.getall("Impersonate-Group", []),
        "extra": {"penstock.dev/client": [client]} if client else {},
    }


@contextlib.asynccontextmanager
async def reviewing() -> AsyncIterator[ReviewingServer]:
    """A server on a port of its own, stopped at the end."""
    async with serving(ReviewingServer()) as server:
        yield server
