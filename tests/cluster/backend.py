"""Chooses what the cluster is made with: kind where a Docker daemon answers, else the one from Go modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.cluster import kind, modules
from tests.cluster.imagebuild import ImageBuilder
from tests.cluster.layout import Layout
from tests.cluster.programs import ClusterError
from tests.cluster.runtime import Runtime


class Cluster(Protocol):
    """What both ways can do."""

    def up(self) -> None:
        """Start it unless it runs; return when its node is ready."""

    def down(self) -> None:
        """Stop it and clean up."""

    def running(self) -> bool:
        """Whether it is ready for work."""

    def describe(self) -> list[str]:
        """Lines about its parts, for a person."""

    def build(self, dockerfile: Path, folder: Path, name: str, arguments: Mapping[str, str]) -> str:
        """Build an image and load it; return its digest."""


class ModulesBackend(modules.ModulesCluster):
    """The cluster from Go modules together with the builder of its images."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.images = ImageBuilder(layout, Runtime(layout))

    def build(self, dockerfile: Path, folder: Path, name: str, arguments: Mapping[str, str]) -> str:
        """Build an image with buildah and load it into containerd; return its digest."""
        return self.images.build(dockerfile, folder, name, arguments)


def available() -> str:
    """`kind` or `modules`. Raises ClusterError saying what is missing when this machine can run neither."""
    if kind.docker_answers():
        return "kind"
    if reason := modules.unavailable():
        raise ClusterError(f"no Docker daemon, and {reason}: the other way needs root on Linux with Go >= 1.26")
    return "modules"


def of(layout: Layout) -> Cluster:
    """The cluster that was started last, else the one that this machine can run."""
    file = layout.backend_file
    name = file.read_text().strip() if file.exists() else available()
    return kind.KindCluster(layout) if name == "kind" else ModulesBackend(layout)


def remember(layout: Layout, cluster: Cluster) -> None:
    """Keep the choice for as long as the cluster is up: Docker may come or go meanwhile."""
    name = "kind" if isinstance(cluster, kind.KindCluster) else "modules"
    layout.backend_file.write_text(name + "\n")
