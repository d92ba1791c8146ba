"""The protocol's public conformance suite, both versions, tasks included. Exceptions: baseline.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.suite import Failures, exceptions, run_suite

ENOUGH = {"2025-11-25": 33, "2026-07-28": 40}
"""Scenarios that the pinned suite has for a server, tasks aside; a run of fewer proves less than it seems to."""
TASKS = (
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-status-notifications",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
)


def failures(found: Failures) -> Failures:
    return {scenario: problems for scenario, problems in found.items() if problems}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
def test_every_scenario_passes_or_has_its_reason(asked_for_server: str, version: str, tmp_path: Path):
    found = run_suite(asked_for_server, tmp_path, "--requirements", version)
    mine = {scenario: problems for scenario, problems in found.items() if scenario not in TASKS}
    excused = exceptions(version)
    assert {scenario: problems for scenario, problems in failures(mine).items() if scenario not in excused} == {}
    assert sorted(set(excused) - set(failures(mine))) == [], "these pass: take them out of baseline.yaml"
    assert len(mine) >= ENOUGH[version]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", TASKS)
def test_runs_are_tasks_as_the_protocol_wants_them(tasks_server: str, scenario: str, tmp_path: Path):
    assert failures(run_suite(tasks_server, tmp_path, "--scenario", scenario)) == {}
