"""What an installation has to consist of: the names of its policies, and the rights of its operator.

The chart is the source; a test compares both.
"""

from __future__ import annotations

GUARDS = (
    "approvalrequests.penstock.dev",
    "connect.penstock.dev",
    "connections.penstock.dev",
    "jobs.penstock.dev",
    "pods.penstock.dev",
    "restricted-jobs.penstock.dev",
    "restricted-pods.penstock.dev",
    "revisions.penstock.dev",
    "status.penstock.dev",
    "workflowruns.penstock.dev",
    "workflows.penstock.dev",
)
"""ValidatingAdmissionPolicies; their bindings have the same names."""
STAMPS = ("edited-by.penstock.dev", "requested-by.penstock.dev")
"""MutatingAdmissionPolicies, where the cluster serves them."""

Right = tuple[str, str, str]
"""(verb, resource with its subresource, API group)."""


def _rights(group: str, resources: str, verbs: str) -> tuple[Right, ...]:
    return tuple((verb, resource, group) for resource in resources.split() for verb in verbs.split())


OPERATOR_RIGHTS: tuple[Right, ...] = (
    *_rights("penstock.dev", "workflows workflowruns approvalrequests", "get list watch patch"),
    *_rights("penstock.dev", "connections", "get list watch"),
    *_rights("penstock.dev", "workflowruns", "create delete"),
    *_rights("authorization.k8s.io", "localsubjectaccessreviews", "create"),
    *_rights(
        "penstock.dev", "workflows/status workflowruns/status approvalrequests/status connections/status", "get patch"
    ),
    *_rights("penstock.dev", "approvalrequests", "create delete"),
    *_rights("batch", "jobs", "create get list watch patch delete"),
    *_rights("batch", "jobs/status", "get patch"),
    *_rights("", "pods", "create get list watch delete"),
    *_rights("", "pods/log", "get"),
    *_rights("", "configmaps", "create get"),
    *_rights("apps", "controllerrevisions", "create get list delete"),
    *_rights("events.k8s.io", "events", "create patch"),
    *_rights("", "events", "create patch list"),
)
ASSERTION_RIGHTS = _rights("", "secrets", "create delete")
"""What the operator may do besides where it signs who asked (`onBehalfOf.enabled`)."""
ASSERTION_GUARDS = ("assertions.penstock.dev", "operator-secrets.penstock.dev")
"""Policies that keep this to Secrets of one type."""
CALLER_RIGHTS: tuple[tuple[str, Right], ...] = (
    ("see runs", ("list", "workflowruns", "penstock.dev")),
    ("start runs", ("create", "workflowruns", "penstock.dev")),
    ("stop and hold runs", ("patch", "workflowruns", "penstock.dev")),
    ("see gates", ("list", "approvalrequests", "penstock.dev")),
    ("vote at gates", ("patch", "approvalrequests", "penstock.dev")),
    ("write Workflows", ("create", "workflows", "penstock.dev")),
)
"""What a caller may want to do, in words, and the right that it takes."""
