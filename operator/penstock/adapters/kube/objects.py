"""The few fields of Pods and Jobs that are looked at. What is not declared here is never decoded."""

from __future__ import annotations

from typing import Protocol

import msgspec

from penstock.adapters.kube import labels
from penstock.ports.access import Key


class Struct(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Base: camelCase outside, immutable, invisible to the garbage collector (nothing in here points back)."""


class Owner(Struct, frozen=True):
    """An ownerReference."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Annotations(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "output_from": labels.OUTPUT_FROM,
        "step": labels.STEP,
        "attempt": labels.ATTEMPT,
        "batch": labels.BATCH,
        "digest": labels.DIGEST,
        "nonce": labels.NONCE,
    },
):
    """Our annotations."""

    step: str = ""
    attempt: str = ""
    batch: str = ""
    digest: str = ""
    nonce: str = ""
    output_from: str = ""


class Meta(Struct, frozen=True):
    """Object metadata."""

    name: str
    uid: str = ""
    namespace: str = ""
    resource_version: str = ""
    labels: dict[str, str] = {}
    annotations: Annotations = Annotations()
    owner_references: tuple[Owner, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None

    @property
    def key(self) -> Key:
        """Where the object is."""
        return Key(self.namespace, self.name)

    @property
    def controller(self) -> Owner | None:
        """The owner that controls it."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class OnlyMeta(Struct, frozen=True):
    """An object of which only the metadata travelled."""

    metadata: Meta


class ListMeta(Struct, frozen=True):
    """Metadata of a list."""

    resource_version: str = ""


class MetaList(Struct, frozen=True):
    """A list of which only the metadata of its objects travelled."""

    metadata: ListMeta = ListMeta()
    items: tuple[OnlyMeta, ...] | None = None
    """Of an empty one the API server says null."""

    @property
    def metas(self) -> tuple[Meta, ...]:
        """The metadata of each object."""
        return tuple(item.metadata for item in self.items or ())


class Identified(Protocol):
    """The metadata that an informer looks at."""

    @property
    def name(self) -> str:
        """Of the object."""

    @property
    def namespace(self) -> str:
        """Empty for kinds without."""

    @property
    def uid(self) -> str:
        """Tells an object from a later one of the same name."""

    @property
    def resource_version(self) -> str:
        """Grows with every change."""


class Tracked(Protocol):
    """What an informer keeps."""

    @property
    def metadata(self) -> Identified:
        """Who it is."""


def key_of(found: Tracked) -> Key:
    """Where the object is."""
    return Key(found.metadata.namespace, found.metadata.name)


class Waiting(Struct, frozen=True):
    """A container that has not started."""

    reason: str = ""
    message: str = ""


class Running(Struct, frozen=True):
    """A container that runs."""

    started_at: str | None = None


class Terminated(Struct, frozen=True):
    """A container that has ended."""

    exit_code: int
    signal: int | None = None
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Struct, frozen=True):
    """Exactly one is set; none before the kubelet has said anything."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Struct, frozen=True):
    """One container."""

    name: str
    state: ContainerState = ContainerState()


class PodCondition(Struct, frozen=True):
    """One condition of a pod or Job."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class PodStatus(Struct, frozen=True):
    """Where a pod stands."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    start_time: str | None = None
    conditions: tuple[PodCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class PodSpec(Struct, frozen=True):
    """Where a pod runs."""

    node_name: str = ""
    """Empty until it is scheduled."""


class Pod(Struct, frozen=True):
    """A Pod."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ended(self) -> bool:
        """Its containers have ended, or never will run."""
        return self.status.phase in ("Succeeded", "Failed")


class JobSpec(Struct, frozen=True):
    """Who runs the Job."""

    managed_by: str = ""


class JobStatus(Struct, frozen=True):
    """Where a Job stands."""

    start_time: str | None = None
    conditions: tuple[PodCondition, ...] = ()


class Job(Struct, frozen=True):
    """A Job."""

    metadata: Meta
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()

    @property
    def finished(self) -> bool:
        """It is Complete or Failed."""
        return any(each.type in ("Complete", "Failed") and each.status == "True" for each in self.status.conditions)


def version(text: str) -> int:
    """A resourceVersion as the number that it is (comparable by contract since Kubernetes 1.35, in fact since 1.0)."""
    return int(text) if text.isdigit() else 0
