from __future__ import annotations

from pathlib import Path

import httpx2

from penstock.adapters.assertion_key import LocalKey
from penstock_mcp.discovery import add_assertion_keys
from tests.support.mcp_client import a_server, own
from tests.support.memory_access import World, a_workflow


async def test_programs_find_out_how_to_call_this_server_and_nothing_of_its_tenants():
    app = a_server(own(World(a_workflow()))).http_app(path="/mcp")
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://mcp.example.com") as client:
        answer = await client.get("/.well-known/mcp.json")
    found = answer.json()
    assert found["base_url"] == "http://mcp.example.com"
    assert found["transport"] == {"type": "streamable-http", "url": "http://mcp.example.com/mcp"}
    assert found["protocol_versions"][0] == "2026-07-28"
    assert "wait_for_run" in found["learning"]
    assert "order" not in answer.text


async def test_the_keys_of_assertions_are_published_and_never_what_signs(tmp_path: Path):
    key = LocalKey(tmp_path / "key.pem", "penstock")
    key.ensure()
    server = a_server(own(World()))
    add_assertion_keys(server, [key.path])
    transport = httpx2.ASGITransport(app=server.http_app(path="/mcp"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://mcp.example.com") as client:
        [published] = (await client.get("/.well-known/jwks.json")).json()["keys"]
        assert (published["kty"], published["alg"], "d" in published) == ("EC", "ES256", False)
        key.path.unlink()
        assert (await client.get("/.well-known/jwks.json")).status_code == 503
