"""What an image is built from: the files of a build context, copied aside and named by a digest of their content.

In a git work tree these are the files that git tracks or would track, so that virtual environments, caches and
whatever else lies about neither slow a build down nor end up in an image. What `.dockerignore` leaves out is left out
here too, so that a change of it does not build an image anew.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path


def files(context: Path) -> list[Path]:
    """The files of the context, relative to it, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "."],
        cwd=context,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [path.relative_to(context) for path in context.rglob("*")]
    rules = context / ".dockerignore"
    wanted = wanted_by(rules.read_text()) if rules.is_file() else lambda _: True
    # A tracked file may have been deleted and not yet committed.
    return sorted({path for path in found if _is_there(context / path) and wanted(path)})


def wanted_by(dockerignore: str) -> Callable[[Path], bool]:
    """Whether a file is in the context: the last rule that fits it, or a folder above it, decides."""
    lines = [line.strip() for line in dockerignore.splitlines()]
    rules = [(line[0] == "!", _pattern(line.lstrip("!"))) for line in lines if line and line[0] != "#"]

    def wanted(path: Path) -> bool:
        places = [path, *path.parents[:-1]]
        fitting = [keeps for keeps, pattern in rules if any(pattern.fullmatch(place.as_posix()) for place in places)]
        return not fitting or fitting[-1]

    return wanted


def _pattern(rule: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    words = re.split(r"(\*\*/|\*\*|\*|\?)", rule.strip("/"))
    return re.compile("".join(parts.get(word, re.escape(word)) for word in words))


def _is_there(path: Path) -> bool:
    return path.is_file() or path.is_symlink()


def stage(context: Path, target: Path) -> str:
    """Copy the context's files to `target`; return a digest of their names, modes and content."""
    content = hashlib.sha256()
    for path in files(context):
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(context / path, copy, follow_symlinks=False)
        content.update(f"{path}\0".encode())
        if copy.is_symlink():
            content.update(f"-> {copy.readlink()}\0".encode())
        else:
            body = hashlib.sha256(copy.read_bytes()).hexdigest()
            content.update(f"{copy.stat().st_mode & 0o111} {body}\0".encode())
    return content.hexdigest()


def digest(staged: str, dockerfile: Path, name: str, arguments: Mapping[str, str]) -> str:
    """Twelve hex digits over everything that decides what a build gives."""
    content = hashlib.sha256(staged.encode())
    content.update(dockerfile.read_bytes())
    content.update(repr((name, sorted(arguments.items()))).encode())
    return content.hexdigest()[:12]
