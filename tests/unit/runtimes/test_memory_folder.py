"""What authors are told when a work folder in memory was full, or would not execute a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from penstock_runtimes.harness.memory_folder import MEMORY, explained
from penstock_runtimes.harness.protocol import REASON_LIMIT

pytestmark = pytest.mark.skipif(not Path(MEMORY).is_dir(), reason=f"this system has no {MEMORY}")

FOLDER = f"{MEMORY}/work"
FULL = "OSError: [Errno 28] No space left on device (step.py, line 3)"
DISK = "/dev/sda1 /dev/shm ext4 rw 0 0\n"
SHM = "proc /proc proc rw 0 0\nshm /dev/shm tmpfs rw,nosuid,nodev,noexec,size=65536k 0 0\n"


def told(tmp_path: Path, reason: str, folder: str = FOLDER, mounts: str = SHM, exit_code: int = 1) -> str:
    file = tmp_path / "mounts"
    file.write_text(mounts)
    return explained(reason, folder, exit_code, str(file))


def test_a_full_folder_names_the_way_out(tmp_path: Path):
    size = os.statvfs(MEMORY).f_blocks * os.statvfs(MEMORY).f_frsize // 1024**2

    assert told(tmp_path, FULL).startswith(f"{FULL}. The work folder and /tmp are in memory here ({size} MiB)")
    assert "resources.limits.ephemeral-storage" in told(tmp_path, FULL)


def test_a_long_reason_makes_room_for_it(tmp_path: Path):
    reason = told(tmp_path, f"{'é' * REASON_LIMIT}: No space left on device\n" + FULL)

    assert len(reason.encode()) <= REASON_LIMIT
    assert reason.endswith("they are on disk")


@pytest.mark.parametrize(
    ("reason", "folder", "mounts"),
    [
        pytest.param("ValueError: no", FOLDER, SHM, id="another failure"),
        pytest.param(FULL, "/home/me/work", SHM, id="a folder elsewhere"),
        pytest.param(FULL, FOLDER, SHM + DISK, id="a disk mounted over the memory"),
    ],
)
def test_nothing_is_said_where_it_would_be_wrong(tmp_path: Path, reason: str, folder: str, mounts: str):
    assert told(tmp_path, reason, folder, mounts) == reason
