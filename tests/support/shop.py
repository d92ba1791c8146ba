"""The shop of examples/, on a real port and a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from examples.shop.roles import DEMO_TOKENS, by_token
from examples.shop.schema import opened
from examples.shop.service import application
from tests.support.http_server import listening

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back over HTTP."""

    status: int
    body: Json

    @property
    def rows(self) -> list[Json]:
        """The attributes of each row."""
        return [each["attributes"] for each in self.body["data"]]

    @property
    def row(self) -> Json:
        """The attributes of the one row."""
        return dict(self.body["data"]["attributes"])

    @property
    def refusal(self) -> str:
        """Why not."""
        return str(self.body["errors"][0]["detail"])


@dataclass(frozen=True, slots=True)
class ShopClient:
    """A customer of its HTTP."""

    address: str
    http: httpx2.AsyncClient

    async def get(self, path: str, token: str = "shop-sales", **query: str) -> Answered:
        """Read."""
        return await self._asked("GET", path, token, query=query)

    async def post(self, resource: str, token: str = "shop-sales", **attributes: Any) -> Answered:
        """Add a row."""
        return await self._asked("POST", f"/api/{resource}", token, attributes)

    async def patch(self, path: str, token: str = "shop-sales", **attributes: Any) -> Answered:
        """Change a row."""
        return await self._asked("PATCH", path, token, attributes)

    async def filtered(self, path: str, *filters: tuple[str, str], token: str = "shop-sales") -> Answered:
        """Read with parameters whose names are no identifiers."""
        return await self._asked("GET", path, token, query=dict(filters))

    async def _asked(
        self, method: str, path: str, token: str, attributes: Json | None = None, query: dict[str, str] | None = None
    ) -> Answered:
        answer = await self.http.request(
            method,
            self.address + path,
            params=query or None,
            json=None if attributes is None else {"data": {"type": "x", "attributes": attributes}},
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        return Answered(answer.status_code, answer.json())


@asynccontextmanager
async def serving_shop(database: str = "sqlite://") -> AsyncIterator[ShopClient]:
    """The shop, while it is served."""
    engine = await asyncio.to_thread(opened, database)
    try:
        async with listening(application(engine, by_token(DEMO_TOKENS))) as address, httpx2.AsyncClient() as http:
            yield ShopClient(address, http)
    finally:
        await asyncio.to_thread(engine.dispose)
