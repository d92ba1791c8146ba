"""Our own writes, counted by the API server: its audit log, one JSON object a line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path


class AuditLog:
    """The part of an audit log that is written from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = path.stat().st_size

    def writes_by_run(self, user: str, runs: frozenset[str]) -> Counter[str]:
        """How many mutating requests `user` made for each run: for the run itself and all that is named after it.

        Event objects and Leases are not in the log (and do not count).
        """
        counts: Counter[str] = Counter()
        with self._path.open("rb") as file:
            file.seek(self._start)
            for line in file:
                entry = json.loads(line)
                if entry["user"]["username"] != user:
                    continue
                name = _name(entry)
                owner = next((run for run in runs if name == run or name.startswith(f"{run}-")), None)
                if owner is not None:
                    counts[owner] += 1
        return counts


def _name(entry: dict[str, dict[str, str]]) -> str:
    reference = entry.get("objectRef") or {}
    return reference.get("name", "")
