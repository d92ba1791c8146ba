"""Runs the public conformance suite and reads what it found."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.node_tools import node_tools

HERE = Path(__file__).parent
SUITE = "@modelcontextprotocol/conformance/dist/index.js"
Failures = dict[str, list[str]]
"""By scenario: what failed in it; an empty list where nothing did."""

_FOLDER = re.compile(r"server-(?P<scenario>.+?)-\d{4}-\d\d-\d\dT[-\dZ]+")


def run_suite(address: str, results: Path, *choice: str) -> Failures:
    """The server scenarios of a choice, such as `--requirements 2026-07-28` or `--scenario ping`."""
    command = [*node_tools(HERE).command(SUITE), "server", "--url", address, *choice]
    done = subprocess.run([*command, "-o", str(results)], capture_output=True, text=True, timeout=300, check=False)
    found = {_scenario(path): _failed(json.loads(path.read_text())) for path in results.glob("*/checks.json")}
    assert found, f"the suite ran nothing:\n{done.stdout}\n{done.stderr}"
    return found


def exceptions(version: str) -> Mapping[str, str]:
    """Scenarios that may fail, each with its reason (baseline.yaml)."""
    listed: Mapping[str, Mapping[str, str]] = yaml.safe_load((HERE / "baseline.yaml").read_text())
    return listed.get(version) or {}


def _scenario(path: Path) -> str:
    named = _FOLDER.fullmatch(path.parent.name)
    assert named, path
    return named["scenario"]


def _failed(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    failed = [check for check in checks if check["status"] == "FAILURE"]
    return [f"{check['id']}: {check.get('errorMessage') or check.get('description')}" for check in failed]
