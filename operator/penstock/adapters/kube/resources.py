"""Where the API server keeps each kind: URL paths, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind at one version."""

    prefix: str
    """`/api/v1` or `/apis/<group>/<version>`."""
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of one object, or of all of them in a namespace, or everywhere.

        Names are quoted whole: a name that somebody typed can never reach another path.
        """
        parts = [self.prefix]
        if namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


PODS = Resource("/api/v1", "pods")
CONFIG_MAPS = Resource("/api/v1", "configmaps")
SECRETS = Resource("/api/v1", "secrets")
JOBS = Resource("/apis/batch/v1", "jobs")
CONTROLLER_REVISIONS = Resource("/apis/apps/v1", "controllerrevisions")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")
CORE_EVENTS = Resource("/api/v1", "events")
EVENTS = Resource("/apis/events.k8s.io/v1", "events")
ACCESS_REVIEWS = Resource("/apis/authorization.k8s.io/v1", "localsubjectaccessreviews")
SELF_SUBJECT_REVIEWS = Resource("/apis/authentication.k8s.io/v1", "selfsubjectreviews")
WORKFLOWS = Resource("/apis/penstock.dev/v1alpha1", "workflows")
RUNS = Resource("/apis/penstock.dev/v1alpha1", "workflowruns")
APPROVALS = Resource("/apis/penstock.dev/v1alpha1", "approvalrequests")
CONNECTIONS = Resource("/apis/penstock.dev/v1alpha1", "connections")
