"""The namespace that a kubeconfig's context names, as kubectl takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

_OF_THE_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def namespace_of_context(files: Sequence[Path], context: str | None) -> str | None:
    """That of a context, by default the current one; None where it names none, or nothing can be read.

    Of several files the first that says something counts
    (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
    """
    configs = list(_read(files))
    name = context or next((config["current-context"] for config in configs if config.get("current-context")), None)
    for config in configs:
        for entry in config.get("contexts") or ():
            if entry.get("name") == name:
                return (entry.get("context") or {}).get("namespace") or None
    return None


def namespace_of_pod() -> str | None:
    """That of the pod which this runs in; None outside of one."""
    try:
        return _OF_THE_POD.read_text("utf-8").strip() or None
    except OSError:
        return None


def _read(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        try:
            config = yaml.safe_load(file.read_text("utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue  # whoever connects with it says what is wrong
        if isinstance(config, dict):
            yield config
