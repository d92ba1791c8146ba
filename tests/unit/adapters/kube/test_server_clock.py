from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from penstock.adapters.kube.server_clock import ServerClock

LOCAL = datetime(2026, 1, 2, 12, 0, 0, 500_000, tzinfo=UTC).timestamp()


def after_hearing(*ahead: float) -> float:
    """How far the clock is ahead of the local one after answers of a server that is ahead by so many seconds."""
    clock = ServerClock(lambda: LOCAL)
    for seconds in ahead:
        server = datetime.fromtimestamp(int(LOCAL + seconds), UTC)
        clock.hear(format_datetime(server, usegmt=True))
    return clock.now().timestamp() - LOCAL


@pytest.mark.parametrize("ahead", [0.0, 0.4, -0.4])
def test_a_server_in_step_changes_nothing(ahead: float):
    assert after_hearing(ahead) == pytest.approx(0.0, abs=1.0)


def test_without_an_answer_it_is_the_local_clock():
    assert after_hearing() == 0.0


@pytest.mark.parametrize("ahead", [90.0, -90.0, 3600.0])
def test_a_server_elsewhere_in_time_is_followed(ahead: float):
    assert after_hearing(ahead) == pytest.approx(ahead, abs=2.0)


def test_what_is_no_date_is_ignored():
    clock = ServerClock(lambda: LOCAL)
    clock.hear("yesterday")
    clock.hear("")
    assert clock.now().timestamp() == LOCAL
