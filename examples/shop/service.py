"""The shop over HTTP."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from examples.shop import json_api, rules
from examples.shop.discovery import document
from examples.shop.resources import RESOURCES, Resource
from examples.shop.roles import Role, RoleOf

LARGEST = 65_536
"""Bytes of a request's body."""


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


@dataclass(frozen=True, slots=True)
class Shop:
    """The rows of a database, as one role sees them."""

    engine: Engine

    def page(self, resource: Resource, role: Role, query: dict[str, str]) -> dict[str, Any]:
        """One page of rows, and how many there are."""
        wanted = [*json_api.conditions(resource, query), _seen_by(resource, role)]
        number, size = json_api.page(query)
        rows = _rows(resource).where(*wanted).order_by(resource.table.c.id).limit(size).offset((number - 1) * size)
        with self.engine.connect() as connection:
            total = connection.execute(select(func.count()).select_from(resource.source).where(*wanted)).scalar_one()
            found = [json_api.shown(resource, row) for row in connection.execute(rows).mappings().all()]
        return {"data": found, "meta": {"total": total}, "number": number, "size": size}

    def row(self, resource: Resource, role: Role, row_id: str) -> dict[str, Any]:
        """One row. Raises Refusal where there is none, or none that the role sees."""
        with self.engine.connect() as connection:
            return {"data": _one(connection, resource, role, row_id)}

    def add(self, resource: Resource, role: Role, body: Any) -> dict[str, Any]:
        """A new row, by the shop's rules. Raises Refusal, and then nothing is kept."""
        values = json_api.attributes(resource, body, whole=True)
        with self.engine.begin() as connection:
            _check_parents(connection, role, values)
            rules.before_insert(connection, resource.name, values)
            new = connection.execute(insert(resource.table).values(values)).inserted_primary_key[0]
            rules.after_write(connection, resource.name, {**values, "id": new})
            return {"data": _one(connection, resource, Role("shop"), str(new))}

    def change(self, resource: Resource, role: Role, row_id: str, body: Any) -> dict[str, Any]:
        """A row with other values, by the shop's rules. Raises Refusal, and then nothing is kept."""
        values = json_api.attributes(resource, body, whole=False)
        with self.engine.begin() as connection:
            key = int(_one(connection, resource, role, row_id)["id"])
            _check_parents(connection, role, values)
            if values:
                connection.execute(update(resource.table).where(resource.table.c.id == key).values(values))
            rules.after_write(connection, resource.name, {**values, "id": key})
            return {"data": _one(connection, resource, role, row_id)}


def application(engine: Engine, role_of: RoleOf) -> Starlette:
    """The service over a database."""
    shop = Shop(engine)

    async def rows(request: Request) -> JSONResponse:
        resource, role = _resource(request), _role(request, role_of)
        if request.method == "POST":
            made = await run_in_threadpool(shop.add, resource, role, await _body(request))
            return JSONResponse(made, status_code=201, media_type="application/vnd.api+json")
        page = await run_in_threadpool(shop.page, resource, role, dict(request.query_params))
        number, size = page.pop("number"), page.pop("size")
        more = number * size < page["meta"]["total"]
        page["links"] = {
            "next": str(request.url.include_query_params(**{"page[number]": number + 1})) if more else None
        }
        return JSONResponse(page, media_type="application/vnd.api+json")

    async def row(request: Request) -> JSONResponse:
        resource, role, row_id = _resource(request), _role(request, role_of), request.path_params["id"]
        if request.method == "PATCH":
            found = await run_in_threadpool(shop.change, resource, role, row_id, await _body(request))
        else:
            found = await run_in_threadpool(shop.row, resource, role, row_id)
        return JSONResponse(found, media_type="application/vnd.api+json")

    async def described(request: Request) -> JSONResponse:
        return JSONResponse(document(str(request.base_url).rstrip("/")))

    return Starlette(
        routes=[
            Route("/.well-known/mcp.json", described),
            Route("/api/{resource}", _answering(rows), methods=["GET", "POST"]),
            Route("/api/{resource}/{id}", _answering(row), methods=["GET", "PATCH"]),
        ]
    )


def _answering(
    endpoint: Callable[[Request], Awaitable[JSONResponse]],
) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def answer(request: Request) -> JSONResponse:
        try:
            return await endpoint(request)
        except Refusal as refusal:
            return _error(refusal.status, refusal.detail)
        except json_api.BadRequest as bad:
            return _error(400, str(bad))
        except rules.Refused as refused:
            return _error(422, str(refused))
        except IntegrityError:
            return _error(422, "a row that this one names is not there, or a value that must be unique is taken")

    return answer


def _error(status: int, detail: str) -> JSONResponse:
    challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    body = {"errors": [{"status": str(status), "detail": detail}]}
    return JSONResponse(body, status_code=status, headers=challenge, media_type="application/vnd.api+json")


def _resource(request: Request) -> Resource:
    name = request.path_params["resource"]
    if name not in RESOURCES:
        raise Refusal(404, f"no resource {name}: there are {', '.join(RESOURCES)}")
    resource = RESOURCES[name]
    if request.method != "HEAD" and request.method not in resource.methods:
        raise Refusal(405, f"{name} takes {', '.join(resource.methods)}")
    return resource


def _role(request: Request, role_of: RoleOf) -> Role:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    role = role_of(token) if scheme.lower() == "bearer" else None
    if role is None:
        raise Refusal(401, "send Authorization: Bearer with a token that this shop knows")
    if request.method not in ("GET", "HEAD") and not role.writes:
        raise Refusal(403, f"the role {role.name} only reads")
    return role


async def _body(request: Request) -> Any:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LARGEST:
            raise Refusal(413, f"at most {LARGEST} bytes")
    try:
        return json.loads(received)
    except ValueError:
        raise Refusal(400, "the body is no JSON") from None


def _rows(resource: Resource) -> Any:
    return select(*(column.label(name) for name, column in resource.columns.items())).select_from(resource.source)


def _one(connection: Connection, resource: Resource, role: Role, row_id: str) -> dict[str, Any]:
    known = row_id.isdecimal() and len(row_id) < 10
    wanted = _rows(resource).where(resource.table.c.id == int(row_id), _seen_by(resource, role)) if known else None
    row = connection.execute(wanted).mappings().first() if wanted is not None else None
    if row is None:
        raise Refusal(404, f"no {resource.name} {row_id}")
    return json_api.shown(resource, row)


def _seen_by(resource: Resource, role: Role) -> ColumnElement[bool]:
    return true() if role.region is None else resource.region == role.region


def _check_parents(connection: Connection, role: Role, values: dict[str, Any]) -> None:
    """What a row hangs on must be there, and be the role's to see."""
    for name, parent in (("customer_id", "Customer"), ("order_id", "Order")):
        if values.get(name) is not None:
            _one(connection, RESOURCES[parent], role, str(values[name]))
