"""What one caller can reach on a cluster: the ports of people and agents, under that caller's own rights."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

import msgspec

from penstock.adapters.kube.backoff import Backoff
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.connections import KubeConnections
from penstock.adapters.kube.failures import Expired
from penstock.adapters.kube.informers import WatchTiming
from penstock.adapters.kube.object_lists import list_objects
from penstock.adapters.kube.objects import version
from penstock.adapters.kube.outputs import KubeOutputs
from penstock.adapters.kube.resources import APPROVALS, RUNS, SELF_SUBJECT_REVIEWS, WORKFLOWS
from penstock.adapters.kube.status_patches import precondition
from penstock.adapters.kube.step_logs import KubeLogs
from penstock.adapters.kube.streams import watch
from penstock.adapters.kube.workflow_watch import watch_workflows
from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.api.v1alpha1.meta import ApiObject
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import EditedBy, Workflow, WorkflowStatus
from penstock.errors import AlreadyExists, Conflict, NotFound, NotPossible, Unavailable
from penstock.ports.access import Access, Actor, Caller, Key, require_finished

T = TypeVar("T", bound=ApiObject)

_log = logging.getLogger(__name__)

_TRIES = 5
_CLIENT = "penstock.dev/client"
_ACCOUNT = "system:serviceaccount:"


class _UserInfo(msgspec.Struct, frozen=True):
    username: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, list[str]] = {}


class _ReviewStatus(msgspec.Struct, frozen=True, rename="camel"):
    user_info: _UserInfo = _UserInfo()


class _Review(msgspec.Struct, frozen=True):
    status: _ReviewStatus = _ReviewStatus()


_decode_review = msgspec.json.Decoder(_Review).decode


def kube_access(client: KubeClient) -> Access:
    """The access of whoever `client` speaks for: its own credentials, or the one it impersonates."""
    caller = KubeCaller(client)
    runs = KubeRuns(client, caller)
    return Access(
        workflows=KubeWorkflows(client, caller),
        runs=runs,
        approvals=KubeApprovals(client),
        connections=KubeConnections(client),
        logs=KubeLogs(client, runs),
        outputs=KubeOutputs(client),
        caller=caller,
        local=False,
    )


class KubeWorkflows:
    """Workflows of ports.access."""

    def __init__(self, client: KubeClient, caller: Caller) -> None:
        self._client = client
        self._caller = caller

    async def get(self, key: Key) -> Workflow:
        """One Workflow. Raises NotFound, Forbidden."""
        return await self._client.get(WORKFLOWS.path(key.namespace, key.name), Workflow.model_validate_json)

    async def list(self, namespace: str | None) -> tuple[Workflow, ...]:
        """The Workflows of a namespace, by name; of all namespaces for None."""
        found = await list_objects(self._client, WORKFLOWS, namespace, Workflow.model_validate_json)
        return tuple(sorted(found, key=lambda each: (each.metadata.name, each.metadata.namespace)))

    def watch(self, namespace: str | None) -> AsyncGenerator[tuple[Workflow, ...]]:
        """All Workflows at once and after every change."""
        return watch_workflows(self._client, (namespace,))

    async def apply(self, workflow: Workflow) -> Workflow:
        """Create the Workflow, or replace its spec and labels."""
        key = Key(workflow.metadata.namespace, workflow.metadata.name)
        me = await self._caller.whoami()
        # Newer API servers stamp it and take no notice; older ones want it said, and compare.
        editor = EditedBy(user=me.user, client=me.client, groups=me.groups)
        wire = workflow.model_copy(update={"status": WorkflowStatus(), "edited_by": editor}).to_wire()
        for _ in range(_TRIES):
            with contextlib.suppress(AlreadyExists):
                return await self._client.create(WORKFLOWS.path(key.namespace), wire, Workflow.model_validate_json)
            with contextlib.suppress(NotFound):
                return await self._replace(key, workflow, wire)
        raise Conflict(f"Workflow {key} keeps coming and going")

    async def _replace(self, key: Key, workflow: Workflow, wire: dict[str, Any]) -> Workflow:
        operations = [{"op": "add", "path": "/metadata/labels", "value": dict(workflow.metadata.labels)}]
        if (await self.get(key)).spec != workflow.spec:
            operations += [{"op": "add", "path": f"/{field}", "value": wire[field]} for field in ("spec", "editedBy")]
        path = WORKFLOWS.path(key.namespace, key.name)
        return await self._client.json_patch(path, operations, Workflow.model_validate_json)


class KubeRuns:
    """Runs of ports.access."""

    def __init__(self, client: KubeClient, caller: Caller, timing: WatchTiming | None = None) -> None:
        self._client = client
        self._caller = caller
        self._timing = timing or WatchTiming()

    async def create(self, run: WorkflowRun) -> WorkflowRun:
        """Create a run. Raises AlreadyExists, InvalidInput, Forbidden, NotFound."""
        wire = run.to_wire()
        wire.pop("status", None)
        if run.spec.requested_by is None:
            # Newer API servers stamp it and take no notice; older ones want it said, and compare.
            me = await self._caller.whoami()
            wire["spec"]["requestedBy"] = {"user": me.user, "client": me.client, "groups": list(me.groups)}
        return await self._client.create(RUNS.path(run.metadata.namespace), wire, WorkflowRun.model_validate_json)

    async def get(self, key: Key) -> WorkflowRun:
        """One run. Raises NotFound, Forbidden."""
        return await self._client.get(RUNS.path(key.namespace, key.name), WorkflowRun.model_validate_json)

    async def list(self, namespace: str | None, *, limit: int = 100) -> tuple[WorkflowRun, ...]:
        """The newest runs, newest first; of all namespaces for None."""
        found = await list_objects(self._client, RUNS, namespace, WorkflowRun.model_validate_json)
        return tuple(sorted(found, key=_age, reverse=True)[:limit])

    async def request_cancel(self, key: Key) -> WorkflowRun:
        """Ask for a run to be cancelled."""
        path = RUNS.path(key.namespace, key.name)
        return await self._client.merge_patch(path, {"spec": {"cancel": True}}, WorkflowRun.model_validate_json)

    async def set_suspend(self, key: Key, *, suspend: bool) -> WorkflowRun:
        """Hold a run, or let it go on."""
        path = RUNS.path(key.namespace, key.name)
        return await self._client.merge_patch(path, {"spec": {"suspend": suspend}}, WorkflowRun.model_validate_json)

    async def delete(self, run: WorkflowRun) -> None:
        """Remove a finished run; what it owns goes with it."""
        require_finished(run)
        options = {"propagationPolicy": "Background", "preconditions": {"uid": run.metadata.uid}}
        try:
            await self._client.delete(RUNS.path(run.metadata.namespace, run.metadata.name), options)
        except Conflict as error:
            raise NotFound(f"run {run.metadata.namespace}/{run.metadata.name} is gone; another has its name") from error

    async def watch(self, key: Key) -> AsyncIterator[WorkflowRun]:
        """The run as it is, then after every change. Raises NotFound when it is or goes away."""
        backoff = Backoff(self._timing.first_wait, self._timing.longest_wait)
        newest: WorkflowRun | None = None
        while True:
            try:
                if newest is None:
                    newest = await self.get(key)
                    yield newest
                async for changed in self._changes(key, newest):
                    backoff.reset()
                    newest = changed
                    yield changed
            except Expired:
                newest = None
            except Unavailable:
                await asyncio.sleep(backoff.next())

    async def _changes(self, key: Key, since: WorkflowRun) -> AsyncIterator[WorkflowRun]:
        params = {
            "fieldSelector": f"metadata.name={key.name}",
            "resourceVersion": since.metadata.resource_version,
            "timeoutSeconds": str(self._timing.server_timeout),
        }
        changes = watch(self._client, RUNS.path(key.namespace), _decode_run, params, silence=self._timing.silence)
        async with contextlib.aclosing(changes):
            async for change in changes:
                if change.type == "DELETED":
                    raise NotFound(f"run {key} was deleted")
                if change.object is not None:
                    yield change.object


class KubeApprovals:
    """Approvals of ports.access."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def get(self, key: Key) -> ApprovalRequest:
        """One ApprovalRequest. Raises NotFound, Forbidden."""
        path = APPROVALS.path(key.namespace, key.name)
        return await self._client.get(path, ApprovalRequest.model_validate_json)

    async def list(self, namespace: str | None) -> tuple[ApprovalRequest, ...]:
        """The ApprovalRequests, oldest first; of all namespaces for None."""
        found = await list_objects(self._client, APPROVALS, namespace, ApprovalRequest.model_validate_json)
        return tuple(sorted(found, key=_age))

    async def decide(self, key: Key, decision: Decision) -> ApprovalRequest:
        """Append a decision, so that the guard sees exactly that one come. Raises Forbidden in the guard's words."""
        path = APPROVALS.path(key.namespace, key.name)
        vote = decision.to_wire()
        for _ in range(_TRIES):
            found = await self._client.get(path, as_dict)
            phase = found.get("status", {}).get("phase", "Pending")
            if phase != "Pending":
                raise NotPossible(f"ApprovalRequest {key} is {phase}; it takes no more decisions")
            listed = "decisions" in found["spec"]
            place = (
                {"path": "/spec/decisions/-", "value": vote} if listed else {"path": "/spec/decisions", "value": [vote]}
            )
            operations = [precondition(found["metadata"]["resourceVersion"]), {"op": "add", **place}]
            with contextlib.suppress(Conflict):
                return await self._client.json_patch(path, operations, ApprovalRequest.model_validate_json)
        raise Conflict(f"ApprovalRequest {key} is written to all the time; try again")


class KubeCaller:
    """Caller of ports.access."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: Actor | None = None

    async def whoami(self) -> Actor:
        """Who the API server takes us for, as policies will see it; asked once."""
        if self._known is None:
            self._known = await self._ask()
        return self._known

    async def _ask(self) -> Actor:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = SELF_SUBJECT_REVIEWS.path()
        found = (await self._client.create(path, body, _decode_review, counted=False)).status.user_info
        if found.username.startswith(_ACCOUNT):
            return Actor(found.username, f"sa:{found.username.removeprefix(_ACCOUNT)}", found.groups)
        return Actor(found.username, next(iter(found.extra.get(_CLIENT, [])), ""), found.groups)


def _decode_run(raw: msgspec.Raw) -> WorkflowRun:
    return WorkflowRun.model_validate_json(bytes(raw))


def _age(found: ApiObject) -> tuple[float, int]:
    created = found.metadata.creation_timestamp
    return (created.timestamp() if created else 0.0), version(found.metadata.resource_version)
