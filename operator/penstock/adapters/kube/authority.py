"""What people may do, asked of the API server on behalf of somebody who is not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.resources import ACCESS_REVIEWS
from penstock.api.v1alpha1 import GROUP
from penstock.api.v1alpha1.run import RequestedBy
from penstock.api.v1alpha1.workflow import WorkflowSpec
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

    async def refusal(self, who: RequestedBy, namespace: str, wanted: Key | WorkflowSpec) -> str:
        """Why this person may not run a Workflow, or a definition inline with all that it uses; empty if they may."""
        for right, words in _rights(wanted):
            if not await self._allowed(who, {"namespace": namespace, **right}):
                return f"{who.user} {words}"
        return ""

    async def _allowed(self, who: RequestedBy, right: dict[str, str]) -> bool:
        spec: dict[str, Any] = {"user": who.user, "groups": list(who.groups), "resourceAttributes": right}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "LocalSubjectAccessReview", "spec": spec}
        # A review changes nothing, so it is none of the writes that are counted.
        found = await self._client.create(ACCESS_REVIEWS.path(right["namespace"]), body, _decode, counted=False)
        return found.status.allowed


def _rights(wanted: Key | WorkflowSpec) -> Iterator[tuple[dict[str, str], str]]:
    """What it takes to run this, each with what is said of whoever lacks it; as the admission policies have it."""
    if isinstance(wanted, Key):
        right = {"verb": "create", "group": GROUP, "resource": "workflows", "subresource": "run", "name": wanted.name}
        yield right, f"may not run Workflow {wanted.name}; that takes the right to create workflows/run of it"
        return
    right = {"verb": "create", "group": GROUP, "resource": "workflowruns", "subresource": "inline"}
    yield right, "may not run definitions inline; that takes the right to create workflowruns/inline"
    for name in wanted.secrets:
        right = {"verb": "get", "group": "", "resource": "secrets", "name": name}
        yield right, f"may not use Secret {name}; that takes the right to get it"
    account = wanted.pod_defaults.service_account_name if wanted.pod_defaults else None
    if account is not None:
        right = {"verb": "impersonate", "group": "", "resource": "serviceaccounts", "name": account}
        yield right, f"may not use ServiceAccount {account}; that takes the right to impersonate it"
