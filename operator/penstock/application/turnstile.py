"""Whose turn it is: the runs of each concurrency key in one line, first come, first served.

In memory, for every question is about everybody at once, and answered before anybody else can ask: two passes in
flight never both get the last place. What it knows can be worked out again from the statuses of the runs
(`notice` each of them), which is what a process does when it takes over.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.facts import Turn
from penstock.engine.model import RunPhase
from penstock.engine.rules.concurrency import NEAR
from penstock.ports.access import Key

_EARLIEST = datetime.min.replace(tzinfo=UTC)

Wake = Callable[[Key], None]


@dataclass(slots=True, order=True)
class _Seat:
    """One unfinished run. Seats are in the order of creation, then of UID."""

    created: datetime
    uid: str
    run: Key = field(compare=False)
    hall: _Hall = field(compare=False, repr=False)
    key: str | None = field(compare=False, default=None)
    """The concurrency key; None while nobody has worked it out."""
    holds: bool = field(compare=False, default=False)
    """The run may be under way."""
    stopping: bool = field(compare=False, default=False)
    """Somebody has asked it to stop."""


@dataclass(slots=True)
class _Line:
    """The runs of one key."""

    waiting: list[_Seat] = field(default_factory=list)
    holding: list[_Seat] = field(default_factory=list)


@dataclass(slots=True)
class _Hall:
    """The runs of one Workflow: a line for each key, and those whose key is not known yet."""

    of: tuple[str, str]
    """Namespace and Workflow."""
    lines: dict[str, _Line] = field(default_factory=dict)
    keyless: list[_Seat] = field(default_factory=list)
    unsure: list[_Seat] = field(default_factory=list)
    """Those that could not be answered because of an older one without a key."""


class Turnstile:
    """Grants turns. Tell it of every run as it is seen (`notice`), and when it has left (`leave`)."""

    def __init__(self, wake: Wake = lambda _: None) -> None:
        self._wake = wake
        self._halls: dict[tuple[str, str], _Hall] = {}
        self._seats: dict[str, _Seat] = {}

    def subscribe(self, wake: Wake) -> None:
        """Have `wake` called with each run whose turn may have come, or whose place has changed."""
        self._wake = wake

    def clear(self) -> None:
        """Forget everything: somebody else may have granted turns meanwhile."""
        self._halls.clear()
        self._seats.clear()

    def notice(self, run: WorkflowRun) -> None:
        """Take in how a run stands; a run that holds a turn keeps it until it is told to `leave`."""
        if run.spec.workflow is None:
            return
        uid, phase = run.metadata.uid, RunPhase(run.status.phase)
        seat = self._seats.get(uid)
        if phase.finished:
            if seat is not None and not seat.holds:
                self.leave(uid)
            return
        key = run.status.concurrency_key
        if (phase is RunPhase.PENDING and run.spec.suspend) or (phase is not RunPhase.PENDING and key is None):
            # It is held and lets the others pass, or its Workflow sets no limit.
            self.leave(uid)
            return
        if seat is None:
            seat = self._seated(run, run.spec.workflow.name)
        seat.stopping = run.spec.cancel
        if key is not None and seat.key is None:
            self._line_up(seat, key)
        if phase is not RunPhase.PENDING and not seat.holds:
            self._admit(seat)

    def ask(self, run: WorkflowRun, key: str, limit: int, *, name_older: bool = False) -> Turn:
        """Whether the run may be under way beside at most `limit - 1` others of its key; if so, it is from now on."""
        self.notice(run)
        seat = self._seats[run.metadata.uid]
        if seat.key is None:
            self._line_up(seat, key)
        line = self._line(seat)
        if seat.holds:
            return Turn(granted=True)
        sure = not seat.hall.keyless or seat < seat.hall.keyless[0]
        ahead = bisect_left(line.waiting, seat)
        if sure and ahead == 0 and len(line.holding) < limit:
            self._admit(seat)
            self._stir(line)
            return Turn(granted=True)
        if not sure and seat not in seat.hall.unsure:
            seat.hall.unsure.append(seat)
        return Turn(
            granted=False,
            sure=sure,
            ahead=ahead,
            holders=tuple(each.run.name for each in line.holding),
            older=_older(line, seat) if name_older else (),
        )

    def holds(self, uid: str) -> bool:
        """The run has a turn."""
        seat = self._seats.get(uid)
        return seat is not None and seat.holds

    def leave(self, uid: str) -> None:
        """The run has ended and nothing of it lives, or it is gone: the next one may come."""
        seat = self._seats.pop(uid, None)
        if seat is None:
            return
        hall = seat.hall
        if seat in hall.unsure:
            hall.unsure.remove(seat)
        if seat.key is None:
            hall.keyless.remove(seat)
            self._settle(hall)
        else:
            line = self._line(seat)
            (line.holding if seat.holds else line.waiting).remove(seat)
            if not line.holding and not line.waiting:
                del hall.lines[seat.key]
            self._stir(line)
        if not hall.lines and not hall.keyless:
            self._halls.pop(hall.of, None)

    def _seated(self, run: WorkflowRun, workflow: str) -> _Seat:
        meta = run.metadata
        of = (meta.namespace, workflow)
        hall = self._halls.get(of)
        if hall is None:
            hall = self._halls[of] = _Hall(of)
        seat = _Seat(meta.creation_timestamp or _EARLIEST, meta.uid, Key(meta.namespace, meta.name), hall)
        self._seats[meta.uid] = seat
        insort(hall.keyless, seat)
        return seat

    def _line_up(self, seat: _Seat, key: str) -> None:
        hall = seat.hall
        hall.keyless.remove(seat)
        seat.key = key
        line = self._line(seat)
        place = bisect_left(line.waiting, seat)
        line.waiting.insert(place, seat)
        # Those behind it have one more before them.
        for each in line.waiting[place + 1 : NEAR + 2]:
            self._wake(each.run)
        self._settle(hall)

    def _line(self, seat: _Seat) -> _Line:
        assert seat.key is not None
        return seat.hall.lines.setdefault(seat.key, _Line())

    def _admit(self, seat: _Seat) -> None:
        line = self._line(seat)
        line.waiting.remove(seat)
        seat.holds = True
        insort(line.holding, seat)

    def _stir(self, line: _Line) -> None:
        """Those in front have come nearer: one of them may go, the others have something to tell."""
        for seat in line.waiting[: NEAR + 2]:
            self._wake(seat.run)

    def _settle(self, hall: _Hall) -> None:
        """One key more is known, or needs not to be: who was not answered because of it asks again."""
        first = hall.keyless[0] if hall.keyless else None
        for seat in [each for each in hall.unsure if first is None or each < first]:
            hall.unsure.remove(seat)
            self._wake(seat.run)


def _older(line: _Line, seat: _Seat) -> tuple[str, ...]:
    # A second has room for many: of those that were created in the same one, who is under way was there first.
    before = [each for each in line.holding if each.created <= seat.created]
    before += [each for each in line.waiting if each < seat]
    return tuple(each.run.name for each in sorted(before) if not each.stopping)
