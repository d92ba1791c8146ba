"""The clients that agents come in: where each keeps its servers, and in which words. Pure.

Sources: each client's own documentation of MCP servers; docs/clients has a page for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

NAME = "penstock"
"""The name under which clients list the server."""


class ClientName(StrEnum):
    """A client that can be connected."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"
    CODEX = "codex"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class Server:
    """How the server is reached: by a command over stdio, or at an address."""

    command: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the places of files follow from."""

    home: Path
    platform: str
    """As sys.platform says it."""
    app_data: str = ""
    """%APPDATA% on Windows."""

    def settings(self, name: str) -> Path:
        """The folder in which a desktop application keeps its settings."""
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support" / name
        if self.platform == "win32":
            return Path(self.app_data or self.home / "AppData" / "Roaming") / name
        return self.home / ".config" / name


@dataclass(frozen=True, slots=True)
class Client:
    """One client."""

    title: str
    file: Callable[[Machine], Path]
    key: str
    """Under which its file keeps the servers."""
    entry: Callable[[Server], dict[str, Any]]
    takes_url: bool
    """It connects to an address by itself."""
    after: str
    """What the person has to do then."""

    @property
    def toml(self) -> bool:
        """Its file is TOML; all others are JSON."""
        return self.key == "mcp_servers"


def _by_command(server: Server) -> dict[str, Any]:
    program, *arguments = server.command
    entry: dict[str, Any] = {"command": program, "args": list(arguments)}
    return {**entry, "env": dict(server.env)} if server.env else entry


def _typed(server: Server) -> dict[str, Any]:
    return {"type": "http", "url": server.url} if server.url else {"type": "stdio", **_by_command(server)}


def _plain(server: Server) -> dict[str, Any]:
    return {"url": server.url} if server.url else _by_command(server)


def _gemini(server: Server) -> dict[str, Any]:
    return {"httpUrl": server.url} if server.url else _by_command(server)


CLIENTS: Mapping[ClientName, Client] = {
    ClientName.CLAUDE_DESKTOP: Client(
        "Claude Desktop",
        lambda machine: machine.settings("Claude") / "claude_desktop_config.json",
        "mcpServers",
        _by_command,
        takes_url=False,
        after="Quit Claude Desktop and start it again.",
    ),
    ClientName.CLAUDE_CODE: Client(
        "Claude Code",
        lambda machine: machine.home / ".claude.json",
        "mcpServers",
        _typed,
        takes_url=True,
        after="Start a new session; /mcp shows the server and signs you in.",
    ),
    ClientName.CURSOR: Client(
        "Cursor",
        lambda machine: machine.home / ".cursor" / "mcp.json",
        "mcpServers",
        _plain,
        takes_url=True,
        after="Switch it on in Settings, Tools & MCP.",
    ),
    ClientName.VSCODE: Client(
        "Visual Studio Code",
        lambda machine: machine.settings("Code") / "User" / "mcp.json",
        "servers",
        _typed,
        takes_url=True,
        after="Run `MCP: List Servers` and start it.",
    ),
    ClientName.CODEX: Client(
        "Codex",
        lambda machine: machine.home / ".codex" / "config.toml",
        "mcp_servers",
        _plain,
        takes_url=True,
        after="Start a new session; /mcp shows the server.",
    ),
    ClientName.GEMINI: Client(
        "Gemini CLI",
        lambda machine: machine.home / ".gemini" / "settings.json",
        "mcpServers",
        _gemini,
        takes_url=True,
        after="Start it again; /mcp shows the server.",
    ),
}
