"""`podDefaults` of a Workflow: the few things of a pod that an author may say, in the shapes of Kubernetes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from penstock.api.v1alpha1.meta import DNS_SUBDOMAIN, OBJECT_NAME, ApiModel

Quantity = Annotated[str, Field(max_length=32)]
LabelKey = Annotated[
    str, Field(pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", max_length=317)
]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$", max_length=63)]


class Resources(ApiModel):
    """Kubernetes resource requests and limits of a step's container."""

    requests: dict[Literal["cpu", "memory", "ephemeral-storage"], Quantity] | None = None
    """What the pod is sure to get."""
    limits: dict[Literal["cpu", "memory", "ephemeral-storage"], Quantity] | None = None
    """What it never exceeds."""


class Toleration(ApiModel):
    """A taint that the pods put up with."""

    key: LabelKey
    """Of the taint."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Equal compares the value; Exists takes any."""
    value: LabelValue = ""
    """Of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Of the taint; any where it is left out."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """How long a taint with effect NoExecute is put up with."""


class PodDefaults(ApiModel):
    """What the pods of all steps have in common. Nothing of a pod but this can be said."""

    resources: Resources | None = None
    """Of steps that do not say their own."""
    node_selector: Annotated[dict[Annotated[str, Field(max_length=317)], LabelValue] | None, Field(max_length=16)] = (
        None
    )
    """Labels that a node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = ()
    """Taints of nodes that the pods put up with."""
    service_account_name: Annotated[str, Field(pattern=DNS_SUBDOMAIN, max_length=253)] | None = None
    """ServiceAccount whose token the pods get. The namespace's annotation penstock.dev/service-accounts lists it, and
    whoever writes the Workflow must be allowed to impersonate it. Without one the pods get no token."""
    runtime_class_name: Annotated[str, Field(pattern=OBJECT_NAME, max_length=63)] | None = None
    """RuntimeClass of the pods. Where there is none of this name, the steps fail."""
