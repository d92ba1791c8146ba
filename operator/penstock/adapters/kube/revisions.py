"""Immutable contents of Workflows: ControllerRevisions, named by the digest of what they hold.

They have no owner: deleting a Workflow must not take its content from runs that still execute it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from pydantic import ValidationError

from penstock.adapters.kube import labels
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import CONTROLLER_REVISIONS
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Revision, Workflow, WorkflowSpec
from penstock.engine.digests import REVISION_SCHEME, digest
from penstock.engine.identifiers import revision_name
from penstock.errors import AlreadyExists, BugError, Conflict, InvalidInput, NotFound
from penstock.ports.access import Key
from penstock.ports.engine import Content

MAX_CACHED = 1024

IsValid = Callable[[str, WorkflowSpec], bool]
"""(revisionDigest, spec) -> whether it can be run."""


class _Data(msgspec.Struct):
    spec: msgspec.Raw


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}


class _ControllerRevision(msgspec.Struct):
    metadata: _Meta
    data: _Data


_decode = msgspec.json.Decoder(_ControllerRevision).decode


def revision_of(workflow: str, spec: WorkflowSpec) -> Revision:
    """Name and digest of this content of a Workflow."""
    content = digest(REVISION_SCHEME, spec.to_wire())
    return Revision(name=revision_name(workflow, content), digest=content)


class KubeRevisions:
    """Revisions of ports.engine. Contents never change, so they are read once and kept."""

    def __init__(
        self,
        client: KubeClient,
        workflows: Copies[Workflow],
        is_valid: IsValid,
        known_since: Callable[[Key], float | None] = lambda _run: None,
    ) -> None:
        """`known_since`: the loop's time at which a run was there already; None for now. Many that begin together do
        not all need to ask for their Workflow.
        """
        self._known_since = known_since
        self._client = client
        self._workflows = workflows
        self._is_valid = is_valid
        self._contents: OrderedDict[Key, Content] = OrderedDict()
        self._lock = asyncio.Lock()
        """Nobody finds a revision there that is removed in the next moment."""

    async def content(self, run: WorkflowRun) -> Content:
        """What the run is pinned to, or the Workflow's content at this moment, made sure to last."""
        if run.spec.inline is not None:
            return Content(run.spec.inline, None)
        namespace = run.metadata.namespace
        if run.status.revision is not None:
            return await self._stored(namespace, run.status.revision.name, run.status.revision.digest)
        reference = run.spec.workflow
        if reference is None:
            raise InvalidInput("the run names no Workflow and has no inline spec")
        if reference.revision is not None:
            return await self._named(namespace, reference.name, reference.revision)
        since = self._known_since(Key(namespace, run.metadata.name))
        return await self._as_of(Key(namespace, reference.name), math.inf if since is None else since)

    async def current(self, workflow_key: Key) -> Content:
        """The content that a Workflow has now, made sure to last where it can be run. Raises NotFound."""
        return await self._as_of(workflow_key, math.inf)

    async def _as_of(self, workflow_key: Key, moment: float) -> Content:
        # Asked live: whoever changed the Workflow a moment before he asked for the run means the new content.
        workflow = await self._workflows.load_as_of(workflow_key, moment)
        if workflow is None:
            raise NotFound(f"there is no Workflow {workflow_key.name} in namespace {workflow_key.namespace}")
        revision = revision_of(workflow_key.name, workflow.spec)
        if self._is_valid(revision.digest, workflow.spec):
            await self.ensure(workflow, revision)
        return Content(workflow.spec, revision)

    async def ensure(self, workflow: Workflow, revision: Revision) -> None:
        """Make sure that the revision is stored. Raises Conflict where its name is taken by something else."""
        key = Key(workflow.metadata.namespace, revision.name)
        if key in self._contents:
            return
        async with self._lock:
            # The status is written by the operator alone, and names a revision only after that was stored.
            if workflow.status.revision != revision:
                await self._store(key, workflow, revision)
            self._keep(key, Content(workflow.spec, revision))

    def clear(self) -> None:
        """Forget what was read: another replica may have removed it."""
        self._contents.clear()

    async def kept(self, namespace: str | None) -> tuple[tuple[Key, str], ...]:
        """All (Workflow, revision) of a namespace, or of all of them."""
        return await self._list(namespace, labels.WORKFLOW)

    async def names(self, workflow: Key) -> tuple[str, ...]:
        """The revisions of a Workflow, also of one that is gone."""
        found = await self._list(workflow.namespace, f"{labels.WORKFLOW}={workflow.name}")
        return tuple(name for _, name in found)

    async def drop(self, revision: Key, still: Callable[[], bool]) -> None:
        """Remove a revision unless it is gone; nothing where `still`, asked last of all, says no."""
        async with self._lock:
            if not still():
                return
            self._contents.pop(revision, None)
            with contextlib.suppress(NotFound):
                await self._client.delete(CONTROLLER_REVISIONS.path(revision.namespace, revision.name), {})

    async def _list(self, namespace: str | None, selector: str) -> tuple[tuple[Key, str], ...]:
        path, params = CONTROLLER_REVISIONS.path(namespace), {"labelSelector": selector}
        listed = await self._client.list_metadata(path, params)
        return tuple((Key(meta.namespace, meta.labels.get(labels.WORKFLOW, "")), meta.name) for meta in listed.metas)

    async def _store(self, key: Key, workflow: Workflow, revision: Revision) -> None:
        body = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": key.name,
                "labels": {labels.WORKFLOW: workflow.metadata.name},
                "annotations": {labels.DIGEST: revision.digest},
            },
            "data": {"spec": workflow.spec.to_wire()},
            "revision": max(1, workflow.metadata.generation),
        }
        try:
            await self._client.create(CONTROLLER_REVISIONS.path(key.namespace), body, as_dict)
        except AlreadyExists:
            await self._stored(key.namespace, key.name, revision.digest)

    async def _named(self, namespace: str, workflow: str, name: str) -> Content:
        content = await self._stored(namespace, name, None)
        assert content.revision is not None
        if name != revision_name(workflow, content.revision.digest):
            raise InvalidInput(f"{name} is not a revision of Workflow {workflow}")
        return content

    async def _stored(self, namespace: str, name: str, want: str | None) -> Content:
        """The stored content of that name; with `want`, of exactly that digest."""
        key = Key(namespace, name)
        content = self._contents.get(key)
        if content is None:
            content = await self._read(key)
            self._keep(key, content)
        assert content.revision is not None
        if want is not None and content.revision.digest != want:
            raise Conflict(f"revision {name} holds {content.revision.digest}, not {want}")
        return content

    async def _read(self, key: Key) -> Content:
        found = await self._client.get(CONTROLLER_REVISIONS.path(key.namespace, key.name), _decode)
        try:
            spec = WorkflowSpec.model_validate_json(bytes(found.data.spec))
        except ValidationError as error:
            raise BugError(f"revision {key} cannot be read: {error}") from error
        # The digest is worked out from what is there, never believed. Only the operator may set the label, so nobody
        # who may create ControllerRevisions can have content of his own taken for a Workflow's.
        content = digest(REVISION_SCHEME, spec.to_wire())
        if key.name != revision_name(found.metadata.labels.get(labels.WORKFLOW, ""), content):
            raise InvalidInput(f"ControllerRevision {key} is not the revision of a Workflow: its label or name is off")
        return Content(spec, Revision(name=key.name, digest=content))

    def _keep(self, key: Key, content: Content) -> None:
        self._contents[key] = content
        self._contents.move_to_end(key)
        if len(self._contents) > MAX_CACHED:
            self._contents.popitem(last=False)
