from __future__ import annotations

from penstock.adapters.kube.backoff import Backoff


def test_waits_double_up_to_the_limit():
    backoff = Backoff(0.1, 1.0, roll=lambda: 0.0)

    assert [backoff.next() for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_waits_are_shortened_at_random_by_up_to_a_half():
    assert Backoff(1.0, 8.0, roll=lambda: 1.0).next() == 0.5


def test_it_starts_small_again_after_a_success():
    backoff = Backoff(0.1, 1.0, roll=lambda: 0.0)
    backoff.next()
    backoff.next()
    backoff.reset()

    assert backoff.next() == 0.1
