"""Gates find their people: what is told of a gate, when, and that it is told once.

What was told stands in an annotation of the gate, written after it was handed over. An operator that dies in between
tells it once more under the same id. A channel that does not take it holds up nothing but itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.application.safe_text import one_line
from penstock.errors import PenstockError, TransientError, Unavailable
from penstock.ports.access import Key
from penstock.ports.engine import Clock
from penstock.ports.notices import Channel, Notice, Occasion, Told

ANNOTATION = "penstock.dev/told"
MAX_TRIES = 60
"""Half an hour, at the waits of the work queue: a service that is away for longer is told nothing more of this gate."""
_PENDING = "Pending"
_LONGEST = 500
"""Characters of the words of others in a notice."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """What an installation decides."""

    before: timedelta = timedelta(hours=1)
    """How long before a gate lapses people are reminded; never before three quarters of its time are over."""
    link: str = ""
    """Address where a gate can be answered; `{namespace}`, `{name}` and `{run}` are put in. Empty: there is none."""


def told_of(request: ApprovalRequest) -> tuple[Occasion, ...]:
    """What was told of a gate already."""
    words = request.metadata.annotations.get(ANNOTATION, "").split(",")
    return tuple(occasion for occasion in Occasion if occasion in words)


def due(request: ApprovalRequest, now: datetime, before: timedelta) -> tuple[Occasion | None, datetime | None]:
    """What is to be told of a gate now, and when to look again if nothing is."""
    told, asked, expires = told_of(request), request.metadata.creation_timestamp, request.spec.request.expires_at
    if request.status.phase != _PENDING:
        # Of a gate that was answered before anybody was asked there is nothing to tell; nor of those of long ago.
        return (Occasion.ENDED if told and Occasion.ENDED not in told else None), None
    if Occasion.OPENED not in told:
        return Occasion.OPENED, None
    if Occasion.EXPIRING in told:
        return None, None
    remind = expires - min(before, (expires - (asked or now)) / 4)
    return (Occasion.EXPIRING, None) if now >= remind else (None, remind)


class Notifier:
    """Tells of gates, one look at a time. `find` gives the newest known state of a gate."""

    def __init__(
        self,
        find: Callable[[Key], ApprovalRequest | None],
        channels: Mapping[str, Channel],
        told: Told,
        clock: Clock,
        settings: NoticeSettings,
    ) -> None:
        self._find = find
        self._channels = channels
        self._told = told
        self._clock = clock
        self._settings = settings
        self._taken: dict[str, set[str]] = {}
        """By id of a notice: the channels that have it, or never will."""
        self._tries: dict[str, int] = {}
        self.on_sent: Callable[[str, str], None] = lambda _channel, _outcome: None
        """Told of each try: the channel, and sent, failed or refused."""

    async def look(self, key: Key) -> datetime | None:
        """Tell what there is to tell of one gate; when to look again. Raises Unavailable to be called again."""
        request = self._find(key)
        if request is None:
            return None
        now = self._clock.now()
        occasion, again = due(request, now, self._settings.before)
        if occasion is None:
            return again
        notice = notice_of(request, occasion, now, self._settings.link)
        await self._deliver(notice)
        await self._told.note(request, (*told_of(request), occasion))
        self._taken.pop(notice.id, None)
        self._tries.pop(notice.id, None)
        # What is to be told next is looked at when the gate's new state is here, which `note` brings.
        return None

    async def _deliver(self, notice: Notice) -> None:
        taken = self._taken.setdefault(notice.id, set())
        missing = [name for name in self._channels if name not in taken]
        problems = [each for each in await asyncio.gather(*(self._send(name, notice) for name in missing)) if each]
        if not problems:
            return
        tries = self._tries[notice.id] = self._tries.get(notice.id, 0) + 1
        if tries < MAX_TRIES:
            raise Unavailable(f"{notice.subject}: {'; '.join(problems)}")
        _log.error("%s is told nobody more: %s", notice.subject, "; ".join(problems))

    async def _send(self, name: str, notice: Notice) -> str:
        """Why it was not handed over and should be tried again; empty where that is settled."""
        taken = self._taken[notice.id]
        try:
            await self._channels[name].send(notice)
        except TransientError as error:
            self.on_sent(name, "failed")
            return f"{name}: {error}"
        except PenstockError as error:
            self.on_sent(name, "refused")
            _log.error("%s cannot be told by %s: %s", notice.subject, name, error)
        else:
            self.on_sent(name, "sent")
        taken.add(name)
        return ""


def notice_of(request: ApprovalRequest, occasion: Occasion, now: datetime, link: str) -> Notice:
    """The words for a gate."""
    meta, asked = request.metadata, request.spec.request
    name = f"{meta.namespace}/{meta.name}"
    people = (*(asked.approvers.users or ()), *(f"group {each}" for each in asked.approvers.groups or ()))
    where = link.format(namespace=meta.namespace, name=meta.name, run=asked.run.name) if link else ""
    commands = {"approve": f"penstock approve {name}", "reject": f'penstock reject {name} --reason "…"'}
    decided = [one_line(each.by, _LONGEST) for each in request.spec.decisions]
    question = one_line(asked.message, _LONGEST) or f"Step {asked.step} of run {asked.run.name} asks for approval."
    lines = [
        question,
        f"Run {meta.namespace}/{asked.run.name}, step {asked.step}, asked for by {one_line(asked.requested_by.user)}.",
    ]
    if occasion is Occasion.ENDED:
        why = one_line(request.status.reason or "", _LONGEST)
        by = f" by {', '.join(decided)}" if decided else ""
        lines += [f"{request.status.phase}{by}.", *([why] if why else [])]
    else:
        lines += [
            f"Approvers: {', '.join(one_line(each, _LONGEST) for each in people)}; {asked.quorum} of them.",
            f"It lapses at {asked.expires_at:%Y-%m-%d %H:%M} UTC.",
            f"See it and answer: {commands['approve']}",
            f"Say no: {commands['reject']}",
            *([f"Or here: {where}"] if where else []),
        ]
    data = {
        "namespace": meta.namespace,
        "name": meta.name,
        "run": asked.run.name,
        "step": asked.step,
        "message": question,
        "requestedBy": asked.requested_by.user,
        "approvers": {"users": [*(asked.approvers.users or ())], "groups": [*(asked.approvers.groups or ())]},
        "quorum": asked.quorum,
        "expiresAt": asked.expires_at.isoformat(),
        "phase": request.status.phase,
        "reason": one_line(request.status.reason or "", _LONGEST),
        "decidedBy": decided,
        "answer": {**commands, **({"link": where} if where else {})},
    }
    identity = hashlib.sha256(f"{meta.uid}/{occasion}".encode()).hexdigest()[:32]
    return Notice(f"msg_{identity}", occasion, now, _subject(request, occasion), tuple(lines), data)


def _subject(request: ApprovalRequest, occasion: Occasion) -> str:
    asked = request.spec.request
    about = f"{asked.run.name}: {asked.step}"
    match occasion:
        case Occasion.OPENED:
            return f"Approval needed: {about}"
        case Occasion.EXPIRING:
            return f"Approval lapses soon: {about}"
        case Occasion.ENDED:
            return f"{request.status.phase}: {about}"
