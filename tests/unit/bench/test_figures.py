"""What is made of the samples."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import writes_by_run
from bench.figures import percentile, summarize, table
from bench.shapes import SHAPES, WORKFLOWS, bare_pod
from tests.support.cluster import OPERATOR


@pytest.mark.parametrize(
    ("values", "share", "want"),
    [
        pytest.param([3, 1, 2], 0.5, 2, id="the median of three"),
        pytest.param([4, 1, 3, 2], 0.5, 2, id="of four the lower one, which was measured"),
        pytest.param(list(range(1, 101)), 0.95, 95, id="the 95th of a hundred"),
        pytest.param([7], 0.95, 7, id="one value is every percentile"),
    ],
)
def test_percentile(values, share, want):
    assert percentile(values, share) == want


def test_no_samples_give_no_figure():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_the_table_says_which_targets_were_reached():
    seconds = {"bare_pod": [1.0], "one_step": [0.4], "chain3": [1.6], "fanout10": [2.0]}
    figures = summarize(seconds, {"one_step": [5, 5, 6], "chain3": [13], "fanout10": [40]})
    text = table(figures, SHAPES)
    assert "reached  one_step_p50_ms / bare_pod_p50_ms 0.40, target 0.50" in text
    assert "MISSED   chain3_p50_ms / bare_pod_p50_ms 1.60, target 1.40" in text
    assert "reached  one_step_writes 5, target 5" in text


def test_writes_are_counted_for_the_run_they_belong_to_and_only_ours(tmp_path):
    def line(user, name, resource="jobs"):
        target = {"resource": resource, "namespace": "bench", "name": name}
        return json.dumps({"user": {"username": user}, "verb": "create", "objectRef": target}) + "\n"

    log = tmp_path / "audit.log"
    log.write_text(
        line(OPERATOR, "before-1")
        + line(OPERATOR, "one-1", "workflowruns")
        + line(OPERATOR, "one-1-a-1-abc")
        + line(OPERATOR, "one-11-a-1-abc")
        + line("system:kube-scheduler", "one-1-a-1-abc", "pods")
    )
    assert writes_by_run(log, 0, "bench", ["one-1", "one-11", "one-2"]) == [2, 1, 0]


def test_the_bare_pod_runs_the_same_and_carries_nothing_of_ours():
    spec = {"nodeName": "n", "containers": [{"name": "step"}], "volumes": []}
    metadata = {"name": "x", "labels": {"penstock.dev/run": "r"}, "annotations": {"a": "b"}, "ownerReferences": [{}]}
    pod = bare_pod({"metadata": metadata, "spec": spec}, "bare-1")
    assert pod["metadata"] == {"name": "bare-1", "labels": {"bench": "bare-pod"}, "annotations": {"a": "b"}}
    assert pod["spec"] == {"containers": [{"name": "step"}], "volumes": []}


def test_every_shape_is_a_workflow_of_the_same_program():
    scripts = [step["script"] for body in WORKFLOWS.values() for step in body["spec"]["steps"]]
    assert len(scripts) == 14
    assert all(script == scripts[0] for script in scripts)
