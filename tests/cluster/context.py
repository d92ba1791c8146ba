"""What an image is built from: the files of a build context, copied aside and named by a digest of their content.

In a git work tree these are the files that git tracks or would track, so that virtual environments, caches and
whatever else lies about neither slow a build down nor end up in an image.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
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
    # A tracked file may have been deleted and not yet committed.
    return sorted({path for path in found if (context / path).is_file() or (context / path).is_symlink()})


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
