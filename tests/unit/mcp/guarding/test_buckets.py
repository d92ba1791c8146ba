from __future__ import annotations

import pytest

from penstock_mcp.guarding.buckets import Buckets, Rate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_then_the_rate_holds(clock: Clock):
    buckets = Buckets(Rate(per_second=2.0, burst=3), clock)
    assert [buckets.take("ann") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("ann") == 0.5
    clock.now += 0.5
    assert buckets.take("ann") == 0.0
    assert buckets.take("ann") == 0.5


def test_who_is_told_to_wait_and_waits_as_long_may_go_on(clock: Clock):
    buckets = Buckets(Rate(per_second=3.0, burst=1), clock)
    buckets.take("ann")
    clock.now += buckets.take("ann")
    assert buckets.take("ann") == 0.0


def test_nobody_pays_for_others(clock: Clock):
    buckets = Buckets(Rate(per_second=1.0, burst=1), clock)
    assert buckets.take("ann") == 0.0
    assert buckets.take("ann") > 0.0
    assert buckets.take("bob") == 0.0


def test_a_long_rest_fills_the_bucket_and_no_more(clock: Clock):
    buckets = Buckets(Rate(per_second=1.0, burst=2), clock)
    clock.now += 1000.0
    assert [buckets.take("ann") for _ in range(3)] == [0.0, 0.0, 1.0]


def test_callers_without_end_are_remembered_within_bounds_and_whoever_asks_on_is_not_forgotten(clock: Clock):
    buckets = Buckets(Rate(per_second=1.0, burst=1), clock, max_callers=10)
    buckets.take("busy")
    for number in range(1000):
        buckets.take(number)
        if number % 5 == 0:
            assert buckets.take("busy") > 0.0
