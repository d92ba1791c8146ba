"""The checker finds what it is there for: with a rule of the product broken, chaos comes to a violation of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.breaks import BREAKS, Break, broken_copy
from tests.chaos.checks import CHECKS

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.what.replace(" ", "-"))
def test_a_broken_rule_is_found(broken: Break, tmp_path: Path):
    folder = broken_copy(broken, tmp_path)
    words = ["--jobs", "1", "--seed", str(broken.seed), "--runs", str(broken.runs), "--until", broken.rule]
    words += ["--stops"] if broken.stops else []
    command = [sys.executable, "-m", "tests.chaos", *words]
    played = subprocess.run(
        ["env", f"PYTHONPATH={folder}", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert played.returncode == 1, played.stdout + played.stderr
    assert f"  {broken.rule}: " in played.stdout


def test_every_check_has_a_break():
    assert {broken.rule for broken in BREAKS} == set(CHECKS)
