"""What a Workflow says of the pods of all its steps."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.api.v1alpha1.compile import compile_workflow
from tests.unit.api.reading import the_problem, workflow, workflow_text

TEXT = """
podDefaults:
  resources: {limits: {memory: 1Gi}}
  nodeSelector: {disk: ssd}
  tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
  runtimeClassName: gvisor
steps:
  - {name: plain, script: {runtime: bash, source: "true"}}
  - {name: large, container: {image: tool}, resources: {limits: {memory: 8Gi}}}
"""


def programs(text: str) -> dict[str, Any]:
    compiled = compile_workflow(
        workflow(workflow_text(text)).spec, images={"bash": ""}, check_expression=lambda _: None
    )
    assert compiled.plan is not None
    return {name: step.program for name, step in compiled.plan.steps.items()}


def test_all_steps_run_where_the_workflow_says():
    pod = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "runtimeClassName": "gvisor",
    }
    assert [program["pod"] for program in programs(TEXT).values()] == [pod, pod]


def test_a_step_has_the_resources_of_the_workflow_unless_it_says_its_own():
    sizes = {name: program["resources"]["limits"]["memory"] for name, program in programs(TEXT).items()}
    assert sizes == {"plain": "1Gi", "large": "8Gi"}


def test_without_defaults_nothing_is_said_of_pods():
    (program,) = programs("steps: [{name: a, script: {runtime: bash, source: x}}]").values()
    assert not {"pod", "resources"} & program.keys()


@pytest.mark.parametrize("field", ["hostNetwork: true", "automountServiceAccountToken: true", "nodeName: cp-1"])
def test_nothing_else_of_a_pod_can_be_said(field: str):
    problem = the_problem(
        workflow_text(f"podDefaults: {{{field}}}\nsteps: [{{name: a, script: {{runtime: bash, source: x}}}}]")
    )
    assert problem.path == f"spec.podDefaults.{field.partition(':')[0]}"
