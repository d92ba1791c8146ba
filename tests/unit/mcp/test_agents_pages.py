"""The pages for clients and agents name what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from penstock.cli.connecting.clients import ClientName
from penstock_mcp.shapes import STATUSES

ROOT = Path(__file__).parents[3]
CLIENTS = ROOT / "docs" / "clients"
TOOLS = {tool["name"] for tool in json.loads((ROOT / "tests" / "golden" / "mcp_tools.json").read_text())}


def test_each_client_has_its_page():
    index = (CLIENTS / "README.md").read_text()
    for name in ClientName:
        assert f"penstock connect {name}" in (CLIENTS / f"{name}.md").read_text()
        assert f"({name}.md)" in index


def test_the_system_prompt_explains_every_status_and_names_tools_that_exist():
    prompt = (CLIENTS / "system-prompt.md").read_text()
    assert [status for status in STATUSES if not re.search(rf"^- .*\b{status}\b.*:", prompt, re.MULTILINE)] == []
    named = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", prompt))
    assert named - TOOLS == {"idempotency_key", "exit_code", "session_id"}


def test_clients_that_nobody_can_tell_of_new_tools_are_told_to_list_again():
    (told,) = [
        line for line in (CLIENTS / "README.md").read_text().splitlines() if line.startswith("| that tools came")
    ]
    assert "subscriptions/listen" in told
    assert "list the tools again" in told
