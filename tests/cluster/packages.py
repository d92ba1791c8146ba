"""The Debian packages that the cluster needs, installed when something of them is missing.

These stay on the machine; nothing else that the cluster does outlives `down`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.programs import ClusterError, run, step


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package and what shows that it is there: a program, or an absolute path."""

    name: str
    proof: str

    def missing(self) -> bool:
        """Whether neither the program nor the path is found."""
        return not Path(self.proof).exists() if self.proof.startswith("/") else shutil.which(self.proof) is None


TO_RUN = (
    Package("nftables", "nft"),
    Package("iproute2", "ip"),
    Package("openssl", "openssl"),
    Package("containernetworking-plugins", "/usr/lib/cni/bridge"),
    # For runc, which is built here with seccomp, and for the pause image.
    Package("gcc", "gcc"),
    Package("libc6-dev", "/usr/include/stdio.h"),
    Package("pkg-config", "pkg-config"),
    Package("libseccomp-dev", "/usr/include/seccomp.h"),
)
TO_BUILD_IMAGES = (Package("debootstrap", "debootstrap"), Package("buildah", "buildah"))


def ensure(packages: tuple[Package, ...]) -> None:
    """Install what is missing, by apt, without questions and without recommended extras.

    Raises ClusterError naming what is missing where there is no apt.
    """
    missing = [package.name for package in packages if package.missing()]
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise ClusterError(f"missing, and there is no apt-get to install it with: {names}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing Debian packages: {names}"):
        run(["apt-get", "update", "-qq"], env=env)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=env)
