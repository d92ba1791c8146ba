"""What Prometheus figures cost the operator for one step: the same calls as for a real one, with and without. Pure."""

from __future__ import annotations

import time

from penstock.adapters.kube.figures import OperatorFigures
from penstock.adapters.kube.server_clock import ServerClock
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun, WorkflowRunStatus
from penstock.testing.builders import a_run

_WRITES = ("workflowruns/status", "jobs", "pods", "jobs/status")
_EVENTS = 14
"""Watch events of one step: its Job, its pod, its run."""
_PASSES = 6


def cost(steps: int = 2_000) -> dict[str, float]:
    """`metrics_us_per_step`: processor time for counting one step; `metrics_scrape_ms`: for answering one scrape."""
    figures = OperatorFigures(ServerClock())
    before, after = _run("Running", "Running"), _run("Succeeded", "Succeeded")
    watch, queue = figures.watch("pods"), figures.queue("runs")
    begun = time.process_time()
    for _ in range(steps):
        for path in _WRITES:
            kind, _, sub = path.partition("/")
            group = "batch/v1" if kind == "jobs" else "penstock.dev/v1alpha1"
            figures.wrote("POST", f"/apis/{group}/namespaces/shop/{kind}/a{'/' + sub if sub else ''}", 0.004, None)
        for _ in range(_EVENTS):
            watch.heard()
        for _ in range(_PASSES):
            queue.began(0.001)
            queue.ended(0.002, None)
        figures.run_written(before, after)
        figures.timed(0.25, 0.05)
        figures.part("queue", 0.004)
        figures.part("result", 0.004)
    counted = time.process_time() - begun
    begun = time.process_time()
    for _ in range(20):
        figures.page()
    scraped = (time.process_time() - begun) / 20
    return {"metrics_us_per_step": round(counted / steps * 1e6, 1), "metrics_scrape_ms": round(scraped * 1000, 2)}


def _run(phase: str, step: str) -> WorkflowRun:
    steps = {"a": StepStatus(phase=step, attempt=1, uid="uid")}
    return a_run().model_copy(update={"status": WorkflowRunStatus(phase=phase, steps=steps)})
