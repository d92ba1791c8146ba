from __future__ import annotations

import aiohttp

from penstock.handlers.probes import probes


async def asked(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_a_probe_says_what_is_wrong():
    wrong = {"ready": "not everything was listed yet"}
    async with probes(0, alive=lambda: "", ready=lambda: wrong["ready"], host="127.0.0.1") as port:
        assert await asked(port, "/healthz") == (200, "ok")
        assert await asked(port, "/readyz") == (503, "not everything was listed yet")
        wrong["ready"] = ""
        assert await asked(port, "/readyz") == (200, "ok")
