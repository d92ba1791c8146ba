"""In which order finished runs go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from penstock.application.finished_runs import FinishedRun, FinishedRuns
from penstock.application.retention import Policy
from penstock.ports.access import Key

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY, TEN = timedelta(hours=1), timedelta(days=1), timedelta(seconds=10)


def run(number: int, *, succeeded: bool = True) -> FinishedRun:
    return FinishedRun(START + number * HOUR, f"uid-{number}", Key("default", f"run-{number}"), succeeded)


def runs(*each: FinishedRun) -> FinishedRuns:
    made = FinishedRuns()
    for one in each:
        made.add(one)
    return made


def due(kept: FinishedRuns, policy: Policy) -> list[tuple[str, timedelta]]:
    return [(one.key.name, when - START) for when, one in kept.due(policy)]


def test_the_first_to_go_comes_first_whenever_it_ended():
    kept = runs(run(3), run(1), run(2, succeeded=False))
    assert due(kept, Policy(DAY, HOUR)) == [("run-2", 3 * HOUR), ("run-1", DAY + HOUR), ("run-3", DAY + 3 * HOUR)]


def test_what_is_kept_for_ever_is_never_due():
    kept = runs(run(1), run(2, succeeded=False))
    assert due(kept, Policy(None, HOUR)) == [("run-2", 3 * HOUR)]
    assert due(kept, Policy()) == []


def test_too_many_of_them_are_the_oldest_however_they_ended():
    kept = runs(run(1, succeeded=False), run(2), run(3), run(4, succeeded=False))
    assert due(kept, Policy(keep=2)) == [("run-1", HOUR + TEN), ("run-2", 2 * HOUR + TEN)]
    assert due(kept, Policy(keep=4)) == []
    assert due(kept, Policy(keep=100)) == []


def test_what_is_gone_does_not_count():
    kept = runs(run(1), run(2), run(3))
    kept.remove(run(2))
    assert len(kept) == 2
    assert due(kept, Policy(keep=1)) == [("run-1", HOUR + TEN)]
    assert kept.newest() == run(3)
