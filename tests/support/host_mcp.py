"""The MCP server as a process of this machine, with its ServiceAccount's own rights on the cluster."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster import RELEASE, ROOT, SYSTEM_NAMESPACE, Cluster, wait_for
from tests.support.credentials import service_accounts_kubeconfig


@contextmanager
def host_mcp_server(cluster: Cluster, folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """The address of its endpoint while it runs; `settings` without their prefix, such as `MCP_GROUPS`."""
    kubeconfig = service_accounts_kubeconfig(cluster, SYSTEM_NAMESPACE, f"{RELEASE}-mcp", folder)
    port = _free_port()
    origin = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    own = {f"PENSTOCK_{name}": value for name, value in settings.items()}
    environment = {
        **kept,
        "KUBECONFIG": str(kubeconfig),
        "PENSTOCK_PORT": str(port),
        "PENSTOCK_MCP_URL": f"{origin}/mcp",
        **own,
    }
    command = [sys.executable, "-m", "penstock_mcp", "--http", "--cluster", "--host", "127.0.0.1"]
    log = folder / "mcp.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: _ready(origin), seconds=60, what=lambda: f"the server is ready\n{log.read_text()}")
        yield f"{origin}/mcp"
    finally:
        process.terminate()
        process.wait(30)


def _ready(origin: str) -> bool:
    try:
        with urllib.request.urlopen(f"{origin}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
