"""The protocol's public conformance suite, both versions, tasks included. Exceptions: baseline.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.suite import exceptions, run_suite

ENOUGH = {"2025-11-25": 33, "2026-07-28": 50}
"""Scenarios that the pinned suite has for a server; a run of fewer proves less than it seems to."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
def test_every_scenario_passes_or_has_its_reason(asked_for_server: str, version: str, tmp_path: Path):
    found = run_suite(asked_for_server, version, tmp_path)
    failed = {scenario: problems for scenario, problems in found.items() if problems}
    excused = exceptions(version)
    assert {scenario: problems for scenario, problems in failed.items() if scenario not in excused} == {}
    assert sorted(set(excused) - set(failed)) == [], "these pass: take them out of baseline.yaml"
    assert len(found) >= ENOUGH[version]
