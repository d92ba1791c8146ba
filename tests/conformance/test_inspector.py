"""The protocol's Inspector reads our tool list, and finds no schema that some client could not use."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.node_tools import node_tools

INSPECTOR = ".bin/mcp-inspector"


def inspect(address: str, *arguments: str) -> dict[str, Any]:
    command = [*node_tools(Path(__file__).parent).command(INSPECTOR), "--cli", address, "--transport", "http"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.timeout(300)
def test_the_strict_inspector_accepts_the_tools(own_server: str):
    listed = inspect(own_server, "--method", "tools/list", "--strict")
    names = {tool["name"] for tool in listed["tools"]}
    assert {"execute_shop__order_processing", "get_run", "approve_workflow"} <= names
