"""Clients' files: ours is put in, everything else stays, nothing is lost."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.connecting.clients import CLIENTS, ClientName, Machine, Server
from penstock.cli.connecting.config_files import BACKUP, merged, rendered, write
from penstock.errors import InvalidInput

BY_COMMAND = Server(command=("/opt/penstock", "mcp", "--local"), env={"PENSTOCK_HOME": "/tmp/a b"})
BY_URL = Server(url="https://mcp.example.com/mcp")
LINUX = Machine(Path("/home/ann"), "linux")


def read(name: ClientName, text: str) -> Any:
    client = CLIENTS[name]
    return (tomllib.loads(text) if client.toml else json.loads(text))[client.key]


@pytest.mark.parametrize(
    ("name", "platform", "path"),
    [
        (ClientName.CLAUDE_DESKTOP, "linux", "/home/ann/.config/Claude/claude_desktop_config.json"),
        (
            ClientName.CLAUDE_DESKTOP,
            "darwin",
            "/home/ann/Library/Application Support/Claude/claude_desktop_config.json",
        ),
        (ClientName.CLAUDE_CODE, "linux", "/home/ann/.claude.json"),
        (ClientName.CURSOR, "darwin", "/home/ann/.cursor/mcp.json"),
        (ClientName.VSCODE, "linux", "/home/ann/.config/Code/User/mcp.json"),
        (ClientName.VSCODE, "win32", "/home/ann/AppData/Roaming/Code/User/mcp.json"),
        (ClientName.CODEX, "linux", "/home/ann/.codex/config.toml"),
        (ClientName.GEMINI, "linux", "/home/ann/.gemini/settings.json"),
    ],
)
def test_each_client_has_its_file(name: ClientName, platform: str, path: str):
    assert str(CLIENTS[name].file(Machine(Path("/home/ann"), platform))) == path


@pytest.mark.parametrize("name", list(ClientName))
def test_a_command_is_put_in_as_the_client_reads_it(name: ClientName):
    client = CLIENTS[name]
    for text in (merged(client, "", client.entry(BY_COMMAND)), rendered(client, client.entry(BY_COMMAND))):
        entry = read(name, text)["penstock"]
        assert [entry["command"], *entry["args"]] == list(BY_COMMAND.command)
        assert entry["env"] == {"PENSTOCK_HOME": "/tmp/a b"}


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        (ClientName.CLAUDE_CODE, {"type": "http", "url": BY_URL.url}),
        (ClientName.CURSOR, {"url": BY_URL.url}),
        (ClientName.VSCODE, {"type": "http", "url": BY_URL.url}),
        (ClientName.CODEX, {"url": BY_URL.url}),
        (ClientName.GEMINI, {"httpUrl": BY_URL.url}),
    ],
)
def test_an_address_is_put_in_as_the_client_reads_it(name: ClientName, entry: dict[str, str]):
    client = CLIENTS[name]
    assert read(name, merged(client, "", client.entry(BY_URL)))["penstock"] == entry


@pytest.mark.parametrize("name", [name for name in ClientName if name is not ClientName.CODEX])
def test_other_settings_and_servers_of_a_json_file_stay(name: ClientName):
    client = CLIENTS[name]
    before = {"theme": "dunkel ü", client.key: {"other": {"command": "x"}, "penstock": {"command": "old"}}, "z": [1]}
    text = merged(client, json.dumps(before), client.entry(BY_COMMAND))
    after = json.loads(text)
    assert list(after) == list(before)
    assert (after["theme"], after["z"], after[client.key]["other"]) == ("dunkel ü", [1], {"command": "x"})
    assert after[client.key]["penstock"]["command"] == "/opt/penstock"
    assert merged(client, text, client.entry(BY_COMMAND)) == text
    assert json.loads(merged(client, text, None))[client.key] == {"other": {"command": "x"}}


def test_comments_and_other_tables_of_a_toml_file_stay():
    client = CLIENTS[ClientName.CODEX]
    before = (
        '# mine\nmodel = "o"\n\n[mcp_servers.other]\ncommand = "x"\n\n[mcp_servers.penstock]\ncommand = "old"\n\n'
        '[mcp_servers.penstock.env]\nA = "1"\n\n[profiles.fast] # last\nmodel = "f"\n'
    )
    text = merged(client, before, client.entry(BY_COMMAND))
    assert text.startswith('# mine\nmodel = "o"\n')
    assert "[profiles.fast] # last" in text
    document = tomllib.loads(text)
    assert document["mcp_servers"]["other"] == {"command": "x"}
    assert document["mcp_servers"]["penstock"]["env"] == {"PENSTOCK_HOME": "/tmp/a b"}
    assert merged(client, text, client.entry(BY_COMMAND)) == text
    assert tomllib.loads(merged(client, text, None))["mcp_servers"] == {"other": {"command": "x"}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (ClientName.VSCODE, '{"servers": {}, // a comment\n}'),
        (ClientName.CURSOR, '{"mcpServers": []}'),
        (ClientName.GEMINI, "[1]"),
        (ClientName.CODEX, "model = "),
        (ClientName.CODEX, 'mcp_servers = {penstock = {command = "x"}}'),
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_left_alone(name: ClientName, text: str):
    client = CLIENTS[name]
    with pytest.raises((InvalidInput, tomllib.TOMLDecodeError)) as refused:
        merged(client, text, None if name is ClientName.CODEX else client.entry(BY_COMMAND))
    assert "--print" in getattr(refused.value, "hint", "")


def test_the_first_state_is_kept_and_nobody_else_may_read_the_file(tmp_path: Path):
    file = tmp_path / "deep" / "config.json"
    assert write(file, "one") is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    backup = file.with_name(file.name + BACKUP)
    assert write(file, "two") == write(file, "three") == backup
    assert (file.read_text(), backup.read_text()) == ("three", "one")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == ["config.json", "config.json" + BACKUP]
