"""The tables keep their own laws."""

from __future__ import annotations

import pytest

from penstock.engine.model import FINISHED_RUN, FINISHED_STEP, RunPhase, StepPhase
from penstock.engine.transitions import RUN_MOVES, STEP_MOVES, IllegalMove, check_run_move, check_step_move


def test_every_phase_is_in_its_table():
    assert set(STEP_MOVES) == set(StepPhase)
    assert set(RUN_MOVES) == set(RunPhase)


def test_nothing_leaves_a_finished_phase():
    assert all(not STEP_MOVES[phase] for phase in FINISHED_STEP)
    assert all(not RUN_MOVES[phase] for phase in FINISHED_RUN)


def test_only_starting_leads_to_running():
    assert [phase for phase, moves in STEP_MOVES.items() if StepPhase.RUNNING in moves] == [StepPhase.STARTING]


def test_illegal_moves_are_named():
    with pytest.raises(IllegalMove, match="step a may not go from Succeeded to Starting"):
        check_step_move("a", StepPhase.SUCCEEDED, StepPhase.STARTING)
    with pytest.raises(IllegalMove, match="from Failed to Running"):
        check_run_move(RunPhase.FAILED, RunPhase.RUNNING)
