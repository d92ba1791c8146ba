"""What an installation decides about the operator's side of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from penstock.adapters.assertion_key import NoKey
from penstock.adapters.kube.manifests import PodSettings
from penstock.adapters.kube.pod_minder import Patience
from penstock.application.notifications import NoticeSettings
from penstock.application.retention import Policy
from penstock.application.run_spans import RunSpans
from penstock.ports.assertions import Signer
from penstock.ports.notices import Channel


@dataclass(frozen=True, slots=True)
class SideSettings:
    """What an installation decides."""

    namespaces: tuple[str, ...] = ()
    """Namespaces whose runs are driven; all of them when empty."""
    pod: PodSettings = field(default_factory=PodSettings)
    instance: str = "penstock-operator"
    """Name of this replica."""
    workers: int = 32
    retention: Policy = field(default_factory=Policy)
    """How long finished runs are kept whose Workflow says nothing."""
    patience: Patience = field(default_factory=Patience)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """Ways to tell people of gates, by name; none: nobody is told."""
    notices: NoticeSettings = field(default_factory=NoticeSettings)
    traces: RunSpans | None = None
    """Who tells of spans; None: nobody does."""
    signer: Signer = field(default_factory=NoKey)
    """Signs who asked for a run, for Connections with `onBehalfOf`."""
    look_every: timedelta | None = None
    """How often Connections are looked at; None: never."""
