"""The Workflows that are measured: the same one-line program in every shape. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SOURCE = "output({'answer': 42})"


def workflow(name: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A Workflow object without inputs."""
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"steps": steps},
    }


def fan_out(name: str, count: int, items_per_pod: int) -> dict[str, Any]:
    """A step that runs the measured program once for each of so many items."""
    return {**step(name), "forEach": str(list(range(count))), "itemsPerPod": items_per_pod}


def step(name: str, *needs: str, source: str = SOURCE) -> dict[str, Any]:
    """One step, with the measured program if nothing else is said."""
    body: dict[str, Any] = {"name": name, "script": {"runtime": "python", "source": source}}
    return {**body, "needs": list(needs)} if needs else body


WORKFLOWS = {
    "one_step": workflow("one-step", [step("a")]),
    "chain3": workflow("chain3", [step("a"), step("b", "a"), step("c", "b")]),
    "fanout10": workflow("fanout10", [step(f"s{number}") for number in range(10)]),
    "items200": workflow("items200", [fan_out("each", 200, 20)]),
}
ENDLESS = workflow("endless", [step("a", source="import time; time.sleep(3600)")])
"""Runs until it is cancelled."""
PODS = {"bare_pod": 1, "pods10": 10, "pods30": 30, "pods200": 200}
"""Shapes of bare pods: how many are created at once."""
CROWD = {"runs30": 30}
"""Shapes of many one-step runs: how many are created at once."""
ALONE = ("bare_pod", "one_step", "chain3", "fanout10", "pods10")
"""Shapes of which each is measured once a round."""
CROWDED = ("pods30", *CROWD)
"""Shapes that keep the node busy for long, and are measured after the rounds."""
MANY = ("pods200", "items200")
"""Shapes of which one takes a minute or more."""
SHAPES = (*ALONE, *CROWDED, *MANY)


def rotated(among: Sequence[str], number: int) -> tuple[str, ...]:
    """All these shapes, each time beginning with the next one."""
    start = number % len(among)
    return (*among[start:], *among[:start])


def run(shape: str, name: str) -> dict[str, Any]:
    """A WorkflowRun of a shape."""
    return run_of(WORKFLOWS[shape], name)


def run_of(workflow: dict[str, Any], name: str) -> dict[str, Any]:
    """A WorkflowRun of a Workflow."""
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "WorkflowRun",
        "metadata": {"name": name},
        "spec": {"workflow": {"name": workflow["metadata"]["name"]}},
    }


def bare_pod(pod: dict[str, Any], name: str) -> dict[str, Any]:
    """The pod of a measured step as anybody could create it: same image, harness and script; nothing of ours on it."""
    spec = dict(pod["spec"])
    for assigned in ("nodeName", "serviceAccount", "serviceAccountName", "priority", "preemptionPolicy"):
        spec.pop(assigned, None)
    annotations = dict(pod["metadata"].get("annotations", {}))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"bench": "bare-pod"}, "annotations": annotations},
        "spec": spec,
    }
