"""What people may do, asked of the API server on behalf of somebody who is not there."""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.resources import ACCESS_REVIEWS
from penstock.api.v1alpha1 import GROUP
from penstock.api.v1alpha1.run import RequestedBy
from penstock.ports.access import Key


class _Status(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    status: _Status


_decode = msgspec.json.Decoder(_Review).decode


class KubeAuthority:
    """Authority of ports.engine, by LocalSubjectAccessReview."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def refusal(self, who: RequestedBy, namespace: str, workflow: Key | None) -> str:
        """Why this person may not run the Workflow (None: a definition inline); empty where they may."""
        if workflow is not None:
            wanted = {"resource": "workflows", "subresource": "run", "name": workflow.name}
            words = (
                f"{who.user} may not run Workflow {workflow.name}; that takes the right to create workflows/run of it"
            )
        else:
            wanted = {"resource": "workflowruns", "subresource": "inline"}
            words = f"{who.user} may not run definitions inline; that takes the right to create workflowruns/inline"
        return "" if await self._allowed(who, {"namespace": namespace, **wanted}) else words

    async def _allowed(self, who: RequestedBy, wanted: dict[str, str]) -> bool:
        spec: dict[str, Any] = {
            "user": who.user,
            "groups": list(who.groups),
            "resourceAttributes": {"verb": "create", "group": GROUP, **wanted},
        }
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "LocalSubjectAccessReview", "spec": spec}
        # A review changes nothing, so it is none of the writes that are counted.
        found = await self._client.create(ACCESS_REVIEWS.path(wanted["namespace"]), body, _decode, counted=False)
        return found.status.allowed
