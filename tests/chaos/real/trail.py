"""The API server's audit log beside what its watches told: both must say the same, and say who it was. Pure, but for
reading the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.history import RUN, History, started
from tests.support.cluster import OPERATOR

_DONE = 300
_MADE = ("jobs", "pods", "approvalrequests")
"""What only the operator makes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of the audit log."""

    who: str
    """Whoever acted, or as whom."""
    verb: str
    resource: str
    """Plural, with the subresource: `jobs/status`."""
    name: str
    code: int
    """Of the answer; 0 where none was given, which leaves open what became of it."""


def entries(log: Path, since: int, namespace: str) -> Iterator[Entry]:
    """Those of one namespace from an offset of the file on."""
    mark = f'"namespace":"{namespace}"'.encode()
    with log.open("rb") as handle:
        handle.seek(since)
        for line in handle:
            if mark in line and line.endswith(b"\n"):
                yield entry(json.loads(line))


def entry(event: dict[str, Any]) -> Entry:
    """From an event as the API server writes it."""
    target = event.get("objectRef", {})
    resource = target.get("resource", "") + (f"/{target['subresource']}" if target.get("subresource") else "")
    who = event.get("impersonatedUser") or event["user"]
    code = event.get("responseStatus", {}).get("code", 0)
    return Entry(who.get("username", ""), event["verb"], resource, target.get("name", ""), code)


def made_once_by_the_operator(history: History, trail: Sequence[Entry]) -> Iterator[str]:
    """Each Job, pod of a Job and request was created by the operator; an attempt's Job by one request that was done."""
    done = Counter(
        (each.resource, each.name)
        for each in trail
        if each.verb == "create" and each.who == OPERATOR and each.code < _DONE
    )
    for change in history.changes:
        meta = change.object["metadata"]
        ours = change.plural == "approvalrequests" or started(change.plural, change.object) is not None
        if change.kind == "ADDED" and change.plural in _MADE and ours and not done[change.plural, meta["name"]]:
            yield f"{change.plural} {meta['name']} is there, and no request of the operator made it"
    # 0: nobody was told, so it may have been carried out or not.
    sure = Counter(
        each.name for each in trail if each.resource == "jobs" and each.verb == "create" and 0 < each.code < _DONE
    )
    yield from (f"Job {name} was created {times} times" for name, times in sure.items() if times > 1)


def votes_are_their_voters_own(history: History, trail: Sequence[Entry]) -> Iterator[str]:
    """For each vote there is a request in the name of its voter that was done, and for each such request a vote."""
    cast: Counter[tuple[str, str]] = Counter()
    for (_, uid), found in {(change.plural, change.uid): change.object for change in history.changes}.items():
        if "request" in found.get("spec", {}) and uid:
            cast.update((found["metadata"]["name"], vote["by"]) for vote in found["spec"].get("decisions", ()))
    told = Counter(
        (each.name, each.who)
        for each in trail
        if (each.resource, each.verb) == ("approvalrequests", "patch")
        and 0 < each.code < _DONE
        and each.who != OPERATOR
    )
    for vote in cast.keys() | told.keys():
        if cast[vote] != told[vote]:
            yield f"{vote[1]} voted {told[vote]} times on {vote[0]}, and {cast[vote]} votes are there"


def nobody_else_writes(history: History, trail: Sequence[Entry]) -> Iterator[str]:
    """What belongs to a run is written by the operator and by the cluster's own controllers alone."""
    ours = {
        (change.plural, change.object["metadata"]["name"])
        for change in history.changes
        if change.plural in ("jobs", "pods", "configmaps") and RUN in (change.object["metadata"].get("labels") or {})
    }
    for each in trail:
        plural = each.resource.partition("/")[0]
        if (plural, each.name) in ours and each.code < _DONE and not _may_write(each.who):
            yield f"{each.who} did {each.verb} on {each.resource} {each.name}"


def _may_write(who: str) -> bool:
    return who == OPERATOR or who.startswith(("system:node:", "system:kube-", "system:serviceaccount:kube-system:"))


CHECKS = {
    check.__name__: check for check in (made_once_by_the_operator, votes_are_their_voters_own, nobody_else_writes)
}


def violations(history: History, trail: Sequence[Entry]) -> list[tuple[str, str]]:
    """Every breach, with the name of the check that found it; each once."""
    found = {(name, breach): None for name, check in CHECKS.items() for breach in check(history, trail)}
    return list(found)
