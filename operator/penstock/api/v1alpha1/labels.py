"""Labels and annotations of Workflows that say how agents meet them."""

from __future__ import annotations

from penstock.api.v1alpha1.workflow import Workflow

APPLICATION_LABEL = "app.kubernetes.io/part-of"
"""The application that a Workflow belongs to, within its namespace."""
TEMPLATE_LABEL = "penstock.dev/template"
"""`true`: the Workflow is not run itself but cloned and configured."""

PURPOSE_LABEL = "penstock.dev/purpose"
"""What agents use the Workflow for beyond running it: one of `PLANS` and `ANSWERS`."""
PLANS = "plan"
"""It takes a `prompt`, has a model plan what that says, and does it once people agree."""
ANSWERS = "answer"
"""It has a model answer a question out of what it is given."""
USUAL_NAMES = {PLANS: "ask", ANSWERS: "analyst"}
"""The Workflow that is meant where several serve a purpose."""


def is_template(workflow: Workflow) -> bool:
    """Whether the Workflow is there to be cloned, not to be run."""
    return workflow.metadata.labels.get(TEMPLATE_LABEL) == "true"


def application_of(workflow: Workflow) -> str:
    """The application that the Workflow belongs to; empty where it belongs to none."""
    return workflow.metadata.labels.get(APPLICATION_LABEL, "")


def purpose_of(workflow: Workflow) -> str:
    """What agents use the Workflow for beyond running it; empty for most."""
    return workflow.metadata.labels.get(PURPOSE_LABEL, "")
