"""Nothing of a pod or a Job can be said in a Workflow or a run but what is listed here: every field is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.client import models
from pydantic import ValidationError

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow

KINDS = (
    models.V1PodSpec,
    models.V1PodSecurityContext,
    models.V1Container,
    models.V1SecurityContext,
    models.V1JobSpec,
    models.V1PodTemplateSpec,
    models.V1Lifecycle,
    models.V1Affinity,
)
FIELDS = sorted({name for kind in KINDS for name in kind.attribute_map.values()})
STEP = {"name": "only", "script": {"runtime": "bash", "source": "true"}}
CONTAINER = {"name": "only", "container": {"image": "tool"}}


def a_workflow(step: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "w"}, "spec": {**spec, "steps": [step]}}


PLACES: dict[str, tuple[Callable[[str, Any], dict[str, Any]], set[str]]] = {
    "podDefaults": (
        lambda name, value: a_workflow(STEP, podDefaults={name: value}),
        {"nodeSelector", "resources", "runtimeClassName", "serviceAccountName", "tolerations"},
    ),
    "spec": (lambda name, value: a_workflow(STEP, **{name: value}), set()),
    "a step": (
        lambda name, value: a_workflow({**STEP, name: value}),
        {"env", "envFrom", "name", "resources"},
    ),
    "a script": (lambda name, value: a_workflow({**STEP, "script": {**STEP["script"], name: value}}), set()),  # type: ignore[dict-item]
    "a container": (
        lambda name, value: a_workflow({**CONTAINER, "container": {"image": "tool", name: value}}),
        {"args", "command", "image", "runAsUser", "workingDir"},
    ),
}
"""Where a field is tried, and the fields that may be said there."""


def said(parts: dict[str, Any]) -> set[tuple[str, ...]]:
    """The places of fields that nobody knows there."""
    try:
        Workflow.model_validate(parts)
    except ValidationError as error:
        return {tuple(map(str, each["loc"])) for each in error.errors() if each["type"] == "extra_forbidden"}
    return set()


@pytest.mark.parametrize("place", PLACES)
def test_of_all_fields_of_pods_and_jobs_only_the_listed_ones_are_known(place: str):
    make, allowed = PLACES[place]
    known = {name for name in FIELDS if not any(where[-1] == name for where in said(make(name, {"x": "y"})))}
    assert known == allowed & set(FIELDS)
    assert allowed <= set(FIELDS) | {"serviceAccountName"}


# A run can be held as a Job can: it is its own field, and a boolean.
@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"suspend"}))
def test_a_run_says_none_of_them(name: str):
    spec = {"workflow": {"name": "w"}, name: {"x": "y"}}
    with pytest.raises(ValidationError) as refused:
        WorkflowRun.model_validate({"metadata": {"name": "r"}, "spec": spec})
    assert [(each["type"], each["loc"][-1]) for each in refused.value.errors()] == [("extra_forbidden", name)]
