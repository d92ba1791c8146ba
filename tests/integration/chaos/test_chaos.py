"""A fixed part of `make chaos`: these plays end without a violation, and are the same each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.faults import Kind

pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).resolve().parents[3]
EACH = 20


def chaos(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.chaos", "--jobs", "1", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("first", range(1, 6 * EACH, EACH))
def test_nothing_is_violated(first: int):
    played = chaos("--seed", str(first), "--runs", str(EACH))
    assert played.returncode == 0, played.stdout + played.stderr
    assert f"{EACH} schedules" in played.stdout
    assert "violations: 0" in played.stdout


def test_nothing_is_violated_where_leaders_are_stopped_over_and_over():
    played = chaos("--seed", "1", "--runs", str(EACH), "--stops")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "violations: 0" in played.stdout


@pytest.mark.parametrize("seed", [203, 584, 634, 2630, 10709])
def test_what_was_violated_once_is_not_any_more(seed: int):
    assert "violations: 0" in chaos("--seed", str(seed), "--runs", "1").stdout


def test_a_play_is_the_same_each_time():
    # The seed whose many faults meet two replicas.
    told = {chaos("--seed", "47", "--runs", "1", "--story").stdout.rpartition("schedules in")[0] for _ in range(2)}
    assert len(told) == 1
    assert told.pop().count("\n") > 50


def test_every_kind_of_fault_is_met():
    words = ",".join(f"{number}:{kind}:1.0" for number, kind in enumerate(Kind, start=12))
    assert f"{len(Kind)} faults: " in chaos("--seed", "13", "--runs", "1", "--faults", words).stdout
