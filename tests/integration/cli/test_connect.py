"""`penstock connect` as a process, and what it wrote as a client starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from penstock.settings import process_environment
from tests.support.mcp_client import tool_names


def connect(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": process_environment()["PATH"], "PENSTOCK_HOME": str(home / "data")}
    command = [sys.executable, "-m", "penstock.cli.main", "connect", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def test_what_is_written_starts_the_server(tmp_path: Path):
    done = connect(tmp_path, "cursor", "--local")
    assert done.returncode == 0, done.stderr
    entry = json.loads((tmp_path / ".cursor" / "mcp.json").read_text())["mcpServers"]["penstock"]
    environment = {**entry["env"], "PATH": process_environment()["PATH"], "HOME": str(tmp_path)}
    transport = StdioTransport(entry["command"], entry["args"], env=environment, keep_alive=False)
    async with Client(transport, init_timeout=60) as client:
        assert "run_script_in_dir" in await tool_names(client)


def test_a_dry_run_shows_the_change_and_writes_nothing(tmp_path: Path):
    (tmp_path / ".gemini").mkdir()
    file = tmp_path / ".gemini" / "settings.json"
    file.write_text('{\n  "theme": "x"\n}\n')
    done = connect(tmp_path, "gemini", "--url", "https://mcp.example.com/mcp", "--dry-run")
    assert '+      "httpUrl": "https://mcp.example.com/mcp"' in done.stdout
    assert file.read_text() == '{\n  "theme": "x"\n}\n'


def test_a_client_that_takes_no_address_says_what_to_do(tmp_path: Path):
    done = connect(tmp_path, "claude-desktop", "--url", "https://mcp.example.com/mcp")
    assert done.returncode != 0
    assert "Connectors" in done.stderr
    assert list(tmp_path.iterdir()) == []
