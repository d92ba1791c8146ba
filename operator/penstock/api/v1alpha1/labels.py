"""Labels and annotations of Workflows that say how agents meet them."""

from __future__ import annotations

from penstock.api.v1alpha1.workflow import Workflow

APPLICATION_LABEL = "app.kubernetes.io/part-of"
"""The application that a Workflow belongs to, within its namespace."""
TEMPLATE_LABEL = "penstock.dev/template"
"""`true`: the Workflow is not run itself but cloned and configured."""


def is_template(workflow: Workflow) -> bool:
    """Whether the Workflow is there to be cloned, not to be run."""
    return workflow.metadata.labels.get(TEMPLATE_LABEL) == "true"


def application_of(workflow: Workflow) -> str:
    """The application that the Workflow belongs to; empty where it belongs to none."""
    return workflow.metadata.labels.get(APPLICATION_LABEL, "")
