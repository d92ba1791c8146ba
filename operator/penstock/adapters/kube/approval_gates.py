"""Gates of the engine as ApprovalRequests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from penstock.adapters.kube import labels
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import APPROVALS
from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.approval import ApprovalRequest, ApprovalRequestSpec
from penstock.api.v1alpha1.gates import gate_fact, gate_request
from penstock.api.v1alpha1.meta import ObjectMeta, OwnerReference
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.notifications import ANNOTATION
from penstock.engine.commands import AskGate, SettleGate
from penstock.engine.facts import GateFact
from penstock.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from penstock.ports.access import Key
from penstock.ports.notices import Occasion


def run_of(request: ApprovalRequest) -> str:
    """UID of the run that waits: the group that the copies are kept by."""
    return request.spec.request.run.uid


class ApprovalGates:
    """Gates of ports.engine. `requests` is fed from outside with watch events and grouped by `run_of`."""

    def __init__(
        self,
        client: KubeClient,
        requests: Copies[ApprovalRequest],
        new_nonce: Callable[[], str],
        settled: Callable[[ApprovalRequest], None] = lambda _request: None,
    ) -> None:
        """`settled` is told of each gate whose end was written."""
        self._client = client
        self._requests = requests
        self._new_nonce = new_nonce
        self._settled = settled

    async def observe(self, run: WorkflowRun) -> Mapping[str, GateFact]:
        """From memory: the votes that admission let through, in their order."""
        return {found.metadata.name: gate_fact(found) for found in self._requests.members(run.metadata.uid)}

    async def ask(self, run: WorkflowRun, command: AskGate) -> None:
        """Create the ApprovalRequest; one that is there already is taken in as it is. Raises Conflict if foreign."""
        key = Key(run.metadata.namespace, command.name)
        body = _request(run, command, self._new_nonce()).to_wire()
        try:
            made = await self._client.create(APPROVALS.path(key.namespace), body, ApprovalRequest.model_validate_json)
        except AlreadyExists:
            found = await self._requests.fetch(key)
            if found is None or run_of(found) != run.metadata.uid:
                raise Conflict(f"ApprovalRequest {key} is there and belongs to another run") from None
        else:
            self._requests.take(made)

    async def settle(self, run: WorkflowRun, command: SettleGate) -> None:
        """Write how it ended, unless its status says so already."""
        key = Key(run.metadata.namespace, command.name)
        known = self._requests.get(key)
        status = {"phase": command.outcome, "reason": command.reason[:4096]}
        if known is not None and known.status.phase == command.outcome:
            return
        path = APPROVALS.path(key.namespace, key.name, "status")
        try:
            written = await self._client.merge_patch(path, {"status": status}, ApprovalRequest.model_validate_json)
        except NotFound:
            self._requests.forget(key)
            return
        self._settled(written)
        self._requests.take(written)

    async def note(self, request: ApprovalRequest, told: tuple[Occasion, ...]) -> None:
        """Keep with the gate what was told of it. For Told of ports.notices."""
        key = Key(request.metadata.namespace, request.metadata.name)
        patch = {"metadata": {"uid": request.metadata.uid, "annotations": {ANNOTATION: ",".join(told)}}}
        path = APPROVALS.path(key.namespace, key.name)
        try:
            self._requests.take(await self._client.merge_patch(path, patch, ApprovalRequest.model_validate_json))
        except NotFound:
            self._requests.forget(key)


def _request(run: WorkflowRun, command: AskGate, nonce: str) -> ApprovalRequest:
    if run.spec.requested_by is None:
        # The guard holds the requester away from his own gate; without a name it could hold nobody.
        raise InvalidInput(f"run {run.metadata.name} does not say who asked for it, so no gate can be asked")
    owner = OwnerReference(
        api_version=API_VERSION, kind="WorkflowRun", name=run.metadata.name, uid=run.metadata.uid, controller=True
    )
    metadata = ObjectMeta(
        name=command.name,
        namespace=run.metadata.namespace,
        labels={labels.RUN: run.metadata.name},
        owner_references=(owner,),
    )
    return ApprovalRequest(metadata=metadata, spec=ApprovalRequestSpec(request=gate_request(run, command, nonce)))
