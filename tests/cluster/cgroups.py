"""The cgroup that every process of the cluster is born in, so that none is overlooked when it stops.

The kubelet puts pods below it, shims inherit it. The machine's own cgroup mounts are only read.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.cluster.programs import ClusterError

MOUNT = Path("/sys/fs/cgroup")


def hierarchies(mount: Path = MOUNT) -> list[Path]:
    """The roots of all hierarchies: one under cgroup v2, one for each controller and an empty v2 under v1."""
    if (mount / "cgroup.controllers").exists():
        return [mount]
    found = (path for path in mount.iterdir() if not path.is_symlink())
    return sorted(path for path in found if (path / "cgroup.procs").exists())


def create(name: str, mount: Path = MOUNT) -> Path:
    """Make the group in every hierarchy; return the file that a process joins it by."""
    roots = hierarchies(mount)
    for root in roots:
        folder = root / name
        folder.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            # Under v1 a cpuset takes no process before these are set.
            if (folder / file).exists() and not (folder / file).read_text().strip():
                (folder / file).write_text((root / file).read_text())
    tracked = next((root for root in roots if root.name == "pids"), roots[0] if roots else None)
    if tracked is None:
        raise ClusterError(f"no cgroup hierarchy is mounted under {mount}")
    own = tracked / name / "processes"
    own.mkdir(exist_ok=True)
    return own / "cgroup.procs"


def members(name: str, mount: Path = MOUNT) -> set[int]:
    """The ids of all processes in the group and below it, in any hierarchy."""
    found: set[int] = set()
    for root in hierarchies(mount):
        for folder in _folders(root / name):
            try:
                found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
            except OSError:
                continue  # removed while we looked
    return found


def remove(name: str, mount: Path = MOUNT) -> bool:
    """Remove the group wherever it is empty; whether nothing of it is left."""
    for root in hierarchies(mount):
        for folder in reversed(_folders(root / name)):
            try:
                folder.rmdir()
            except OSError:
                continue  # gone, or its last process is just ending: the caller tries again
    return not any((root / name).exists() for root in hierarchies(mount))


def _folders(top: Path) -> list[Path]:
    # os.walk, unlike Path.rglob, does not mind folders that vanish under it; parents come before children.
    return [Path(folder) for folder, _, _ in os.walk(top)]
