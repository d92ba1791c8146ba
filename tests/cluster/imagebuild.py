"""Builds the project's Dockerfiles for real, without a Docker daemon, and loads them into the cluster.

buildah with `--isolation chroot` needs neither a daemon nor a registry. Each Dockerfile begins with
`ARG BASE=<the public image>`; here BASE is the base image that `images` makes.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import context, hostsettings, images, packages
from tests.cluster.layout import Layout
from tests.cluster.programs import ClusterError, run, say, step
from tests.cluster.runtime import Runtime
from tests.cluster.toolchains import Toolchain, used_by


class ImageBuilder:
    """Builds and loads images for the cluster of one state folder."""

    def __init__(self, layout: Layout, runtime: Runtime) -> None:
        self._layout = layout
        self._runtime = runtime

    def load_base(self) -> str:
        """Make the base image and load it into containerd; return its digest."""
        archive = images.base_archive(self._layout)
        return self._loaded(images.BASE_IMAGE, archive.stem) or self._load(archive, images.BASE_IMAGE, archive.stem)

    def build(self, dockerfile: Path, folder: Path, name: str, arguments: Mapping[str, str]) -> str:
        """Build and load one image; return its digest. Does nothing when nothing that it is made from has changed.

        `name` is a full one (`localhost/penstock-operator:test`): the kubelet would take a short one for Docker
        Hub's. Raises ClusterError with the end of the build's output.
        """
        check_name(name)
        base = images.base_archive(self._layout)
        with tempfile.TemporaryDirectory(prefix="penstock-build-") as scratch:
            staged = Path(scratch) / "context"
            staged.mkdir()
            made_from = context.stage(folder, staged)
            toolchains = {chain: chain.key(base.stem) for chain in used_by(dockerfile)}
            known = {chain.argument: key for chain, key in toolchains.items()}
            key = context.digest(made_from, dockerfile, name, {**arguments, "BASE": base.stem, **known})
            if digest := self._loaded(name, key):
                say(f"{name} is unchanged")
                return digest
            packages.ensure(packages.TO_BUILD_IMAGES)
            self._pull_base(base)
            for chain, chain_key in toolchains.items():
                self._make(chain, chain_key)
            with step(f"building {name}"):
                stages = {chain.argument: chain.image for chain in toolchains}
                self._run_bud(dockerfile, staged, name, {"BASE": images.BASE_IMAGE, **stages, **arguments})
            archive = Path(scratch) / "image.tar"
            with step(f"loading {name}"):
                self._run_buildah("push", "--quiet", "--disable-compression", name, f"oci-archive:{archive}:{name}")
                return self._load(archive, name, key)

    def _run_bud(self, dockerfile: Path, folder: Path, name: str, arguments: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="penstock-build-") as scratch:
            mounts = [word for mount in self._mounts(Path(scratch)) for word in ("--volume", mount)]
            values = [word for item in arguments.items() for word in ("--build-arg", "=".join(item))]
            options = ("--isolation", "chroot", "--layers", "--force-rm", "--pull-never", "--format", "oci")
            self._run_buildah("bud", *options, *mounts, *values, "-f", str(dockerfile), "-t", name, str(folder))

    def _run_buildah(self, *words: str) -> None:
        """Run buildah in a mount namespace of its own: it leaves mounts behind, more so when a build fails."""
        with tempfile.TemporaryDirectory(prefix="penstock-build-") as volatile:
            # What it keeps about mounts is as short-lived as they are.
            folders = ("--root", str(self._layout.cache / "buildah"), "--runroot", volatile)
            run(["unshare", "--mount", "--propagation", "private", "buildah", *folders, *words], timeout=1800)

    def _mounts(self, scratch: Path) -> list[str]:
        """Files of this machine that a build sees while it runs and that its image does not keep."""
        bundle = hostsettings.authorities(os.environ)
        if bundle is None:
            return []
        pip = hostsettings.pip_settings(os.environ, Path.home())
        (scratch / "pip.conf").write_text(hostsettings.pip_conf(pip))
        (scratch / "uv.toml").write_text(hostsettings.uv_toml(os.environ, pip))
        return [
            f"{bundle.resolve()}:{hostsettings.IMAGE_AUTHORITIES}:ro",
            f"{scratch / 'pip.conf'}:/etc/pip.conf:ro",
            f"{scratch / 'uv.toml'}:/etc/uv/uv.toml:ro",
        ]

    def _make(self, toolchain: Toolchain, key: str) -> None:
        """Build the image of a language, unless it is there."""
        marker = self._layout.cache / "buildah" / f"penstock-toolchain-{toolchain.argument.lower()}"
        if marker.exists() and marker.read_text() == key:
            return
        with step(f"building {toolchain.image}"):
            arguments = {"BASE": images.BASE_IMAGE}
            self._run_bud(toolchain.dockerfile, toolchain.folder(), toolchain.image, arguments)
        marker.write_text(key)

    def _pull_base(self, archive: Path) -> None:
        marker = self._layout.cache / "buildah" / "penstock-base"
        if marker.exists() and marker.read_text() == archive.name:
            return
        self._run_buildah("pull", "--quiet", f"oci-archive:{archive}")
        marker.write_text(archive.name)

    def _record(self, name: str) -> Path:
        return self._layout.state / "images" / f"{name.replace('/', '_').replace(':', '_')}.json"

    def _loaded(self, name: str, key: str) -> str | None:
        """The digest of an image that was made from the same things and is still loaded."""
        record = self._record(name)
        if not record.exists() or not self._runtime.has_image(name):
            return None
        known = json.loads(record.read_text())
        return str(known["digest"]) if known["key"] == key else None

    def _load(self, archive: Path, name: str, key: str) -> str:
        digest = self._runtime.load(archive, name)
        record = self._record(name)
        record.parent.mkdir(exist_ok=True)
        record.write_text(json.dumps({"key": key, "digest": digest}))
        return digest


def check_name(name: str) -> None:
    """Raise ClusterError for an image name without a registry or a tag."""
    registry, slash, rest = name.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost") or ":" not in rest:
        raise ClusterError(f"{name!r}: give the image a full name with a tag, such as localhost/penstock-operator:test")
