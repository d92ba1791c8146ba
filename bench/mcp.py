"""`python -m bench.mcp`: what the MCP server takes for a call, with 10, 1,000 and 5,000 Workflows and tokens proved.

The real server process over HTTP, in front of a small API server in a process of its own. Wall times hold both; the
server's own time is its processor time, from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.integration.mcp.reviewing_server import OWN_TOKEN, a_token

SIZES = (10, 1000, 5000)
SECONDS = 3.0
"""Of each measurement."""
CLIENTS = (1, 16)
RESULT = Path("build/bench-mcp.json")
MODERN = "2026-07-28"
NO_LIMITS = {"PENSTOCK_MCP_RATE": "1000000", "PENSTOCK_MCP_BURST": "1000000"}
"""One caller may ask less often than this measures."""
_TICKS = os.sysconf("SC_CLK_TCK")

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the result."""

    workflows: int
    call: str
    clients: int
    per_second: float
    p50_ms: float
    own_ms: float
    """Processor time of the server for one call."""


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of request."""

    name: str
    path: str
    bodies: Iterator[Body]


def main() -> int:
    """Measure, print, write."""
    argparse.ArgumentParser(prog="python -m bench.mcp", description=__doc__).parse_args()
    figures = [figure for size in SIZES for figure in asyncio.run(_of_size(size))]
    print(f"{'Workflows':>9}  {'call':<26}{'clients':>8}{'calls/s':>9}{'p50 ms':>8}{'own ms':>8}")
    for row in figures:
        numbers = f"{row.clients:>8}{row.per_second:>9.0f}{row.p50_ms:>8.2f}{row.own_ms:>8.2f}"
        print(f"{row.workflows:>9}  {row.call:<26}{numbers}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([asdict(row) for row in figures], indent=2) + "\n")
    return 0


async def _of_size(size: int) -> list[Figure]:
    async with _served(size) as (address, pid), aiohttp.ClientSession() as session:
        run = await _first_run(session, address)
        return [
            await _measure(session, address, pid, size, call, clients) for call in _calls(run) for clients in CLIENTS
        ]


def _calls(run: str) -> list[Call]:
    tool = "execute_shop_0__order_0"
    execute = {"context": {"customer_id": "CUST-1", "order_total": 7}, "wait": False}
    return [
        Call("get_run", "/mcp", _requests("tools/call", "get_run", {"run": run})),
        Call("execute, without waiting", "/mcp", _requests("tools/call", tool, execute)),
        Call("tools/list, the first page", "/mcp", _requests("tools/list", None, {})),
        Call("tools/list of one app", "/apps/shop-0/app-0/mcp", _requests("tools/list", None, {})),
    ]


async def _measure(
    session: aiohttp.ClientSession, address: str, pid: int, size: int, call: Call, clients: int
) -> Figure:
    async def one() -> None:
        while time.perf_counter() < end:
            begun = time.perf_counter()
            await _post(session, f"{address}{call.path}", next(call.bodies))
            took.append(time.perf_counter() - begun)

    await _post(session, f"{address}{call.path}", next(call.bodies))
    took: list[float] = []
    before, begun = _processor_seconds(pid), time.perf_counter()
    end = begun + SECONDS
    await asyncio.gather(*(one() for _ in range(clients)))
    spent, wall = _processor_seconds(pid) - before, time.perf_counter() - begun
    own = spent / len(took) * 1000
    return Figure(size, call.name, clients, len(took) / wall, statistics.median(took) * 1000, own)


async def _first_run(session: aiohttp.ClientSession, address: str) -> str:
    arguments = {"context": {"customer_id": "CUST-1"}, "wait": False}
    body = next(_requests("tools/call", "execute_shop_0__order_0", arguments))
    answer = await _post(session, f"{address}/mcp", body)
    return str(answer["result"]["structuredContent"]["run"])


def _requests(method: str, name: str | None, arguments: Body) -> Iterator[Body]:
    meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    named = {} if name is None else {"name": name, "arguments": arguments}
    for number in itertools.count(1):
        yield {"jsonrpc": "2.0", "id": number, "method": method, "params": {**named, "_meta": meta}}


async def _post(session: aiohttp.ClientSession, url: str, body: Body) -> Body:
    headers = {
        "Authorization": f"Bearer {a_token('agent')}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": body["method"],
        **({"Mcp-Name": body["params"]["name"]} if "name" in body["params"] else {}),
    }
    text = await _text(session, url, body, headers)
    # A tool that reports progress answers as a stream of events; the answer is the last of them.
    last = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    answer: Body = json.loads(last[-1] if last else text)
    if "result" not in answer or answer["result"].get("isError"):
        raise SystemExit(f"{url} answered {text[:500]}")
    return answer


async def _text(session: aiohttp.ClientSession, url: str, body: Body, headers: Mapping[str, str]) -> str:
    # A connection that the server closes just now is no answer: the next one is taken, as every client does.
    for _ in range(3):
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with session.post(url, json=body, headers=headers) as response:
                return await response.text()
    raise SystemExit(f"{url} keeps closing its connections")


@contextlib.asynccontextmanager
async def _served(size: int) -> AsyncIterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as folder, _process(["-m", "bench.mcp_cluster", str(size)]) as api:
        assert api.stdout is not None
        kubeconfig = Path(folder) / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(api.stdout.readline().strip())))
        port = _free_port()
        arguments = ["-m", "penstock_mcp", "--http", "--cluster", "--host", "127.0.0.1", "--port", str(port)]
        with _process(arguments, {"KUBECONFIG": str(kubeconfig), **NO_LIMITS}) as server:
            address = f"http://127.0.0.1:{port}"
            await _until_ready(address, lambda: server.poll() is None)
            yield address, server.pid


@contextlib.contextmanager
def _process(arguments: list[str], more: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(more or {})},
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


async def _until_ready(address: str, lives: Callable[[], bool]) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(180):
        while lives():
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{address}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise SystemExit("the server did not start")


def _kubeconfig(url: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": url}}],
        "users": [{"name": "bench", "user": {"token": OWN_TOKEN}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    }


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
