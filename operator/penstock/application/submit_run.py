"""Asking for a run: everything that can be wrong is said before anything is created."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.api.v1alpha1.labels import is_template
from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import WorkflowReference, WorkflowRun, WorkflowRunSpec
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.application import trace_context
from penstock.application.check_context import check_context
from penstock.errors import AlreadyExists, InvalidInput, NotFound, NotPossible
from penstock.ports.access import Access, Key

MAX_PREFIX = 52
JOB_LABEL = "penstock.dev/job-label"
"""Annotation of a run: a few words of whoever asked for it, to find it by."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What somebody asks for."""

    namespace: str
    workflow: str
    """Name of the Workflow; for an inline run only the prefix of the run's name."""
    context: Mapping[str, Any] = field(default_factory=dict)
    inline: WorkflowSpec | None = None
    idempotency_key: str | None = None
    """The second request with this key gets the first one's run."""
    job_label: str = ""
    """A few words to find the run by."""
    traceparent: str = ""
    """The span that asks (W3C Trace Context); empty for none."""
    no_cache: bool = False
    """Every step is to run, also those with `cache`."""


class SubmitRun:
    """Checks a request and creates its run."""

    def __init__(self, access: Access, new_suffix: Callable[[], str]) -> None:
        self._access = access
        self._new_suffix = new_suffix

    async def __call__(self, request: RunRequest) -> WorkflowRun:
        """The new run, or the earlier one of the same idempotency key.

        Raises InvalidInput with every problem of the context, NotFound for an unknown Workflow, AlreadyExists when
        the idempotency key was used for something else, Forbidden where the caller may not run it.
        """
        spec = request.inline or await self._runnable(request)
        problems = check_context(spec.inputs, dict(request.context))
        if problems:
            raise InvalidInput("the context does not fit the Workflow's inputs", problems=problems)
        run = self._run(request)
        try:
            return await self._access.runs.create(run)
        except AlreadyExists as taken:
            if request.idempotency_key is None:
                raise
            try:
                return await self._earlier(run)
            except NotFound:
                # The key was used for a run that got its name elsewhere, which is named by what was answered.
                raise taken from None

    async def _runnable(self, request: RunRequest) -> WorkflowSpec:
        workflow = await self._access.workflows.get(Key(request.namespace, request.workflow))
        if is_template(workflow):
            raise NotPossible(
                f"Workflow {request.workflow} is a template: it is not run itself",
                hint="Make a Workflow of it first: clone_template, or a copy without the label penstock.dev/template.",
            )
        for condition in workflow.status.conditions:
            current = condition.observed_generation in (None, workflow.metadata.generation)
            if condition.type == "Ready" and condition.status == "False" and current:
                raise InvalidInput(f"Workflow {request.workflow} is not valid: {condition.message}")
        return workflow.spec

    def _run(self, request: RunRequest) -> WorkflowRun:
        reference = None if request.inline else WorkflowReference(name=request.workflow)
        spec = WorkflowRunSpec(
            workflow=reference,
            inline=request.inline,
            context=dict(request.context),
            idempotency_key=request.idempotency_key,
            no_cache=request.no_cache,
        )
        annotations = {JOB_LABEL: request.job_label} if request.job_label else {}
        if asking := trace_context.parse(request.traceparent):
            annotations[trace_context.ANNOTATION] = str(asking)
        metadata = ObjectMeta(name=self._name(request), namespace=request.namespace, annotations=annotations)
        return WorkflowRun(metadata=metadata, spec=spec)

    def _name(self, request: RunRequest) -> str:
        prefix = request.workflow[:MAX_PREFIX].rstrip("-")
        if request.idempotency_key is None:
            return f"{prefix}-{self._new_suffix()}"
        # The name stands for the key, so the API server itself keeps two requests from becoming two runs.
        seed = f"{request.namespace}\n{request.workflow}\n{request.idempotency_key}"
        return f"{prefix}-{hashlib.sha256(seed.encode()).hexdigest()[:10]}"

    async def _earlier(self, run: WorkflowRun) -> WorkflowRun:
        earlier = await self._access.runs.get(Key(run.metadata.namespace, run.metadata.name))
        same = (earlier.spec.workflow, earlier.spec.inline, earlier.spec.context) == (
            run.spec.workflow,
            run.spec.inline,
            run.spec.context,
        )
        if not same:
            raise AlreadyExists(
                f"idempotency key `{run.spec.idempotency_key}` was used for run {earlier.metadata.name} "
                "with another context",
                hint="Use a new key for a new request.",
            )
        return earlier
