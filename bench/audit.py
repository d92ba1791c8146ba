"""The operator's own writes for each run, out of what the API server wrote into its audit log. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from tests.cluster.audit import Write

_LOGS = re.compile("-logs-[0-9a-f]{10}$")


def writes_by_run(writes: Iterable[Write], user: str | None, runs: Collection[str]) -> Counter[str]:
    """How many mutating requests `user` (None: anybody) made for each run: for it and all that is named after it.

    Event objects and Lease renewals are not in that log, and do not count; nor does the one ConfigMap with the ends of
    a run's logs, which is written after the run. A refused request counts: it was made.
    """
    counts: Counter[str] = Counter()
    for write in writes:
        counted = user in (None, write.user) and not (write.resource == "configmaps" and _LOGS.search(write.name))
        owner = _owner(write.name, runs) if counted else None
        if owner is not None:
            counts[owner] += 1
    return counts


def _owner(name: str, runs: Collection[str]) -> str | None:
    """The run that something is named after: `<run>` or `<run>-<step>-…`."""
    parts = name.split("-")
    beginnings = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((beginning for beginning in beginnings if beginning in runs), None)
