"""Builds the cluster's binaries from Go modules, once, into the cache.

Each upstream project has a go.mod of its own under `go/`, because their dependencies clash; go.sum pins them. A
binary appears under its name only when it is complete, so an interrupted build just goes on at the next call.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.layout import GO_PROJECTS, Layout
from tests.cluster.programs import ClusterError, run, step

OLDEST_GO = (1, 26)


@dataclass(frozen=True, slots=True)
class Project:
    """One upstream project: the folder of its go.mod and what is built from it."""

    folder: str
    packages: tuple[str, ...]
    """Import paths, in the order of the build."""
    names: tuple[str, ...]
    """The binary of each package."""
    variables: tuple[str, ...] = ()
    """`-X` settings for the linker; without a version Kubernetes reports v0.0.0 and its version checks fail."""
    tags: str = ""
    cgo: bool = False

    @property
    def linker_flags(self) -> str:
        """The value of `-ldflags`."""
        return " ".join(("-s", "-w", *(f"-X {variable}" for variable in self.variables)))

    def digest(self, projects: Path = GO_PROJECTS) -> str:
        """Twelve hex digits over everything that decides what comes out."""
        content = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            content.update((projects / self.folder / name).read_bytes())
        content.update(repr((self, platform.machine())).encode())
        return content.hexdigest()[:12]


_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
_CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
_KUBERNETES_VERSION = ("gitVersion=v1.36.3", "gitMajor=1", "gitMinor=36", "gitTreeState=clean")

PROJECTS = (
    Project(
        folder="kubernetes",
        packages=tuple(f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES),
        names=_KUBERNETES,
        variables=tuple(
            f"k8s.io/{module}.{setting}"
            for module in ("component-base/version", "client-go/pkg/version")
            for setting in _KUBERNETES_VERSION
        ),
    ),
    Project(folder="etcd", packages=("go.etcd.io/etcd/server/v3",), names=("etcd",)),
    Project(
        folder="containerd",
        packages=tuple(f"github.com/containerd/containerd/v2/cmd/{name}" for name in _CONTAINERD),
        names=_CONTAINERD,
        variables=("github.com/containerd/containerd/v2/version.Version=v2.3.7",),
    ),
    Project(
        folder="runc",
        packages=("github.com/opencontainers/runc",),
        names=("runc",),
        tags="seccomp",
        cgo=True,  # libseccomp is a C library, and pods ask for seccomp RuntimeDefault
    ),
    Project(
        folder="helm",
        packages=("helm.sh/helm/v3/cmd/helm",),
        names=("helm",),
        variables=(
            "helm.sh/helm/v3/internal/version.version=v3.22.0",
            # What `helm template` takes for the cluster's version when it asks none.
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1",
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36",
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1",
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=36",
        ),
    ),
)

TOOLS = (Project(folder="actionlint", packages=("github.com/rhysd/actionlint/cmd/actionlint",), names=("actionlint",)),)
"""What tests use that is no part of a cluster."""


def go_version() -> tuple[int, int] | None:
    """The installed Go as (major, minor); None when there is none."""
    if shutil.which("go") is None:
        return None
    found = re.search(r"go(\d+)\.(\d+)", run(["go", "env", "GOVERSION"], timeout=60))
    return (int(found[1]), int(found[2])) if found else None


def build_all(layout: Layout) -> Path:
    """Build what the cache lacks and link everything into `layout.bin`, which is returned.

    Raises ClusterError with the go command that failed.
    """
    total = sum(len(project.names) for project in PROJECTS)
    binaries: dict[str, Path] = {}
    for project in PROJECTS:
        folder = layout.cache / "go" / f"{project.folder}-{project.digest()}" / "bin"
        for package, name in zip(project.packages, project.names, strict=True):
            binaries[name] = folder / name
            if not binaries[name].exists():
                with step(f"building {name} ({len(binaries)} of {total})"):
                    _build(project, package, binaries[name])
    _link(binaries, layout.bin)
    return layout.bin


def build_one(layout: Layout, name: str) -> Path:
    """Build one binary if the cache lacks it, and return where it is. Raises ClusterError with the go command."""
    project = next(project for project in (*PROJECTS, *TOOLS) if name in project.names)
    binary = layout.cache / "go" / f"{project.folder}-{project.digest()}" / "bin" / name
    if not binary.exists():
        with step(f"building {name}"):
            _build(project, project.packages[project.names.index(name)], binary)
    return binary


def _build(project: Project, package: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    env = {
        **os.environ,
        "CGO_ENABLED": "1" if project.cgo else "0",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
    }
    flags = ["-trimpath", "-buildvcs=false", "-tags", project.tags, "-ldflags", project.linker_flags]
    try:
        run(
            ["go", "build", *flags, "-o", unfinished, package],
            cwd=GO_PROJECTS / project.folder,
            env=env,
            timeout=3600,
        )
        unfinished.replace(target)
    except ClusterError as error:
        raise ClusterError(f"cannot build {target.name} in {GO_PROJECTS / project.folder}\n{error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _link(binaries: dict[str, Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, binary in binaries.items():
        link = folder / name
        if link.is_symlink() and link.readlink() == binary:
            continue
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.symlink_to(binary)
        fresh.replace(link)
