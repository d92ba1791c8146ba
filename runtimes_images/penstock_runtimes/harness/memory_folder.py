"""A work folder in memory is small, and may execute nothing: tells authors whose program met that what to do.

Only imported when a program has failed.
"""

from __future__ import annotations

import os

from .passthrough import shorten
from .protocol import REASON_LIMIT

MEMORY = "/dev/shm"
_FULL = "No space left on device"
_REFUSED = "Permission denied"
_CANNOT_EXECUTE = 126
_FIX = (
    "The work folder and /tmp are in memory here ({size} MiB{more}): give the step resources.limits.ephemeral-storage, "
    "such as 1Gi, and they are on disk"
)


def explained(reason: str, folder: str, exit_code: int | None, mounts: str = "/proc/self/mounts") -> str:
    """The reason, with the way out where the likely cause is that the folder is full, or that it executes no files.

    `mounts` is the kernel's list of what is mounted.
    """
    if not os.path.abspath(folder).startswith(f"{MEMORY}/") or not _in_memory(mounts):
        return reason
    state = os.statvfs(MEMORY)
    full = _FULL in reason or state.f_bavail == 0
    refused = state.f_flag & os.ST_NOEXEC and (_REFUSED in reason or exit_code == _CANNOT_EXECUTE)
    if not full and not refused:
        return reason
    more = ", which executes no files" if refused else ""
    fix = _FIX.format(size=state.f_blocks * state.f_frsize >> 20, more=more)
    return f"{shorten(reason, REASON_LIMIT - len(fix) - 2)}. {fix}"


def _in_memory(mounts: str) -> bool:
    kind = ""
    with open(mounts, encoding="utf-8", errors="replace") as file:
        for line in file:
            # The last one that was mounted there is the one that is seen.
            _, place, kind_here, *_ = line.split(" ")
            kind = kind_here if place == MEMORY else kind
    return kind == "tmpfs"
