"""Schedules of faults: the same for the same seed, written down and read again, made smaller."""

from __future__ import annotations

import random

from tests.chaos.faults import Kind, draw, read, write
from tests.chaos.shrinking import shrink


def test_a_seed_gives_one_schedule_and_many_give_every_kind():
    assert draw(random.Random(5)) == draw(random.Random(5))
    assert {fault.kind for seed in range(200) for fault in draw(random.Random(seed))} == set(Kind)


def test_what_is_written_down_is_played_again():
    for seed in range(100):
        faults = draw(random.Random(seed))
        assert read(write(faults)) == faults


def test_what_does_no_harm_is_left_out():
    tried: list[tuple[int, ...]] = []

    def harms(part: tuple[int, ...]) -> bool:
        tried.append(part)
        return {3, 17} <= set(part)

    assert shrink(tuple(range(30)), harms) == (3, 17)
    assert len(tried) <= 60


def test_what_does_harm_without_any_fault_needs_none():
    assert shrink((1, 2, 3), lambda part: True) == ()
