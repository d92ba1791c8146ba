"""Penstock as the e2e tests and the benchmark install it: images from this tree, pinned by digest, and the charts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from tests.cluster.hostsettings import authorities
from tests.support.cluster import ROOT, Cluster, Release, build_image

AUDIENCE = "penstock-mcp"
"""What a ServiceAccount's token has to be made for to be taken by the MCP server."""
CA_BUNDLE = "penstock-ca"
"""ConfigMap with the machine's certificate authorities, in each namespace whose steps install packages."""


VALUES = ROOT / "build" / "images.yaml"
"""Where `make images` writes what the chart has to be told of them."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image of this repository; paths are relative to its root."""

    name: str
    dockerfile: str
    context: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    def build(self) -> str:
        """Build it into the cluster unless nothing changed; the reference that pins it by digest."""
        tag = f"localhost/{self.name}:test"
        return f"localhost/{self.name}@{build_image(self.dockerfile, self.context, tag, **self.arguments)}"


OPERATOR_IMAGE = Image("penstock-operator", "Dockerfile", ".", {"EXTRAS": "--extra=operator"})
MCP_IMAGE = Image("penstock-mcp", "Dockerfile", ".", {"EXTRAS": "--extra=operator --extra=mcp"})
RUNTIME_IMAGES = {
    runtime: Image(
        f"penstock-runtime-{runtime}", f"runtimes_images/penstock_runtimes/{runtime}/Dockerfile", "runtimes_images"
    )
    # Not powershell, whose interpreter is in no package index: it is nowhere to be had without a registry of images.
    for runtime in ("python", "bash", "javascript", "go", "steps")
}
# Penstock's compiler, which judges plans, is in it.
RUNTIME_IMAGES["llm"] = Image("penstock-runtime-llm", "runtimes_images/penstock_runtimes/llm/Dockerfile", ".")


@dataclass(frozen=True, slots=True)
class Images:
    """References by digest of everything that is installed."""

    operator: str
    mcp: str
    runtimes: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, object]:
        """Values of the chart that name them."""
        runtimes = {f"runtimes.{name}.image": image for name, image in self.runtimes.items()}
        return {"image.operator": self.operator, "image.mcp": self.mcp, **runtimes}


def build_images() -> Images:
    """Build all images; takes minutes the first time, and a second where nothing changed."""
    return Images(
        operator=OPERATOR_IMAGE.build(),
        mcp=MCP_IMAGE.build(),
        runtimes={name: image.build() for name, image in RUNTIME_IMAGES.items()},
    )


class Installation:
    """The release with what all tests have in common; each `install` says what is different for one of them."""

    def __init__(self, cluster: Cluster, release: Release, images: Images) -> None:
        self.cluster = cluster
        self.images = images
        self._release = release

    def install(self, **changes: object) -> None:
        """Install, or bring up to date; returns when the guards are in force and both deployments are ready.

        `changes` are chart values with `__` for the dot: `operator__replicas=0`.
        """
        values: dict[str, object] = {
            **self.images.values,
            # The test cluster has no DNS for Services; pods use the node's.
            "operator.stepDnsPolicy": "Default",
            "operator.replicas": 1,
            "mcp.replicas": 1,
            "mcp.audience": AUDIENCE,
            "caBundle.configMapName": CA_BUNDLE,
        }
        self._release.install({**values, **{name.replace("__", "."): value for name, value in changes.items()}})


def put_authorities(cluster: Cluster, namespace: str) -> None:
    """Put the machine's certificate authorities into a namespace, for steps that install packages.

    An empty bundle where the machine has no such file: the ConfigMap has to be there for pods to start.
    """
    bundle = authorities(os.environ)
    text = bundle.read_text() if bundle else ""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CA_BUNDLE}, "data": {"ca.crt": text}}
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=body)


if __name__ == "__main__":
    # `make images`: what to hand to `helm install`, as a file. The cluster for tests has no DNS for Services.
    images = build_images()
    values = {
        "image": {"operator": images.operator, "mcp": images.mcp},
        "runtimes": {name: {"image": image} for name, image in images.runtimes.items()},
        "operator": {"stepDnsPolicy": "Default"},
    }
    VALUES.parent.mkdir(exist_ok=True)
    VALUES.write_text(yaml.safe_dump(values))
    print(VALUES.relative_to(ROOT))
