#!/usr/bin/python3
"""A stand-in for docker: takes its command line, keeps it, and runs "containers" as plain processes of this machine.

Images are folders of `images` beside this file: `user` holds the image's user, `remote` says that it is to be pulled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WITH_VALUE = {"--name", "--pull", "--cap-drop", "--security-opt", "--tmpfs", "--mount", "--user", "--workdir"}


def main(words: list[str]) -> int:
    with (HERE / "calls.jsonl").open("a") as file:
        file.write(json.dumps(words) + "\n")
    if (HERE / "away").exists():
        print("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", file=sys.stderr)
        return 1
    match words:
        case ["image", "inspect", "--format", "{{.Config.User}}", image]:
            return inspect(image)
        case ["pull", "--quiet", image]:
            return pull(image)
        case ["run", *rest]:
            return run(rest)
        case ["rm", "--force", _]:
            return 0
    raise SystemExit(f"nobody taught me {words}")


def inspect(image: str) -> int:
    folder = HERE / "images" / image
    if not folder.exists() or (folder / "remote").exists():
        print(f"Error: No such image: {image}", file=sys.stderr)
        return 1
    print((folder / "user").read_text())
    return 0


def pull(image: str) -> int:
    remote = HERE / "images" / image / "remote"
    if not remote.exists():
        print(f"Error response from daemon: pull access denied for {image}", file=sys.stderr)
        return 1
    remote.unlink()
    return 0


def run(words: list[str]) -> int:
    environment: dict[str, str] = {"PATH": os.defpath}
    command: list[str] = []
    mounts: dict[str, str] = {}
    while words and words[0].startswith("--"):
        option = words.pop(0)
        if option == "--env":
            name, given, value = words.pop(0).partition("=")
            environment[name] = value if given else os.environ[name]
        elif option == "--entrypoint":
            command = [words.pop(0)]
        elif option in WITH_VALUE:
            value = words.pop(0)
            if option == "--mount":
                fields = {part.partition("=")[0]: part.partition("=")[2] for part in value.split(",")}
                mounts[fields["target"]] = fields["source"]
    command += words[1:]
    environment = {name: mounts.get(value, value) for name, value in environment.items()}
    try:
        ended = subprocess.run(command, env=environment, check=False).returncode
    except FileNotFoundError:
        print(f'exec: "{command[0]}": executable file not found in $PATH', file=sys.stderr)
        return 127
    return ended if ended >= 0 else 128 - ended


sys.exit(main(sys.argv[1:]))
