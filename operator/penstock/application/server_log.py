"""Writes about one run in an API server's audit log: JSON, one event a line. Pure.

Of each event only what every audit level tells is needed; see "Auditing" in the documentation of Kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

_READS = ("get", "list", "watch")
_READABLE = 40
"""Characters of a run's name that the names of all its objects begin with."""
_OURS = ("workflowruns", "approvalrequests", "jobs", "pods")


@dataclass(frozen=True, slots=True)
class LoggedWrite:
    """One request that the API server answered."""

    at: str
    """When it came, RFC 3339."""
    user: str
    """Who proved who he is."""
    impersonated: str
    """As whom he acted; empty for himself."""
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    """HTTP status of the answer."""

    @property
    def done(self) -> bool:
        """It was carried out."""
        return 200 <= self.code < 300

    @property
    def acted_as(self) -> str:
        """In whose name it was done."""
        return self.impersonated or self.user

    def wire(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def writes_near(lines: Iterable[bytes], namespace: str, run: str) -> Iterator[LoggedWrite]:
    """Writes, also refused ones, to a run and to all objects whose names begin as its own objects' do, as the log has
    them. Some may be of another run with such a name.

    A line that is no event is left out: logs are cut while they are written.
    """
    # Looking for the name first spares reading millions of lines that are about something else.
    needle = run[:_READABLE].encode()
    for line in lines:
        if needle not in line:
            continue
        write = _write(line)
        if write is not None and write.namespace == namespace and write.name.startswith(run[:_READABLE]):
            yield write


def _write(line: bytes) -> LoggedWrite | None:
    try:
        event = json.loads(line)
        target = event["objectRef"]
        if event["stage"] != "ResponseComplete" or event["verb"] in _READS or target["resource"] not in _OURS:
            return None
        made = (event.get("responseObject") or {}).get("metadata", {}).get("name", "")
        return LoggedWrite(
            at=event.get("requestReceivedTimestamp", ""),
            user=event["user"].get("username", ""),
            impersonated=(event.get("impersonatedUser") or {}).get("username", ""),
            verb=event["verb"],
            resource=target["resource"],
            subresource=target.get("subresource", ""),
            namespace=target.get("namespace", ""),
            name=target.get("name") or made,
            code=(event.get("responseStatus") or {}).get("code", 0),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
