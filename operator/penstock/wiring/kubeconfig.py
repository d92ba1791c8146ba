"""Where the caller's way to a cluster is written down. Needs no Kubernetes client: every command may ask."""

from __future__ import annotations

import os
from pathlib import Path

from penstock.adapters.kube.contexts import namespace_of_context, namespace_of_pod
from penstock.settings import CommandSettings


def in_pod(settings: CommandSettings) -> bool:
    """The ServiceAccount of the pod that this runs in counts: nothing else is configured."""
    return bool(settings.kubernetes_service_host) and not settings.kubeconfig and settings.kube_context is None


def kubeconfigs(settings: CommandSettings) -> list[Path]:
    """The files of the kubeconfig, in the order in which they count."""
    names = settings.kubeconfig or "~/.kube/config"
    return [Path(name).expanduser() for name in names.split(os.pathsep) if name]


def home_namespace(settings: CommandSettings) -> str | None:
    """The namespace of the kubeconfig's context, or of the pod that this runs in; None where there is none."""
    if in_pod(settings):
        return namespace_of_pod()
    return namespace_of_context(kubeconfigs(settings), settings.kube_context)
