"""Percentiles, flat figures, the table with its targets."""

from __future__ import annotations

import pytest

from bench import figures
from bench.shapes import SHAPES

SAMPLES = {
    "bare_pod": [1.0, 1.2, 0.8],
    "one_step": [0.4, 0.5, 0.3],
    "chain3": [2.0, 1.5, 1.0],
    "fanout10": [3.0, 4.0, 2.0],
}
WRITES = {"one_step": [5, 5, 6], "chain3": [13], "fanout10": [32]}


@pytest.mark.parametrize(("share", "value"), [(0.5, 20), (0.95, 40), (0.25, 10), (0.0, 10), (1.0, 40)])
def test_the_nearest_rank_is_a_value_that_was_measured(share: float, value: float):
    assert figures.percentile([40, 10, 30, 20], share) == value


def test_nothing_measured_has_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        figures.percentile([], 0.5)


def test_figures_are_flat_and_in_milliseconds():
    found = figures.summarize(SAMPLES, WRITES)
    assert found["bare_pod_p50_ms"] == 1000.0
    assert found["one_step_p95_ms"] == 500.0
    assert found["fanout10_count"] == 3
    assert found["one_step_writes"] == 5
    assert "bare_pod_writes" not in found


def test_the_table_says_which_targets_were_reached():
    lines = figures.table(figures.summarize(SAMPLES, WRITES), SHAPES).splitlines()
    assert lines[1].split() == ["bare_pod", "3", "1000", "1200", "1.00", "-"]
    assert lines[2].split() == ["one_step", "3", "400", "500", "0.40", "5"]
    assert [line.split()[:2] for line in lines if "target" in line] == [
        ["reached", "one_step_p50_ms"],
        ["MISSED", "chain3_p50_ms"],
        ["reached", "one_step_writes"],
        ["reached", "further_step_writes"],
    ]


def test_throughput_and_figures_that_stand_alone_have_targets_too():
    found = figures.summarize({**SAMPLES, "pods100": [9.0], "runs100": [10.0]}, WRITES)
    lines = figures.table({**found, "decide200_p50_ms": 1.5, "operator_cpu_ms_per_step": 12.0}, SHAPES).splitlines()

    assert "reached  runs100_p50_ms / pods100_p50_ms 1.11, target 1.11" in lines
    assert "reached  decide200_p50_ms 1.5, target 2" in lines
    assert "MISSED   operator_cpu_ms_per_step 12, target 10" in lines


def test_a_write_too_many_misses_its_target():
    figures_with_six = figures.summarize(SAMPLES, {**WRITES, "one_step": [6, 6, 6]})
    assert "MISSED   one_step_writes 6, target 5" in figures.table(figures_with_six, SHAPES)


def test_progress_shows_the_medians_so_far():
    line = figures.progress(1, 40, {"bare_pod": [1.0, 2.0], "one_step": []})
    assert line == "round 2/40, p50 ms: bare_pod 1000"
