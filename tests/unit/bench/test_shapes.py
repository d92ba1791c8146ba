"""What is measured: the same program in every shape, and a bare pod with nothing of ours on it."""

from __future__ import annotations

from typing import Any

from bench import shapes

POD: dict[str, Any] = {
    "metadata": {
        "name": "one-step-1-a-1-0123456789",
        "uid": "u",
        "labels": {"penstock.dev/run": "one-step-1", "job-name": "one-step-1-a-1-0123456789"},
        "annotations": {"penstock.dev/document": "{}"},
        "ownerReferences": [{"kind": "Job", "name": "one-step-1-a-1-0123456789"}],
    },
    "spec": {
        "nodeName": "node",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "containers": [{"name": "step", "image": "runtime@sha256:0"}],
        "volumes": [{"name": "in"}],
    },
    "status": {"phase": "Succeeded"},
}


def test_every_step_runs_the_same_program():
    steps = [step for each in shapes.WORKFLOWS.values() for step in each["spec"]["steps"]]
    scripts = [step["script"] for step in steps if "script" in step]
    assert len(scripts) == 1 + 3 + 10 + 10 + 50 + 200 + 1 + 1
    assert all(script == scripts[0] for script in scripts)


def test_a_chain_is_a_chain_and_a_fan_is_none():
    chain = [step.get("needs", []) for step in shapes.WORKFLOWS["chain3"]["spec"]["steps"]]
    assert chain == [[], ["a"], ["b"]]
    assert all("needs" not in step for step in shapes.WORKFLOWS["fanout10"]["spec"]["steps"])


def test_a_run_names_the_workflow_of_its_shape():
    assert shapes.run("one_step", "one-step-7")["spec"] == {"workflow": {"name": "one-step"}}


def test_the_bare_pod_is_the_steps_pod_without_its_owner_and_its_node():
    bare = shapes.bare_pod(POD, "bare-pod-7")
    assert bare["spec"] == {"containers": POD["spec"]["containers"], "volumes": POD["spec"]["volumes"]}
    assert bare["metadata"] == {
        "name": "bare-pod-7",
        "labels": {"bench": "bare-pod"},
        "annotations": {"penstock.dev/document": "{}"},
    }
    assert "status" not in bare


def test_each_round_begins_with_another_shape_and_leaves_none_out():
    rounds = [shapes.rotated(shapes.ALONE, number) for number in range(len(shapes.ALONE))]
    assert {each[0] for each in rounds} == set(shapes.ALONE)
    assert all(sorted(each) == sorted(shapes.ALONE) for each in rounds)


def test_every_shape_is_one_of_pods_or_one_of_runs():
    known = {*shapes.FLOORS, *shapes.PODS, *shapes.WORKFLOWS, *shapes.CROWD}
    assert known == set(shapes.SHAPES)
    assert len(shapes.SHAPES) == len(known)


def test_a_bare_job_runs_the_bare_pod():
    job = shapes.bare_job(POD, "job-7")
    assert job["spec"]["template"]["spec"] == shapes.bare_pod(POD, "job-7")["spec"]
    assert "managedBy" not in job["spec"]


def test_every_shape_has_an_estimate():
    assert shapes.ROUGHLY.keys() == set(shapes.SHAPES)
