"""Argo's Workflows: the same program in the same image, and when they have ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import argo, shapes
from bench.watching import Ends
from tests.support.cluster import ROOT, Cluster

DOCUMENT = {"penstock.dev/document": '{"step": "a"}'}
PROGRAM: dict[str, Any] = {
    "image": "localhost/runtime-python@sha256:0",
    "imagePullPolicy": "IfNotPresent",
    "env": [{"name": "PENSTOCK_INPUT", "value": "env:PENSTOCK_DOCUMENT"}],
    "resources": {"requests": {"cpu": "50m"}},
    "securityContext": {"readOnlyRootFilesystem": True},
}
POD: dict[str, Any] = {
    "metadata": {"name": "one-step-a-1", "labels": {"penstock.dev/run": "one-step"}, "annotations": DOCUMENT},
    "spec": {
        "nodeName": "node",
        "dnsPolicy": "Default",
        "securityContext": {"runAsUser": 65532},
        "containers": [{"name": "step", **PROGRAM}],
    },
}
EXECUTORS = [
    {"spec": {"containers": [{"name": "main", "image": "x:1"}, {"name": "wait", "image": "quay.io/a/e:v3.7"}]}}
]


class Server:
    """As much of an API server as is asked: Workflows that end as soon as they are created, and pods of theirs."""

    def __init__(self, phase: str = "Succeeded") -> None:
        self.ends = Ends(argo.workflow_ended)
        self.workflows: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, Any]] = []
        self._phase = phase

    async def create(self, path: str, body: dict[str, Any], decode: object) -> None:
        self.asked.append((path, body["metadata"]["labels"]))
        self.workflows[f"{path}/{body['metadata']['name']}"] = body
        self.ends.see({**body, "status": {"phase": self._phase, "message": "no"}})

    async def get(self, path: str, decode: object, params: object = None) -> dict[str, Any]:
        self.asked.append((path, params))
        pods = EXECUTORS if self.workflows else []
        return {"items": pods if path.endswith("/pods") else list(self.workflows.values())}

    async def delete(self, path: str, options: object) -> None:
        del self.workflows[path]


def place(server: Server) -> argo.Argo:
    return argo.Argo(server, "argo", server.ends)  # type: ignore[arg-type]


def test_each_shape_has_one_of_ours_and_an_estimate():
    assert set(argo.SHAPES.values()) <= set(shapes.ALONE)
    assert not argo.SHAPES.keys() & set(shapes.SHAPES)
    assert argo.ROUGHLY.keys() == argo.SHAPES.keys()


@pytest.mark.parametrize("shape", argo.SHAPES)
def test_the_program_is_that_of_the_pod(shape: str):
    templates = argo.workflow(shape, "name", POD)["spec"]["templates"]
    assert templates[0]["container"] == {"command": list(argo.COMMAND), **PROGRAM}
    assert templates[0]["metadata"]["annotations"] == DOCUMENT
    assert templates[0]["securityContext"] == {"runAsUser": 65532}


def test_the_command_is_what_the_image_runs():
    dockerfile = ROOT / "runtimes_images" / "penstock_runtimes" / "python" / "Dockerfile"
    assert f"ENTRYPOINT {list(argo.COMMAND)}".replace("'", '"') in dockerfile.read_text().splitlines()


def test_one_step_needs_no_graph():
    spec = argo.workflow("argo_one_step", "name", POD)["spec"]
    assert (spec["entrypoint"], spec["dnsPolicy"]) == ("program", "Default")
    assert [template["name"] for template in spec["templates"]] == ["program"]


@pytest.mark.parametrize(
    ("shape", "needs"), [("argo_chain3", [[], ["a"], ["b"]]), ("argo_fanout10", [[] for _ in range(10)])]
)
def test_more_steps_need_each_other_as_ours_do(shape: str, needs: list[list[str]]):
    spec = argo.workflow(shape, "name", POD)["spec"]
    graph = next(template["dag"] for template in spec["templates"] if template["name"] == spec["entrypoint"])
    assert [task["dependencies"] for task in graph["tasks"]] == needs
    assert {task["template"] for task in graph["tasks"]} == {"program"}


def test_a_workflow_has_ended_when_it_succeeded():
    seen: list[dict[str, Any]] = [{}, {"status": {}}, *({"status": {"phase": each}} for each in ("Pending", "Running"))]
    assert not any(argo.workflow_ended(item) for item in seen)
    assert argo.workflow_ended({"status": {"phase": "Succeeded", "progress": "1/1"}})


@pytest.mark.parametrize("phase", ["Failed", "Error"])
async def test_any_other_end_cannot_be_measured(phase: str):
    server = Server(phase)
    with pytest.raises(RuntimeError, match=f"Workflow one ended {phase}: no"):
        await place(server).measure("argo_one_step", "one", POD)


async def test_what_was_measured_is_found_again_and_removed_and_nothing_else_is():
    server = Server()
    measured = place(server)
    assert await measured.measure("argo_chain3", "one", POD) >= 0
    assert measured.version == "v3.7"
    await measured.clear()
    assert not server.workflows
    lists = [asked for _, asked in server.asked[1:]]
    assert server.asked[0] == ("/apis/argoproj.io/v1alpha1/namespaces/argo/workflows", {"bench": "argo"})
    assert lists == [{"labelSelector": "bench=argo"}] * 3


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/argoproj/argoexec:v3.7.1", "v3.7.1"),
        ("localhost:5000/argoexec:v3.7.1@sha256:0", "v3.7.1"),
        ("localhost:5000/argoexec@sha256:0", "localhost:5000/argoexec@sha256:0"),
    ],
)
def test_the_version_is_the_tag_of_the_executor(image: str, version: str):
    assert argo.executor_version([{"spec": {"containers": [{"name": "wait", "image": image}]}}]) == version


def a_cluster(folder: Path, *lines: str) -> Cluster:
    program = folder / "kubectl"
    program.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    program.chmod(0o755)
    return Cluster(folder / "kubeconfig", str(program), "helm", "pause")


def test_a_namespace_or_a_kind_that_is_not_there_is_said(tmp_path: Path):
    assert argo.missing(a_cluster(tmp_path, "exit 0"), "argo") == ""
    nothing = argo.missing(a_cluster(tmp_path, "echo NotFound >&2; exit 1"), "argo")
    assert nothing == "Argo Workflows cannot be measured: there is no namespace argo: NotFound"
    no_kind = argo.missing(a_cluster(tmp_path, 'case "$3" in namespace) ;; *) exit 1;; esac'), "argo")
    assert "no customresourcedefinition workflows.argoproj.io" in no_kind
