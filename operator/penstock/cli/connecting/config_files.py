"""Putting one server into a client's file and leaving everything else as it is. Pure but for `write`."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.cli.connecting.clients import NAME, Client
from penstock.errors import InvalidInput

BACKUP = ".before-penstock"
"""Added to the name of a file, for its copy from before the first change."""


def rendered(client: Client, entry: Mapping[str, Any]) -> str:
    """The part that is put in, as the client's file has it; to be pasted."""
    if client.toml:
        return _table(client.key, entry)
    return json.dumps({client.key: {NAME: dict(entry)}}, indent=2, ensure_ascii=False) + "\n"


def merged(client: Client, text: str, entry: Mapping[str, Any] | None) -> str:
    """The file's text with the server in it; without it for None. Raises InvalidInput where it cannot be read."""
    return _merged_toml(client, text, entry) if client.toml else _merged_json(client, text, entry)


def write(file: Path, text: str) -> Path | None:
    """Write the file, at once or not at all; the copy of what was there before the first change, if anything was."""
    file.parent.mkdir(parents=True, exist_ok=True)
    backup = file.with_name(file.name + BACKUP)
    kept = None
    if file.exists():
        if not backup.exists():
            backup.write_bytes(file.read_bytes())
            backup.chmod(file.stat().st_mode & 0o777)
        kept = backup
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    # Clients keep tokens in the same file: nobody else may read it, not even for a moment.
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as handle:
        handle.write(text)
    new.replace(file)
    return kept


def _merged_json(client: Client, text: str, entry: Mapping[str, Any] | None) -> str:
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise InvalidInput(f"the file is not plain JSON: {error}", hint=_PASTE) from error
    servers = document.get(client.key, {}) if isinstance(document, dict) else None
    if not isinstance(servers, dict):
        raise InvalidInput(f"the file has no object `{client.key}`", hint=_PASTE)
    others = {name: server for name, server in servers.items() if name != NAME}
    if entry is None and NAME not in servers:
        return text
    document[client.key] = others if entry is None else {**others, NAME: dict(entry)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _merged_toml(client: Client, text: str, entry: Mapping[str, Any] | None) -> str:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"the file is not TOML: {error}", hint=_PASTE) from error
    ours = re.compile(rf"^\[{client.key}\.{NAME}(\..+)?\]\s*(#.*)?$")
    kept, within = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            within = ours.match(line.strip()) is not None
        if not within:
            kept.append(line)
    rest = "\n".join(kept).rstrip()
    parts = [rest] if rest else []
    if entry is not None:
        parts.append(_table(client.key, entry).rstrip())
    result = "\n\n".join(parts) + "\n" if parts else ""
    if NAME in tomllib.loads(result).get(client.key, {}) and entry is None:
        raise InvalidInput("the file writes the server in a form that is not changed here", hint=_PASTE)
    return result


def _table(key: str, entry: Mapping[str, Any]) -> str:
    # Strings and lists of JSON are the same in TOML; a nested object becomes a table of its own.
    simple = {name: value for name, value in entry.items() if not isinstance(value, Mapping)}
    lines = [
        f"[{key}.{NAME}]",
        *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in simple.items()),
    ]
    for name, value in entry.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key}.{NAME}.{name}]"]
            lines += [f"{json.dumps(inner)} = {json.dumps(text, ensure_ascii=False)}" for inner, text in value.items()]
    return "\n".join(lines) + "\n"


_PASTE = "Nothing was changed. Put it in by hand: `penstock connect CLIENT --print` shows what."
