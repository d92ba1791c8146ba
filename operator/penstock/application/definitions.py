"""What a run executes."""

from __future__ import annotations

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.errors import Forbidden, NotFound
from penstock.ports.access import Access, Key


async def definition_of(access: Access, run: WorkflowRun) -> WorkflowSpec | None:
    """The definition behind a run as it is now, for people to look at; None where it is out of reach."""
    if run.spec.inline is not None:
        return run.spec.inline
    if run.spec.workflow is None:
        return None
    try:
        return (await access.workflows.get(Key(run.metadata.namespace, run.spec.workflow.name))).spec
    except (NotFound, Forbidden):
        return None
