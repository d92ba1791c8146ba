"""Whether a soak holds: each thing that must is looked at."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.chaos.real.sums import Reading, Sums, growth


def readings(early: float, late: float) -> list[Reading]:
    return [Reading(float(at), 50.0 if at < 20 else early if at < 60 else late) for at in range(101)]


GOOD = Sums(
    seed=1,
    seconds=100.0,
    runs={"Succeeded": 7, "Failed": 1},
    pods=12,
    changes=90,
    requests=300,
    faults={"409": 2},
    restarts=1,
    stops=1,
    deaths=[],
    violations=[],
    left={"jobs": 0},
    memory=readings(100.0, 109.0),
)


def test_what_holds_holds():
    assert GOOD.holds
    assert json.loads(json.dumps(GOOD.as_json()))["memory"]["growthPercent"] == 9.0
    assert "8 runs" in GOOD.as_text()
    assert "violations: 0" in GOOD.as_text()


@pytest.mark.parametrize(
    "change",
    [
        {"violations": [("runs_end", "run never ends")]},
        {"deaths": ["ended with 1"]},
        {"left": {"jobs": 0, "secrets": 1}},
        {"memory": readings(100.0, 110.0)},
        {"memory": []},
    ],
    ids=["violated", "died", "left over", "grew", "not measured"],
)
def test_what_does_not_is_said(change: dict[str, object]):
    bad = replace(GOOD, **change)  # type: ignore[arg-type]
    assert not bad.holds
    assert bad.as_json()["holds"] is False


def test_what_comes_before_the_warm_up_does_not_count():
    assert growth(readings(100.0, 100.0)) == (100.0, 100.0, 0.0)


def test_nothing_to_compare_is_no_growth():
    assert growth([]) == growth([Reading(1.0, 5.0)][:0]) == (0.0, 0.0, 0.0)
