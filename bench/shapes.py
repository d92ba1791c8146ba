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


def chain(length: int) -> list[dict[str, Any]]:
    """Steps one after the other."""
    return [step(f"s{number}", *([f"s{number - 1}"] if number else [])) for number in range(length)]


def beside(count: int) -> list[dict[str, Any]]:
    """Steps that all start at once."""
    return [step(f"s{number}") for number in range(count)]


VOTER = "bench-approver@example.com"
"""Opens the gate that is measured; not whoever asks for the run."""
WORKFLOWS = {
    "one_step": workflow("one-step", [step("a")]),
    "chain3": workflow("chain3", [step("a"), step("b", "a"), step("c", "b")]),
    "chain10": workflow("chain10", chain(10)),
    "fanout10": workflow("fanout10", beside(10)),
    "fanout50": workflow("fanout50", beside(50)),
    "fanout200": workflow("fanout200", beside(200)),
    "gate": workflow(
        "gate",
        [{"name": "release", "approval": {"approvers": {"users": [VOTER]}}}, step("a", "release")],
    ),
    "items200": workflow("items200", [fan_out("each", 200, 20)]),
}
ENDLESS = workflow("endless", [step("a", source="import time; time.sleep(3600)")])
"""Runs until it is cancelled."""
PODS = {"bare_pod": 1, "pods10": 10, "pods30": 30, "pods50": 50, "pods100": 100, "pods200": 200}
"""Shapes of bare pods: how many are created at once."""
CROWD = {"runs30": 30, "runs100": 100, "runs300": 300}
"""Shapes of many one-step runs: how many are created at once."""
FLOORS = ("bare_pod", "followed_log", "job")
"""The same program without Penstock: until its pod is seen terminated, until its last line is read from the log that is
followed, until the built-in controller calls its Job complete.
"""
ALONE = (*FLOORS, "one_step", "chain3", "gate", "fanout10", "pods10")
"""Shapes of which each is measured once a round."""
CROWDED = ("pods30", "runs30", "pods50", "fanout50", "pods100", "runs100", "chain10")
"""Shapes that keep the node busy for long, and are measured after the rounds."""
COLLECTED = 65.0
"""Seconds after which the containers of pods that were deleted are gone: a kubelet collects them once a minute. After a
hundred of them that takes it seconds, which would be counted as those of whatever is measured next.
"""
MANY = ("pods200", "items200", "fanout200", "runs300")
"""Shapes of which one takes a minute or more."""
ROUGHLY = {
    "bare_pod": 2,
    "followed_log": 2,
    "job": 4,
    "one_step": 2,
    "chain3": 3,
    "gate": 2,
    "fanout10": 5,
    "pods10": 5,
    "pods30": 12,
    "runs30": 12,
    "pods50": 18,
    "fanout50": 18,
    "pods100": 35,
    "runs100": 35,
    "chain10": 6,
    "pods200": 70,
    "items200": 20,
    "fanout200": 70,
    "runs300": 110,
}
"""Seconds that one measurement takes on two cores, its clearing away included: for the estimate that is printed."""
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


def bare_job(pod: dict[str, Any], name: str) -> dict[str, Any]:
    """The same pod under a Job of the built-in controller."""
    bare = bare_pod(pod, name)
    template = {"metadata": {key: bare["metadata"][key] for key in ("labels", "annotations")}, "spec": bare["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": template},
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
